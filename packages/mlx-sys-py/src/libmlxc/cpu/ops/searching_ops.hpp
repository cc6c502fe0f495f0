// Functions that search, select and count, as one step each on the CPU; MLX has to build them of
// many. `definition` is that graph, which transformations apply to.
#pragma once

#include <optional>
#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

#include "cpu/nodes/fused.hpp"

namespace mlx_c::cpu {

// None of them if it does not take these arguments on this stream.

// See core/positions.hpp; `a` is a vector.
std::optional<mlx::core::array> positions(
    const mlx::core::array& a, int size, Function definition, mlx::core::StreamOrDevice s);

// See core/counting.hpp. `x` is a vector of int32 or int64, the weights are one of float32 or
// float64.
std::optional<mlx::core::array> bincount(
    const mlx::core::array& x,
    const std::optional<mlx::core::array>& weights,
    int length,
    Function definition,
    mlx::core::StreamOrDevice s);

// The same; `a` is a vector.
std::optional<mlx::core::array> histogram_counts(
    const mlx::core::array& a,
    const mlx::core::array& edges,
    const std::optional<mlx::core::array>& weights,
    bool uniform,
    Function definition,
    mlx::core::StreamOrDevice s);

// See core/order_statistics.hpp.
std::optional<mlx::core::array> order_statistics(
    const mlx::core::array& a,
    const std::vector<int>& ranks,
    Function definition,
    mlx::core::StreamOrDevice s);

// See core/membership.hpp; the values are a vector.
std::optional<mlx::core::array> isin(
    const mlx::core::array& element,
    const mlx::core::array& values,
    Function definition,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::cpu
