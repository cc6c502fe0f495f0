// Errors of what a stream has done earlier.
//
// MLX keeps one error per stream and throws it when a task is added to the stream, whoever adds it
// and whatever for. Whoever only schedules is not asked to deal with it: the error is kept for the
// next caller that waits for values, of whichever stream, and the task is added all the same.
#pragma once

#include <functional>
#include <vector>

#include <mlx/array.h>
#include <mlx/stream.h>

namespace mlx_c::cpu {

// Adds a task to a stream.
void enqueue(mlx::core::Stream stream, std::function<void()> task);

// MLX's functions. They count the tasks that are under way and wait for one where there are many.
// An error of a stream that comes out while they add a task leaves it counted for good, and after
// some of these they would wait for tasks that do not exist. Here these are taken off the count.
void eval(std::vector<mlx::core::array> outputs);
void async_eval(std::vector<mlx::core::array> outputs);
// Says that an evaluation has failed: one of these may have met the error.
void expect_lost_tasks();

// Throws an error that was kept, of whichever stream, if there is one, and forgets it.
void check_kept_errors();

}  // namespace mlx_c::cpu
