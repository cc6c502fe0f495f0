// Counts of numbers, and of elements in bins.
#pragma once

#include <optional>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// How often each number below `length` occurs in `x`, which holds integers, as int32; or the sums
// of the weights there, in a floating type. Other numbers are not counted.
mlx::core::array bincount(
    const mlx::core::array& x,
    const std::optional<mlx::core::array>& weights,
    int length,
    mlx::core::StreamOrDevice s);

// How many elements of `a` are between each two of the edges, a vector in ascending order; or the
// sums of their weights. The types are as those of `bincount`. `uniform` if the edges are at about
// the same distance from each other.
mlx::core::array histogram_counts(
    const mlx::core::array& a,
    const mlx::core::array& edges,
    const std::optional<mlx::core::array>& weights,
    bool uniform,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c
