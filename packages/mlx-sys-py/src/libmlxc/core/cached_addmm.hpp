// MLX's addmm, where a layer calls it: made after a pattern (node_cache.hpp).
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

mlx::core::array addmm(
    const mlx::core::array& c,
    const mlx::core::array& a,
    const mlx::core::array& b,
    float alpha,
    float beta,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c
