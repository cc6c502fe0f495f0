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

// Lets no other thread evaluate from here on: the end of a process destroys what that takes.
void stop_other_threads();

using EvaluationLock = std::unique_lock<std::recursive_timed_mutex>;

// What `evaluate` holds while it schedules: taken by whatever else changes the state of arrays.
EvaluationLock lock_evaluation();

}  // namespace mlx_c
