#include "cpu/nodes/task_queue.hpp"

#include <algorithm>
#include <iterator>

#include "cpu/nodes/stream_errors.hpp"
#include "cpu/nodes/use_count.hpp"

namespace mlx_c::cpu {

// Enough tasks to make enqueueing cheap, few enough to start early and to free memory early.
constexpr std::size_t batch_size = 16;

thread_local constinit TaskQueue* TaskQueue::current_ = nullptr;

TaskQueue::TaskQueue(mlx::core::Stream stream, bool runs_inline)
    : stream_(stream),
      runs_inline_(runs_inline),
      outer_(std::exchange(current_, this)),
      batch_(runs_inline ? nullptr : std::make_shared<TaskBatch>(stream)) {}

TaskQueue::TaskQueue(mlx::core::Stream stream, Collects)
    : stream_(stream),
      runs_inline_(false),
      outer_(std::exchange(current_, this)),
      batch_(std::make_shared<TaskBatch>(stream)),
      collects_(true) {}

TaskQueue::~TaskQueue() {
  current_ = outer_;
}

void TaskQueue::keep(std::vector<Data> buffers) {
  if (batch_->tasks.empty() && !collects_) {
    return;
  }
  std::move(buffers.begin(), buffers.end(), std::back_inserter(batch_->buffers));
}

std::vector<TaskBatch::Task> TaskQueue::take_tasks() {
  return std::exchange(batch_->tasks, {});
}

std::vector<TaskQueue::Data> TaskQueue::take_buffers() {
  return std::exchange(batch_->buffers, {});
}

void TaskQueue::flush(bool all) {
  const bool is_empty = batch_->tasks.empty() && (!all || batch_->nodes.empty());
  if (is_empty || (!all && batch_->tasks.size() < batch_size)) {
    return;
  }
  auto batch = std::exchange(batch_, std::make_shared<TaskBatch>(stream_));
  std::erase_if(under_way(), [](const auto& other) { return other.expired(); });
  under_way().push_back(batch);
  enqueue(stream_, [batch = std::move(batch)] { batch->run(); });
}

void TaskQueue::pin(const mlx::core::Stream* stream) {
  for (const auto& other : under_way()) {
    const auto batch = other.lock();
    if (batch && (!stream || batch->stream == *stream)) {
      batch->pinned = true;
    }
  }
}

void TaskQueue::forget(const std::vector<std::shared_ptr<TaskBatch>>& batches) {
  std::erase_if(under_way(), [&](const auto& other) {
    return std::ranges::find(batches, other.lock()) != batches.end();
  });
}

bool TaskQueue::may_overwrite(const mlx::core::array& a) const {
  const Data& data = a.data_shared_ptr();
  if (runs_inline_ || !data || !data->is_owned() || use_count(a) != 1) {
    return false;
  }
  // Counted first: a batch may release its handle meanwhile, and a handle that is not found in a
  // batch counts as somebody else's.
  const long all = data.use_count();
  long mine = 0;
  const auto count = [&](const TaskBatch& batch) {
    if (batch.stream == stream_) {
      mine += std::count(batch.buffers.begin(), batch.buffers.end(), data);
    }
  };
  for (auto* queue = this; queue; queue = queue->outer_) {
    if (queue->batch_) {
      count(*queue->batch_);
    }
  }
  for (const auto& other : under_way()) {
    if (const auto batch = other.lock()) {
      count(*batch);
    }
  }
  return all - mine == 1;
}

std::shared_ptr<void>& TaskQueue::shared_by_readers_of(const mlx::core::array& input) {
  if (read_ != input.id()) {
    shared_ = nullptr;
    reader_.emplace(input);
  }
  read_ = input.id();
  return shared_;
}

void TaskQueue::forget_shared() {
  read_ = 0;
  shared_ = nullptr;
  reader_.reset();
}

std::vector<std::weak_ptr<TaskBatch>>& TaskQueue::under_way() {
  static auto& batches = *new std::vector<std::weak_ptr<TaskBatch>>;
  return batches;
}

}  // namespace mlx_c::cpu
