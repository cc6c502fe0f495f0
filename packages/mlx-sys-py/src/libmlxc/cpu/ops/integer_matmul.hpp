// Products of matrices of integers.
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// Of operands of one integer type and at least two dimensions each, with the same axes before the
// matrices.
mlx::core::array integer_matmul(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);

}  // namespace mlx_c
