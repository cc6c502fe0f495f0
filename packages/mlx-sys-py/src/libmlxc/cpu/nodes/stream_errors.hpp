// Errors of what a stream has done earlier.
//
// MLX keeps one error per stream and throws it when a task is added to the stream, whoever adds it
// and whatever for. Whoever only schedules is not asked to deal with it: the error is kept for the
// next caller that waits for the stream, and the task is added all the same.
#pragma once

#include <functional>

#include <mlx/stream.h>

namespace mlx_c::cpu {

// Adds a task to a stream.
void enqueue(mlx::core::Stream stream, std::function<void()> task);

// Throws the error that was kept for a stream, if there is one, and forgets it.
void check_kept_error(mlx::core::Stream stream);

}  // namespace mlx_c::cpu
