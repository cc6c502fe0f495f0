// Errors of what a stream has done earlier.
//
// MLX keeps one error per stream and throws it when a task is added to the stream, whoever adds it
// and whatever for. Whoever only schedules is not asked to deal with it: the error is kept for the
// next caller that waits for values, of whichever stream, and the task is added all the same.
#pragma once

#include <functional>

#include <mlx/stream.h>

namespace mlx_c::cpu {

// Adds a task to a stream.
void enqueue(mlx::core::Stream stream, std::function<void()> task);

// Throws an error that was kept, of whichever stream, if there is one, and forgets it.
void check_kept_errors();

}  // namespace mlx_c::cpu
