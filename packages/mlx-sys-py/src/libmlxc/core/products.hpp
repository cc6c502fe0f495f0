// MLX's products of matrices and tensors, of integers too.
#pragma once

#include <string>
#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// Products and sums of integers wrap round, in the type that the operands promote to; truth values
// give whether any product is true.
mlx::core::array general_matmul(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);
mlx::core::array inner(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);
mlx::core::array tensordot(
    const mlx::core::array& a, const mlx::core::array& b, int axis, mlx::core::StreamOrDevice s);
mlx::core::array tensordot(
    const mlx::core::array& a,
    const mlx::core::array& b,
    const std::vector<int>& axes_a,
    const std::vector<int>& axes_b,
    mlx::core::StreamOrDevice s);
mlx::core::array einsum(
    const std::string& subscripts,
    const std::vector<mlx::core::array>& operands,
    mlx::core::StreamOrDevice s);

// NumPy's: of vectors their inner product, of matrices their product, with a number a multiple,
// else sums over the last axis of a and the last but one of b.
mlx::core::array dot(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);

// Of all elements in order; those of a are conjugated.
mlx::core::array vdot(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);

}  // namespace mlx_c
