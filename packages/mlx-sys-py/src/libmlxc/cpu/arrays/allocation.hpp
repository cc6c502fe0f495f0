// Memory of large arrays.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include <mlx/allocator.h>
#include <mlx/array.h>

namespace mlx_c::cpu {

// Throws, as of memory, if there is no memory for what a node computes: MLX's kernels write to what
// the allocator gives them, be it null.
void check_memory(const mlx::core::array& node);

// As MLX's malloc, but large results lie on large pages where the system has them: to get it page
// by page takes longer than to fill it.
mlx::core::allocator::Data allocate(std::size_t size);

// Moves what these arrays hold to large pages, where they fill them and the system can: all weights
// of a model are read for each token that it makes, and to look up where its small pages are takes
// half as long again. Hints to the system, and what comes of them does not matter.
void move_to_large_pages(const std::unordered_map<std::string, mlx::core::array>& arrays);

}  // namespace mlx_c::cpu
