// Functions whose axes MLX counts otherwise, or takes one of.
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// MLX's moveaxis for several axes: each of `source` goes to its place of `destination`.
mlx::core::array move_axes(
    const mlx::core::array& a,
    const std::vector<int>& source,
    const std::vector<int>& destination,
    mlx::core::StreamOrDevice s);

// MLX's function of this name for arrays of which one may have less dimensions: an axis that counts
// from the back is of both.
mlx::core::array vecdot(
    const mlx::core::array& a, const mlx::core::array& b, int axis, mlx::core::StreamOrDevice s);

}  // namespace mlx_c
