#include "core/convolutions.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include <mlx/ops.h>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// How far apart the first and the last of `count` elements are, with `step` between neighbours.
int extent(int count, int step) {
  return (count - 1) * step;
}

// A convolution along each spatial axis:
//   y[o] = sum over k of w[k] x'[stride o + dilation k - padding],
// where x' has `input_dilation - 1` zeros between the elements of x.
struct Form {
  explicit Form(mx::Convolution& op) : s(op.stream()) {
    std::vector<int> unused;
    std::tie(stride, padding, unused, dilation, input_dilation, groups, flip) = op.state();
  }

  std::vector<int> stride, padding, dilation, input_dilation;
  int groups;
  bool flip;
  mx::Stream s;
};

// By the input n, the elements o of the cotangent with stride o + dilation k - padding =
// input_dilation n have a part: a convolution of the cotangent with the weight backwards.
mx::array by_input(
    const Form& form, const mx::array& x, const mx::array& weight, const mx::array& cotangent) {
  const int axes = x.ndim() - 2;
  std::vector<int> before(axes), behind(axes);
  for (int i = 0; i < axes; ++i) {
    const int window = extent(weight.shape(i + 1), form.dilation[i]);
    before[i] = window - form.padding[i];
    // As many elements as the input has.
    behind[i] = extent(x.shape(i + 1), form.input_dilation[i]) + window -
        extent(cotangent.shape(i + 1), form.stride[i]) - before[i];
  }
  // The output channels of a group take the place of its input channels.
  const int outputs = weight.shape(0) / form.groups, inputs = weight.shape(-1);
  auto shape = weight.shape();
  shape.insert(shape.begin(), form.groups);
  shape[1] = outputs;
  auto swapped = mx::swapaxes(mx::reshape(weight, shape, form.s), 1, -1, form.s);
  shape = weight.shape();
  shape.front() = form.groups * inputs;
  shape.back() = outputs;
  swapped = mx::reshape(swapped, shape, form.s);
  return mlx_c::conv_general(
      cotangent,
      swapped,
      form.input_dilation,
      before,
      behind,
      form.dilation,
      form.stride,
      form.groups,
      !form.flip,
      form.s);
}

// By the weight k, each element o of the cotangent has the input at stride o + dilation k -
// padding: a convolution of the input with the cotangent, with examples and channels swapped.
mx::array by_weight(
    const Form& form, const mx::array& x, const mx::array& weight, const mx::array& cotangent) {
  const int axes = x.ndim() - 2;
  std::vector<int> behind(axes);
  for (int i = 0; i < axes; ++i) {
    // As many elements as the weight has.
    behind[i] = extent(weight.shape(i + 1), form.dilation[i]) +
        extent(cotangent.shape(i + 1), form.stride[i]) -
        extent(x.shape(i + 1), form.input_dilation[i]) - form.padding[i];
  }
  // (N, …, C) to (C / groups, …, groups N)
  auto shape = x.shape();
  shape.back() = form.groups;
  shape.push_back(weight.shape(-1));
  std::vector<int> order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  order.insert(order.begin(), order.back());
  order.pop_back();
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  auto channels = mx::transpose(mx::reshape(x, shape, form.s), order, form.s);
  shape = x.shape();
  shape.front() = weight.shape(-1);
  shape.back() = form.groups * x.shape(0);
  channels = mx::reshape(channels, shape, form.s);
  auto result = mlx_c::conv_general(
      channels,
      mx::swapaxes(cotangent, 0, -1, form.s),
      form.dilation,
      form.padding,
      behind,
      form.stride,
      form.input_dilation,
      form.groups,
      false,
      form.s);
  result = mx::swapaxes(result, 0, -1, form.s);
  if (!form.flip) {
    return result;
  }
  mx::Shape start(result.ndim(), 0), stop = result.shape(), steps(result.ndim(), 1);
  for (int axis = 1; axis <= axes; ++axis) {
    start[axis] = result.shape(axis) - 1;
    stop[axis] = -result.shape(axis) - 1;
    steps[axis] = -1;
  }
  return mx::slice(result, start, stop, steps, form.s);
}

// Leaves out the first or last positions of a dilated axis as far as the padding is less than zero.
// What is left may begin or end with zeros between two elements: these are padding then.
mx::array without_padding_below_zero(
    const mx::array& x, int axis, int step, int& before, int& behind, mx::StreamOrDevice s) {
  auto elements = [step](int positions) { return (positions + step - 1) / step; };
  const int first = before < 0 ? elements(-before) : 0;
  const int last = behind < 0 ? elements(-behind) : 0;
  if (first + last >= x.shape(axis)) {
    // Only zeros are left, of which there are as many as positions.
    const int positions = extent(x.shape(axis), step) + 1 + before + behind;
    auto shape = x.shape();
    shape[axis] = 1;
    before = std::max(positions - 1, 0);
    behind = 0;
    return mx::zeros(shape, x.dtype(), s);
  }
  before += first * step;
  behind += last * step;
  mx::Shape start(x.ndim(), 0), stop = x.shape();
  start[axis] = first;
  stop[axis] -= last;
  return mx::slice(x, start, stop, s);
}

