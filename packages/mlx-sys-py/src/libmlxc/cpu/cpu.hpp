// Faster evaluation on the CPU.
#pragma once

#include <vector>

#include "mlx/array.h"

namespace mlx_c::cpu {

// Makes the unevaluated graph under `outputs` use the kernels of this library where there is one
// for the operation, its types and its shapes. What the graph computes and how it is
// differentiated stays the same. Call it right before each evaluation, under the lock that
// serialises evaluations: it writes to the nodes of the graph.
void prepare(const std::vector<mlx::core::array>& outputs);

}  // namespace mlx_c::cpu
