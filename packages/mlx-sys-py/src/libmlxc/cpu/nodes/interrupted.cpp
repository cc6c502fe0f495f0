#include "cpu/nodes/interrupted.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <ranges>
#include <thread>
#include <utility>
#include <vector>

#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_batch.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/nodes/weak_node.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;

std::atomic<std::uint64_t> set_aside_count = 0;

using Batches = std::vector<std::shared_ptr<TaskBatch>>;

// A node whose value the batches compute, besides others: they are shared by all such nodes, and
// run once.
class Interrupted : public KernelPrimitive {
 public:
  Interrupted(mx::Stream stream, std::shared_ptr<const Batches> batches, array result)
      : KernelPrimitive(stream), batches_(std::move(batches)), result_(std::move(result)) {}

  bool may_run_inline() const override {
    return false;
  }

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    outputs[0].copy_shared_buffer(result_);
    for (const auto& batch : *batches_) {
      if (batch->evaluation) {
        // An error that is found only now concerns the same node.
        batch->evaluation->add(outputs[0].event());
      }
      dispatch(stream(), [batch] { batch->resume(); });
    }
  }

  const char* name() const override {
    return "Interrupted";
  }

 private:
  const std::shared_ptr<const Batches> batches_;
  const array result_;  // its data and layout
};

// What the thread has under way, and what depends on that, in the order of the streams.
Batches work_of(std::thread::id thread) {
  Batches result;
  TaskBatch::DataSet written;
  for (const auto& other : TaskQueue::under_way()) {
    auto batch = other.lock();
    if (batch && !batch->pinned && (batch->owner == thread || batch->touches(written))) {
      batch->collect_written(written);
      result.push_back(std::move(batch));
    }
  }
  return result;
}

}  // namespace

std::uint64_t times_set_aside() {
  return set_aside_count;
}

void set_work_aside() {
  auto batches = std::make_shared<Batches>();
  // From the last: what depends on another batch is set aside before that one.
  for (auto& batch : std::views::reverse(work_of(std::this_thread::get_id()))) {
    if (batch->set_aside()) {
      batches->push_back(std::move(batch));
    }
  }
  if (batches->empty()) {
    return;
  }
  set_aside_count++;
  std::ranges::reverse(*batches);
  TaskBatch::DataSet written;
  for (const auto& batch : *batches) {
    batch->collect_written(written);
  }
  for (const auto& batch : *batches) {
    for (const auto& output : batch->outputs) {
      auto node = output.array.lock();
      if (!node || node->status() != mx::array::Status::evaluated ||
          !written.contains(node->data_shared_ptr().get())) {
        continue;
      }
      mx::array result(node->shape(), node->dtype(), nullptr, {});
      result.copy_shared_buffer(*node);
      unschedule(*node, std::make_shared<Interrupted>(batch->stream, batches, std::move(result)));
    }
  }
  TaskQueue::forget(*batches);
}

}  // namespace mlx_c::cpu
