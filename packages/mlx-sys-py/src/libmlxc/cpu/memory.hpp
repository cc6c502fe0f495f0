// Memory of large arrays.
#pragma once

#include <cstddef>

#include "mlx/allocator.h"
#include "mlx/array.h"

namespace mlx_c::cpu {

// Throws, as of memory, if there is no memory for what a node computes: MLX's kernels write to what
// the allocator gives them, be it null.
void check_memory(const mlx::core::array& node);

// As MLX's malloc, but large results lie on large pages where the system has them: to get it page
// by page takes longer than to fill it.
mlx::core::allocator::Data allocate(std::size_t size);

}  // namespace mlx_c::cpu
