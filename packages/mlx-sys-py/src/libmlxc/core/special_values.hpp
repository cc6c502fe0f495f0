// Infinity and NaN.
#pragma once

#include <optional>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// MLX's function of this name, which refuses float64.
mlx::core::array nan_to_num(
    const mlx::core::array& a,
    float nan,
    std::optional<float> posinf,
    std::optional<float> neginf,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c
