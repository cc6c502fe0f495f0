// Functions of several axes that MLX has for one.
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// MLX's function of this name for several axes: each of `source` goes to its place of
// `destination`.
mlx::core::array moveaxis(
    const mlx::core::array& a,
    const std::vector<int>& source,
    const std::vector<int>& destination,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c
