// Elements at given places of the sorted order.
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// The elements that sorting the last axis would put at `ranks`, which ascend; in place of that
// axis.
mlx::core::array order_statistics(
    const mlx::core::array& a, const std::vector<int>& ranks, mlx::core::StreamOrDevice s);

// MLX's function of this name, without a sort on the CPU.
mlx::core::array median(
    const mlx::core::array& a,
    const std::vector<int>& axes,
    bool keepdims,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c
