// Arrays too large for memory.
#pragma once

#include "mlx/array.h"

namespace mlx_c::cpu {

// Throws, as of memory, if there is no memory for what a node computes: MLX's kernels write to what
// the allocator gives them, be it null.
void check_memory(const mlx::core::array& node);

}  // namespace mlx_c::cpu
