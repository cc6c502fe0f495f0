// Checks of arguments that MLX divides or indexes by unchecked: the functions named check_ throw
// std::invalid_argument for values that MLX must not get.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// The scales of `w`: packed weights mean nothing without them.
std::optional<mlx::core::array> scales_of(
    const mlx::core::array& w, std::optional<mlx::core::array> scales);

// Packed weights, and scales and biases of their groups: MLX looks at the last axis only.
void check_quantized(
    const mlx::core::array& w,
    const mlx::core::array& scales,
    const std::optional<mlx::core::array>& biases);

// The packing of quantized weights.
void check_packing(const std::optional<int>& group_size, const std::optional<int>& bits);

// The arguments of a convolution.
void check_kernel(const mlx::core::array& weight, int groups);

void check_view(
    const mlx::core::array& a,
    const mlx::core::Shape& shape,
    const mlx::core::Strides& strides,
    size_t offset);

// Lengths of which one may be -1, which stands for what the others leave.
void check_lengths(const mlx::core::Shape& shape);

void check_strides(const mlx::core::Shape& strides);

// The lengths of a slice along all axes.
void check_slice_size(const mlx::core::Shape& slice_size);

// How many pieces `a` is split into: of an axis without elements any number would do.
void check_pieces(const mlx::core::array& a, int num_splits);

void check_axes(const mlx::core::array& a, const std::vector<int>& axes);

void check_update(const mlx::core::array& src, const mlx::core::array& update);

void check_scatter(const std::vector<mlx::core::array>& indices, const mlx::core::array& updates);

// The shape of matrices that LAPACK factorises.
void check_elements(const mlx::core::array& a);
void check_triangle(const std::string& uplo);

// Whether `a`, of four dimensions, has heads along `axis`.
void check_heads(const mlx::core::array& a, int axis, const char* argument);

// `n`, or the length of an axis if that is less.
int at_most_length(const mlx::core::array& a, int axis, int n);

}  // namespace mlx_c
