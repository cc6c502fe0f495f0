#include "core/order_statistics.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>

#include <mlx/ops.h>

#include "core/fixed_shape.hpp"
#include "core/shapeless_recording.hpp"
#include "core/statistics.hpp"
#include "cpu/ops/searching_ops.hpp"

namespace mlx_c {

namespace mx = mlx::core;

mx::array order_statistics(
    const mx::array& a, const std::vector<int>& ranks, mx::StreamOrDevice s) {
  if (a.ndim() == 0) {
    throw std::invalid_argument("a must have an axis");
  }
  const int length = a.shape(-1);
  const bool inside =
      std::all_of(ranks.begin(), ranks.end(), [=](int rank) { return rank >= 0 && rank < length; });
  if (!inside ||
      std::adjacent_find(ranks.begin(), ranks.end(), std::greater_equal<>()) != ranks.end()) {
    throw std::invalid_argument("ranks must ascend, and be less than the length of the last axis");
  }
  const mx::Stream stream = mx::to_stream(s);
  const auto definition = [=](const std::vector<mx::array>& inputs) {
    const mx::array places(ranks.begin(), {static_cast<int>(ranks.size())}, mx::int32);
    return std::vector<mx::array>{mx::take(mx::sort(inputs[0], -1, stream), places, -1, stream)};
  };
  const auto x = fixed_last_axis(a, s);
  const auto fused = cpu::order_statistics(x, ranks, definition, s);
  return fused ? *fused : definition({x})[0];
}

mx::array median(
    const mx::array& a, const std::vector<int>& axes, bool keepdims, mx::StreamOrDevice s) {
  const int ndim = static_cast<int>(a.ndim());
  std::vector<int> order;
  mx::Shape shape, kept;
  std::vector<bool> reduced(ndim, false);
  for (const int axis : axes) {
    const int place = axis < 0 ? axis + ndim : axis;
    if (place < 0 || place >= ndim || reduced[place]) {
      return mx::median(a, axes, keepdims, s);
    }
    reduced[place] = true;
  }
  // A function that is recorded for all shapes takes the places of elements from those it meets.
  if (axes.empty() || a.size() == 0 || a.dtype() == mx::complex64 || records_for_all_shapes) {
    return mx::median(a, axes, keepdims, s);
  }
  for (int axis = 0; axis < ndim; axis++) {
    if (!reduced[axis]) {
      order.push_back(axis);
      shape.push_back(a.shape(axis));
    }
    if (!reduced[axis] || keepdims) {
      kept.push_back(reduced[axis] ? 1 : a.shape(axis));
    }
  }
  for (int axis = 0; axis < ndim; axis++) {
    if (reduced[axis]) {
      order.push_back(axis);
    }
  }
  shape.push_back(-1);
  const auto rows = mx::reshape(mx::transpose(a, order, s), shape, s);
  const int length = rows.shape(-1);
  std::vector<int> ranks{(length - 1) / 2};
  if (length % 2 == 0) {
    ranks.push_back(length / 2);
  }
  const mx::Dtype type = statistic_dtype(a.dtype());
  const auto middle =
      mx::astype(order_statistics(rows, ranks, s), mx::size_of(type) < 4 ? mx::float32 : type, s);
  auto result = mx::astype(mx::mean(middle, -1, true, s), type, s);
  if (mx::issubdtype(a.dtype(), mx::floating)) {
    // A maximum is NaN if there is one.
    result = mx::where(
        mx::isnan(mx::max(rows, -1, true, s), s),
        mx::array(std::numeric_limits<float>::quiet_NaN(), type),
        result,
        s);
  }
  return mx::reshape(result, kept, s);
}

}  // namespace mlx_c
