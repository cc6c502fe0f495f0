#include "private/waiting.hpp"

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <utility>

#include <mlx/array.h>
#include <mlx/scheduler.h>

#include "mlx/c/stream.h"
#include "private/guard.hpp"

namespace mlx_c {
namespace {

namespace mx = mlx::core;

std::atomic<mlx_interrupt_check_func> interrupt_check = nullptr;

// MLX's events know no wait of limited time.
class latch {
 public:
  void open() {
    {
      std::lock_guard lock(mutex_);
      open_ = true;
    }
    opened_.notify_all();
  }

  bool wait_until(std::chrono::steady_clock::time_point time) {
    std::unique_lock lock(mutex_);
    return opened_.wait_until(lock, time, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

// Where events of other devices are waited for. Made in a thread of its own, as the default streams
// are.
mx::Stream waiting_stream() {
  auto make = [] { return mx::new_thread_unsafe_stream(mx::Device::cpu); };
  static const auto stream = std::async(std::launch::async, make).get();
  return stream;
}

}  // namespace

void patience::check() {
  auto call = interrupt_check.load(std::memory_order_relaxed);
  if (!call || clock::now() < next_) {
    return;
  }
  if (call() != 0) {
    throw callback_error("the wait was interrupted; what was waited for goes on");
  }
  next_ = clock::now() + slice;
}

void patience::wait(const mx::Event& event, bool soon) {
  // An array of our own, as waiting for one changes it.
  mx::array waiter(mx::Shape{}, mx::bool_, nullptr, {});
  waiter.attach_event(event);
  waiter.set_status(mx::array::Status::evaluated);
  if (waiter.is_available()) {
    return;
  }
  if (!soon && interrupt_check.load(std::memory_order_relaxed)) {
    if (event.stream().device == mx::Device::cpu) {
      // Comes after the task that signals the event.
      wait_for_task(event.stream(), [] {});
    } else {
      wait_for_task(waiting_stream(), [waiter]() mutable { waiter.wait(); });
    }
  }
  waiter.wait();
}

void patience::wait(mx::Stream stream) {
  if (stream.device == mx::Device::cpu && interrupt_check.load(std::memory_order_relaxed)) {
    wait_for_task(stream, [] {});
  }
  mx::synchronize(stream);
}

template <class F>
void patience::wait_for_task(mx::Stream stream, F task) {
  auto done = std::make_shared<latch>();
  mx::scheduler::enqueue(stream, [done, task = std::move(task)]() mutable {
    task();
    done->open();
  });
  while (!done->wait_until(next_)) {
    check();
  }
}

}  // namespace mlx_c

void mlx_set_interrupt_check(mlx_interrupt_check_func check) {
  mlx_c::interrupt_check = check;
}
