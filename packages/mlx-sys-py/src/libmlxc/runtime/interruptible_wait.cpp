#include "runtime/interruptible_wait.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include <mlx/array.h>
#include <mlx/scheduler.h>

#include "core/guard.hpp"
#include "cpu/nodes/stream_errors.hpp"
#include "cpu/parallel/thread_pool.hpp"
#include "runtime/device_graphs.hpp"

namespace mlx_c {
namespace {

namespace mx = mlx::core;

std::atomic<mlx_interrupt_check_func> interrupt_check = nullptr;

}  // namespace

// MLX's events have no wait with a timeout: a latch has.
class Latch {
 public:
  // With what was thrown instead of what was waited for, if anything was.
  void open(std::exception_ptr error = nullptr) {
    {
      std::lock_guard lock(mutex_);
      open_ = true;
      error_ = std::move(error);
    }
    opened_.notify_all();
  }

  // Of an open latch.
  void check() const {
    if (error_) {
      std::rethrow_exception(error_);
    }
  }

  bool wait_until(std::chrono::steady_clock::time_point time) {
    std::unique_lock lock(mutex_);
    return opened_.wait_until(lock, time, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
  std::exception_ptr error_;
};

namespace {

// The latches of expected events, by the addresses of the events.
class ExpectedEvents {
 public:
  static ExpectedEvents& instance() {
    static auto& self = *new ExpectedEvents;
    return self;
  }

  // Whether `event` is new.
  bool add(const mx::Event& event) {
    std::lock_guard lock(mutex_);
    return expected_.try_emplace(address(event), event, std::make_shared<Latch>()).second;
  }

  std::shared_ptr<Latch> find(const mx::Event& event) {
    std::lock_guard lock(mutex_);
    const auto found = expected_.find(address(event));
    return found == expected_.end() ? nullptr : found->second.arrival;
  }

  void arrive(const void* event) {
    std::lock_guard lock(mutex_);
    expected_.extract(event).mapped().arrival->open();
  }

  static const void* address(const mx::Event& event) {
    return &event.cast<char>();
  }

 private:
  struct Expected {
    Expected(const mx::Event& event, std::shared_ptr<Latch> arrival)
        : event(event), arrival(std::move(arrival)) {}

    mx::Event event;  // kept alive, so that no other event gets its address
    std::shared_ptr<Latch> arrival;
  };

  std::mutex mutex_;
  std::unordered_map<const void*, Expected> expected_;
};

// Threads that wait for other devices, each for one thing at a time: a wait that the user has ended
// goes on there, and must not hold up the next one.
class WaitingThreads {
 public:
  static WaitingThreads& instance() {
    static auto& self = *new WaitingThreads;
    return self;
  }

  // `wait` throws nothing.
  void run(std::function<void()> wait) {
    std::unique_lock lock(mutex_);
    waits_.push_back(std::move(wait));
    if (waits_.size() <= idle_) {
      added_.notify_one();
      return;
    }
    try {
      std::thread([this] { work(); }).detach();
    } catch (const std::system_error&) {
      // Then a wait cannot be interrupted.
      wait = std::move(waits_.back());
      waits_.pop_back();
      lock.unlock();
      wait();
    }
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      idle_++;
      added_.wait(lock, [this] { return !waits_.empty(); });
      idle_--;
      const auto wait = std::move(waits_.front());
      waits_.pop_front();
      lock.unlock();
      wait();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable added_;
  std::deque<std::function<void()>> waits_;
  std::size_t idle_ = 0;
};

}  // namespace

void set_interrupt_check(mlx_interrupt_check_func check) {
  interrupt_check = check;
}

void expect(const mx::Event& event) {
  auto& events = ExpectedEvents::instance();
  if (!events.add(event)) {
    return;
  }
  cpu::enqueue(
      event.stream(), [&events, address = events.address(event)] { events.arrive(address); });
}

void InterruptibleWait::check() {
  auto call = interrupt_check.load(std::memory_order_relaxed);
  if (!call || Clock::now() < next_) {
    return;
  }
  if (call() != 0) {
    throw CallbackError("the wait was interrupted");
  }
  next_ = Clock::now() + slice;
}

void InterruptibleWait::wait(const mx::Event& event, bool soon) {
  // An array of our own: waiting changes the state of an array.
  mx::array waiter(mx::Shape{}, mx::bool_, nullptr, {});
  waiter.attach_event(event);
  waiter.set_status(mx::array::Status::evaluated);
  if (waiter.is_available()) {
    cpu::check_kept_errors();
    return;
  }
  if (!soon && interrupt_check.load(std::memory_order_relaxed)) {
    if (const auto arrival = ExpectedEvents::instance().find(event)) {
      wait_for(*arrival);
    } else if (event.stream().device == mx::Device::cpu) {
      // Comes after the task that signals the event.
      wait_for_task(event.stream());
    } else {
      wait_elsewhere([waiter]() mutable { waiter.wait(); });
    }
  }
  wait_for_signal(event, waiter);
  cpu::check_kept_errors();
}

// A CUDA device signals the events of the CPU, too: one that a kernel has broken never does, and
// MLX's wait does not notice.
void InterruptibleWait::wait_for_signal(const mx::Event& event, mx::array& waiter) {
  if (has_devices() && event.stream().device == mx::Device::cpu) {
    poll([&] { return waiter.is_available(); }, check_devices);
  }
  waiter.wait();
}

void InterruptibleWait::poll(
    const std::function<bool()>& is_done, const std::function<void()>& check_again) {
  constexpr auto soon = std::chrono::microseconds(200);
  constexpr auto briefly = std::chrono::microseconds(50);
  constexpr auto seldom = std::chrono::milliseconds(200);
  const auto start = Clock::now();
  for (auto next = start + seldom; !is_done();) {
    check();
    const auto now = Clock::now();
    if (now < start + soon) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(briefly);
    }
    if (now > next) {
      check_again();
      next = now + seldom;
    }
  }
}

void InterruptibleWait::wait(mx::Stream stream) {
  cpu::CallerWaits waits;
  if (stream.device == mx::Device::cpu && interrupt_check.load(std::memory_order_relaxed)) {
    wait_for_task(stream);
  }
  mx::synchronize(stream);
  cpu::check_kept_errors();
}

void InterruptibleWait::wait_elsewhere(std::function<void()> wait) {
  auto done = std::make_shared<Latch>();
  WaitingThreads::instance().run([done, wait = std::move(wait)] {
    try {
      wait();
      done->open();
    } catch (...) {
      done->open(std::current_exception());
    }
  });
  wait_for(*done);
}

void InterruptibleWait::wait_for_task(mx::Stream stream) {
  auto done = std::make_shared<Latch>();
  mx::scheduler::enqueue(stream, [done] { done->open(); });
  wait_for(*done);
}

void InterruptibleWait::wait_for(Latch& latch) {
  while (!latch.wait_until(next_)) {
    check();
  }
  latch.check();
}

}  // namespace mlx_c
