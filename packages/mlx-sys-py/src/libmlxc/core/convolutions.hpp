// Convolutions of dilated inputs, and derivatives of all.
#pragma once

#include <tuple>
#include <type_traits>
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

// The adjoint of a convolution by its input: a convolution of the input dilated by the stride,
// whose padding is less than zero where more is cut off than the kernel adds.
mlx::core::array conv_transpose(
    const mlx::core::array& input,
    const mlx::core::array& weight,
    const std::vector<int>& stride,
    const std::vector<int>& padding,
    const std::vector<int>& dilation,
    const std::vector<int>& output_padding,
    int groups,
    mlx::core::StreamOrDevice s);

// The same for one axis, of which `Sizes` is an integer, or for a pair or triple of axes.
template <typename Sizes>
mlx::core::array conv_transpose(
    const mlx::core::array& input,
    const mlx::core::array& weight,
    const Sizes& stride,
    const Sizes& padding,
    const Sizes& dilation,
    const Sizes& output_padding,
    int groups,
    mlx::core::StreamOrDevice s) {
  const auto listed = [](const Sizes& sizes) {
    if constexpr (std::is_integral_v<Sizes>) {
      return std::vector<int>{sizes};
    } else {
      return std::apply([](auto... size) { return std::vector<int>{size...}; }, sizes);
    }
  };
  return conv_transpose(
      input,
      weight,
      listed(stride),
      listed(padding),
      listed(dilation),
      listed(output_padding),
      groups,
      s);
}

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
