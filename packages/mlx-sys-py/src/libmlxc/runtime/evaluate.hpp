// The one way this library evaluates.
#pragma once

#include <mutex>
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

using EvaluationLock = std::unique_lock<std::recursive_timed_mutex>;

// The lock that `evaluate` holds while it schedules. Whatever else changes the state of arrays
// takes it, too.
EvaluationLock lock_evaluation();

}  // namespace mlx_c
