#include "cpu/nodes/stream_errors.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <mlx/scheduler.h>
#include <mlx/transforms.h>

#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;

class KeptErrors {
 public:
  static KeptErrors& instance() {
    static auto& self = *new KeptErrors;
    return self;
  }

  void keep(mx::Stream stream, std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    // The first one is what the others may come from.
    errors_.try_emplace(stream.index, std::move(error));
    any_ = true;
  }

  std::exception_ptr take() {
    if (!any_) {
      return nullptr;
    }
    std::lock_guard lock(mutex_);
    if (errors_.empty()) {
      return nullptr;
    }
    auto error = errors_.extract(errors_.begin());
    any_ = !errors_.empty();
    return error.mapped();
  }

 private:
  std::mutex mutex_;
  std::unordered_map<int, std::exception_ptr> errors_;
  std::atomic<bool> any_ = false;
};

std::atomic<bool> may_count_lost_tasks = false;

// Whether a stream has nothing to do within a second: it may wait for what the caller holds.
bool becomes_idle(mx::Stream stream) {
  const auto done = std::make_shared<std::promise<void>>();
  auto idle = done->get_future();
  enqueue(stream, [done] { done->set_value(); });
  return idle.wait_for(std::chrono::seconds(1)) == std::future_status::ready;
}

void take_lost_tasks_off() {
  if (!may_count_lost_tasks || mx::scheduler::n_active_tasks() <= 1) {
    return;
  }
  for (const auto& stream : mx::get_streams()) {
    if (stream.device == mx::Device::cpu && !becomes_idle(stream)) {
      return;
    }
  }
  may_count_lost_tasks = false;
  // Nothing is under way: what is still counted is lost.
  while (mx::scheduler::n_active_tasks() > 0) {
    mx::scheduler::notify_task_completion(mx::default_stream(mx::Device::cpu));
  }
}

// MLX waits for one when there are more than ten, those of the node that it adds included.
constexpr int most_under_way = 6;

// Waits before MLX would, and tells the thread pool, which uses the caller's processor meanwhile. A
// caller that schedules a step while the one before is under way spends most of its time here.
// Tasks of a GPU are counted, too, and may be many.
void wait_for_others() {
  static const bool has_gpu = mx::is_available(mx::Device::gpu);
  if (has_gpu || mx::scheduler::n_active_tasks() <= most_under_way) {
    return;
  }
  const CallerWaits waits;
  while (mx::scheduler::n_active_tasks() > most_under_way) {
    mx::scheduler::wait_for_one();
  }
}

template <class F>
void schedule(F by_mlx, std::vector<mx::array> outputs) {
  take_lost_tasks_off();
  wait_for_others();
  try {
    by_mlx(std::move(outputs));
  } catch (...) {
    expect_lost_tasks();
    throw;
  }
}

}  // namespace

void eval(std::vector<mx::array> outputs) {
  schedule([](auto arrays) { mx::eval(std::move(arrays)); }, std::move(outputs));
}

void async_eval(std::vector<mx::array> outputs) {
  schedule([](auto arrays) { mx::async_eval(std::move(arrays)); }, std::move(outputs));
}

void expect_lost_tasks() {
  may_count_lost_tasks = true;
}

void enqueue(mx::Stream stream, std::function<void()> task) {
  try {
    mx::scheduler::enqueue(stream, task);
  } catch (const std::exception&) {
    KeptErrors::instance().keep(stream, std::current_exception());
    mx::scheduler::enqueue(stream, std::move(task));
  }
}

void check_kept_errors() {
  if (auto error = KeptErrors::instance().take()) {
    std::rethrow_exception(error);
  }
}

}  // namespace mlx_c::cpu
