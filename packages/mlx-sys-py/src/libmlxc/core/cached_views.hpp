// Functions of MLX whose primitives depend on shapes and positions alone: the last ones are kept,
// and serve the next nodes (node_cache.hpp).
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

mlx::core::array slice(
    const mlx::core::array& a,
    const mlx::core::Shape& start,
    const mlx::core::Shape& stop,
    const mlx::core::Shape& strides,
    const mlx::core::StreamOrDevice& s);

mlx::core::array squeeze(
    const mlx::core::array& a, const std::vector<int>& axes, const mlx::core::StreamOrDevice& s);
mlx::core::array squeeze(const mlx::core::array& a, int axis, const mlx::core::StreamOrDevice& s);

mlx::core::array transpose(
    const mlx::core::array& a, const std::vector<int>& axes, const mlx::core::StreamOrDevice& s);
mlx::core::array transpose(const mlx::core::array& a, const mlx::core::StreamOrDevice& s);

mlx::core::array take(
    const mlx::core::array& a,
    const mlx::core::array& indices,
    int axis,
    const mlx::core::StreamOrDevice& s);

mlx::core::array zeros(
    const mlx::core::Shape& shape, mlx::core::Dtype dtype, const mlx::core::StreamOrDevice& s);
mlx::core::array ones(
    const mlx::core::Shape& shape, mlx::core::Dtype dtype, const mlx::core::StreamOrDevice& s);

}  // namespace mlx_c
