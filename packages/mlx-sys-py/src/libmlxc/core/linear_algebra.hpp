// Functions of matrices that MLX does not have, or not in full.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

#include "cpu/ops/linear_algebra/functions.hpp"

namespace mlx_c::linalg {

// Of the matrices in the last two axes.
mlx::core::array diagonal(const mlx::core::array& x, int offset, mlx::core::StreamOrDevice s);
mlx::core::array trace(
    const mlx::core::array& x, int offset, mlx::core::Dtype dtype, mlx::core::StreamOrDevice s);

// Over any number of axes; of all elements without.
mlx::core::array vector_norm(
    const mlx::core::array& x,
    double ord,
    const std::optional<std::vector<int>>& axes,
    bool keepdims,
    mlx::core::StreamOrDevice s);

// For n < 0 of the inverse.
mlx::core::array matrix_power(const mlx::core::array& x, int n, mlx::core::StreamOrDevice s);

// How many singular values are greater than rtol times the largest: `rtol` is one number, or one
// for each matrix. That of NumPy without.
mlx::core::array matrix_rank(
    const mlx::core::array& x,
    const std::optional<mlx::core::array>& rtol,
    mlx::core::StreamOrDevice s);

// Singular values up to rtol times the largest count as 0. That of MLX without.
mlx::core::array pinv(
    const mlx::core::array& a,
    const std::optional<mlx::core::array>& rtol,
    mlx::core::StreamOrDevice s);

mlx::core::array pinv(const mlx::core::array& a, mlx::core::StreamOrDevice s);

// The norm of each matrix times that of its inverse.
mlx::core::array cond(const mlx::core::array& x, double p, mlx::core::StreamOrDevice s);
mlx::core::array cond(const mlx::core::array& x, const std::string& p, mlx::core::StreamOrDevice s);

// QR factors of which the first is square.
std::pair<mlx::core::array, mlx::core::array> qr_complete(
    const mlx::core::array& a, mlx::core::StreamOrDevice s);

// The product of all, in the order that takes the fewest operations. The first and the last may be
// vectors.
mlx::core::array multi_dot(
    const std::vector<mlx::core::array>& arrays, mlx::core::StreamOrDevice s);

// The solution of least squares with the least norm, the squares that are left (none unless the
// rank is full and there are more rows than columns), the rank, and the singular values.
std::vector<mlx::core::array> lstsq(
    const mlx::core::array& a,
    const mlx::core::array& b,
    std::optional<float> rcond,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::linalg
