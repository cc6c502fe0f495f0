// Evaluation of graphs whose nodes all belong to the stream that the process shares.
#pragma once

#include "mlx/stream.h"
#include "prepare.hpp"

namespace mlx_c::cpu {

// Schedules the nodes of a plan, as MLX's `async_eval` would do. With `at_once`, the calling thread
// computes them itself as long as that is little work and needs no operation of MLX; whatever it
// gets to is available afterwards.
void execute(const Plan& plan, mlx::core::Stream stream, bool at_once);

}  // namespace mlx_c::cpu
