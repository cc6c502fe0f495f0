// Operations on complex numbers that MLX has wrong.
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// MLX's function of this name; a complex number to the power 0 is 1, 0 too.
mlx::core::array power(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);

// Throws std::invalid_argument: complex numbers are not rounded down.
void check_rounds(const mlx::core::array& a, const mlx::core::array& b);

}  // namespace mlx_c
