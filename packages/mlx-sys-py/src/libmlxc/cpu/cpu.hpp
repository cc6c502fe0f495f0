// Faster evaluation on the CPU.
#pragma once

#include <memory>
#include <vector>

#include "failure.hpp"
#include "mlx/array.h"

namespace mlx_c::cpu {

// Makes the unevaluated graph under `outputs` use the kernels of this library where there is one
// for the operation, its types and its shapes. What the graph computes and how it is
// differentiated stays the same. Call it right before each evaluation, under the lock that
// serialises evaluations: it writes to the nodes of the graph.
//
// Throws std::invalid_argument if MLX_SYS_PY_CPU or MLX_SYS_PY_NUM_THREADS make no sense.
// Returns what to schedule the graph with, null if nothing in it can fail by its values; throws
// std::out_of_range if it depends on what failed before.
// With MLX_SYS_PY_CPU=stock, MLX's own kernels stay in place but for the inputs that crash them.
std::shared_ptr<Evaluation> prepare(const std::vector<mlx::core::array>& outputs);

}  // namespace mlx_c::cpu
