// Softmax and logsumexp, with the digits that their types have.
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// MLX's functions of this name, whose exponentials of float64 have seven digits.
mlx::core::array softmax(const mlx::core::array& a, bool precise, mlx::core::StreamOrDevice s);
mlx::core::array softmax(
    const mlx::core::array& a, int axis, bool precise, mlx::core::StreamOrDevice s);
mlx::core::array softmax(
    const mlx::core::array& a,
    const std::vector<int>& axes,
    bool precise,
    mlx::core::StreamOrDevice s);

// MLX's functions of this name. MLX has seven digits of float64 here too, adds half precision in
// half precision unless it is over the last axis alone, and refuses empty arrays even where no
// result is one of nothing.
mlx::core::array logsumexp(const mlx::core::array& a, bool keepdims, mlx::core::StreamOrDevice s);
mlx::core::array logsumexp(
    const mlx::core::array& a, int axis, bool keepdims, mlx::core::StreamOrDevice s);
mlx::core::array logsumexp(
    const mlx::core::array& a,
    const std::vector<int>& axes,
    bool keepdims,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c
