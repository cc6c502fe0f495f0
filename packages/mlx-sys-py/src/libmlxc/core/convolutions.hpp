// Convolutions of dilated inputs, and derivatives of all.
#pragma once

#include <tuple>
#include <utility>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>
#include <mlx/utils.h>

namespace mlx_c {

// MLX's, but padding less than zero leaves out positions of the dilated input; MLX leaves out as
// many elements of the input before it is dilated.
mlx::core::array conv_general(
    mlx::core::array input,
    const mlx::core::array& weight,
    std::vector<int> stride,
    std::vector<int> padding_lo,
    std::vector<int> padding_hi,
    std::vector<int> kernel_dilation,
    std::vector<int> input_dilation,
    int groups,
    bool flip,
    mlx::core::StreamOrDevice s);

// MLX's, but what is cut off beyond what the kernel adds are positions of the dilated input, as in
// conv_general.
mlx::core::array conv_transpose1d(
    const mlx::core::array& input,
    const mlx::core::array& weight,
    int stride,
    int padding,
    int dilation,
    int output_padding,
    int groups,
    mlx::core::StreamOrDevice s);
mlx::core::array conv_transpose2d(
    const mlx::core::array& input,
    const mlx::core::array& weight,
    const std::pair<int, int>& stride,
    const std::pair<int, int>& padding,
    const std::pair<int, int>& dilation,
    const std::pair<int, int>& output_padding,
    int groups,
    mlx::core::StreamOrDevice s);
mlx::core::array conv_transpose3d(
    const mlx::core::array& input,
    const mlx::core::array& weight,
    const std::tuple<int, int, int>& stride,
    const std::tuple<int, int, int>& padding,
    const std::tuple<int, int, int>& dilation,
    const std::tuple<int, int, int>& output_padding,
    int groups,
    mlx::core::StreamOrDevice s);

// Whether MLX's gradient of a convolution is right: it is not where the input is dilated, as that
// of a transposed convolution or of the gradient of a strided one is.
bool has_right_gradient(const mlx::core::Convolution& convolution);

// The product of a cotangent with the Jacobian of a convolution by the input (0) or the weight (1).
mlx::core::array convolution_gradient(
    mlx::core::Convolution& convolution,
    const std::vector<mlx::core::array>& inputs,
    const mlx::core::array& cotangent,
    int argnum);

}  // namespace mlx_c
