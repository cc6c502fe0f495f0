// The one way this library evaluates.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <mlx/array.h>

#include "core/guard.hpp"

namespace mlx_c {

// Evaluates `outputs`, one caller at a time; returns when they are available if `wait`, else when
// they are scheduled.
void evaluate(std::vector<mlx::core::array> outputs, bool wait);

// Sets aside what this thread has scheduled and what is not done: it is resumed when somebody needs
// it (cpu/nodes/interrupted.hpp).
void set_work_aside();

// Calls `wait`, which may be interrupted; if it is, this thread's work stops, too.
template <class F>
void stop_if_interrupted(F wait) {
  try {
    wait();
  } catch (const CallbackError&) {
    set_work_aside();
    throw;
  }
}

// Whether `array` can be read without waiting.
bool is_available(const mlx::core::array& array);

// Lets no other thread evaluate from here on: the exit of a process destroys what that needs.
void stop_other_threads();

// A recursive mutex that knows whether the calling thread holds it.
class EvaluationMutex {
 public:
  void lock() {
    mutex_.lock();
    acquired();
  }

  bool try_lock() {
    return mutex_.try_lock() && acquired();
  }

  template <class Time>
  bool try_lock_until(const Time& time) {
    return mutex_.try_lock_until(time) && acquired();
  }

  void unlock() {
    if (--depth_ == 0) {
      owner_ = std::thread::id();
    }
    mutex_.unlock();
  }

  bool is_mine() const {
    return owner_ == std::this_thread::get_id();
  }

 private:
  bool acquired() {
    depth_++;
    owner_ = std::this_thread::get_id();
    return true;
  }

  std::recursive_timed_mutex mutex_;
  std::atomic<std::thread::id> owner_;
  int depth_ = 0;
};

using EvaluationLock = std::unique_lock<EvaluationMutex>;

// The lock that `evaluate` holds while it schedules. Whatever else changes the state of arrays
// takes it, too.
EvaluationLock lock_evaluation();

}  // namespace mlx_c
