// Functions of linear algebra as one node each, with gradients: MLX makes them of factors.
#pragma once

#include <utility>
#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c::linalg {

// MLX's functions of these names, where LAPACK is not there or does not take the types.
mlx::core::array solve(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);
mlx::core::array solve_triangular(
    const mlx::core::array& a, const mlx::core::array& b, bool upper, mlx::core::StreamOrDevice s);
mlx::core::array det(const mlx::core::array& a, mlx::core::StreamOrDevice s);
std::pair<mlx::core::array, mlx::core::array> slogdet(
    const mlx::core::array& a, mlx::core::StreamOrDevice s);

// MLX's function of this name gives all singular vectors.
std::vector<mlx::core::array> svd(
    const mlx::core::array& a, bool compute_uv, bool full_matrices, mlx::core::StreamOrDevice s);

}  // namespace mlx_c::linalg
