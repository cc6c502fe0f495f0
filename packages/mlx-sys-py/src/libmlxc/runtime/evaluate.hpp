// The one way this library evaluates.
#pragma once

#include <mutex>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// Evaluates `outputs`, one caller at a time; returns when they are available if `wait`, else when
// they are scheduled.
void evaluate(std::vector<mlx::core::array> outputs, bool wait);

// Whether `array` can be read without waiting.
bool is_available(const mlx::core::array& array);

// Lets no other thread evaluate from here on: the exit of a process destroys what that needs.
void stop_other_threads();

using EvaluationLock = std::unique_lock<std::recursive_timed_mutex>;

// The lock that `evaluate` holds while it schedules. Whatever else changes the state of arrays
// takes it, too.
EvaluationLock lock_evaluation();

}  // namespace mlx_c