template <class Sizes>
std::vector<int> listed(const Sizes& sizes) {
  return std::apply([](auto... size) { return std::vector<int>{size...}; }, sizes);
}

// A convolution of the input dilated by the stride; none where the operands have another number of
// axes, of which MLX tells.
template <size_t axes>
std::optional<mx::array> conv_transpose(
    const mx::array& input,
    const mx::array& weight,
    const std::vector<int>& stride,
    const std::vector<int>& padding,
    const std::vector<int>& dilation,
    const std::vector<int>& output_padding,
    int groups,
    mx::StreamOrDevice s) {
  if (input.ndim() != axes + 2 || weight.ndim() != axes + 2) {
    return std::nullopt;
  }
  std::vector<int> before(axes), behind(axes);
  for (size_t i = 0; i < axes; ++i) {
    before[i] = extent(weight.shape(static_cast<int>(i) + 1), dilation[i]) - padding[i];
    behind[i] = before[i] + output_padding[i];
  }
  return mlx_c::conv_general(
      input,
      weight,
      std::vector<int>(axes, 1),
      std::move(before),
      std::move(behind),
      dilation,
      stride,
      groups,
      true,
      s);
}

}  // namespace

mx::array conv_general(
    mx::array input,
    const mx::array& weight,
    std::vector<int> stride,
    std::vector<int> padding_lo,
    std::vector<int> padding_hi,
    std::vector<int> kernel_dilation,
    std::vector<int> input_dilation,
    int groups,
    bool flip,
    mx::StreamOrDevice s) {
  const size_t axes = input.ndim() < 2 ? 0 : input.ndim() - 2;
  // One number stands for all axes; how many there may be, MLX checks.
  auto spread = [axes](std::vector<int>& numbers) {
    if (numbers.size() == 1) {
      numbers.resize(axes, numbers[0]);
    }
    return numbers.size() == axes;
  };
  if (spread(padding_lo) && spread(padding_hi) && spread(input_dilation)) {
    for (size_t i = 0; i < axes; ++i) {
      if (input_dilation[i] > 1 && (padding_lo[i] < 0 || padding_hi[i] < 0)) {
        input = without_padding_below_zero(
            input, static_cast<int>(i) + 1, input_dilation[i], padding_lo[i], padding_hi[i], s);
      }
    }
  }
  return mx::conv_general(
      std::move(input),
      weight,
      std::move(stride),
      std::move(padding_lo),
      std::move(padding_hi),
      std::move(kernel_dilation),
      std::move(input_dilation),
      groups,
      flip,
      s);
}

mx::array conv_transpose1d(
    const mx::array& input,
    const mx::array& weight,
    int stride,
    int padding,
    int dilation,
    int output_padding,
    int groups,
    mx::StreamOrDevice s) {
  const auto result = conv_transpose<1>(
      input, weight, {stride}, {padding}, {dilation}, {output_padding}, groups, s);
  return result
      ? *result
      : mx::conv_transpose1d(input, weight, stride, padding, dilation, output_padding, groups, s);
}

mx::array conv_transpose2d(
    const mx::array& input,
    const mx::array& weight,
    const std::pair<int, int>& stride,
    const std::pair<int, int>& padding,
    const std::pair<int, int>& dilation,
    const std::pair<int, int>& output_padding,
    int groups,
    mx::StreamOrDevice s) {
  const auto result = conv_transpose<2>(
      input,
      weight,
      listed(stride),
      listed(padding),
      listed(dilation),
      listed(output_padding),
      groups,
      s);
  return result
      ? *result
      : mx::conv_transpose2d(input, weight, stride, padding, dilation, output_padding, groups, s);
}

mx::array conv_transpose3d(
    const mx::array& input,
    const mx::array& weight,
    const std::tuple<int, int, int>& stride,
    const std::tuple<int, int, int>& padding,
    const std::tuple<int, int, int>& dilation,
    const std::tuple<int, int, int>& output_padding,
    int groups,
    mx::StreamOrDevice s) {
  const auto result = conv_transpose<3>(
      input,
      weight,
      listed(stride),
      listed(padding),
      listed(dilation),
      listed(output_padding),
      groups,
      s);
  return result
      ? *result
      : mx::conv_transpose3d(input, weight, stride, padding, dilation, output_padding, groups, s);
}

bool has_right_gradient(const mx::Convolution& convolution) {
  const auto input_dilation = std::get<4>(convolution.state());
  return std::all_of(
      input_dilation.begin(), input_dilation.end(), [](int step) { return step == 1; });
}

mx::array convolution_gradient(
    mx::Convolution& convolution,
    const std::vector<mx::array>& inputs,
    const mx::array& cotangent,
    int argnum) {
  const Form form(convolution);
  return argnum == 0 ? by_input(form, inputs[0], inputs[1], cotangent)
                     : by_weight(form, inputs[0], inputs[1], cotangent);
}

}  // namespace mlx_c
