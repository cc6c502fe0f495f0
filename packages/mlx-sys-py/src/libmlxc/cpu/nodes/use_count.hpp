// How many handles share the node of an array: MLX keeps the count to itself.
#pragma once

#include <mlx/array.h>

namespace mlx_c::cpu {

// Handles on the node of `a`.
long use_count(const mlx::core::array& a);

}  // namespace mlx_c::cpu
