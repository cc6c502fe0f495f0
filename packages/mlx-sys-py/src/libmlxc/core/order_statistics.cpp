#include "core/order_statistics.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>

#include <mlx/ops.h>

#include "core/fixed_shape.hpp"
#include "cpu/ops/searching_ops.hpp"

namespace mlx_c {

namespace mx = mlx::core;

mx::array order_statistics(
    const mx::array& a, const std::vector<int>& ranks, mx::StreamOrDevice s) {
  if (a.ndim() == 0) {
    throw std::invalid_argument("a must have an axis");
  }
  const int length = a.shape(-1);
  const bool inside = std::all_of(
      ranks.begin(), ranks.end(), [=](int rank) { return rank >= 0 && rank < length; });
  if (!inside || std::adjacent_find(ranks.begin(), ranks.end(), std::greater_equal<>()) != ranks.end()) {
    throw std::invalid_argument("ranks must ascend, and be less than the length of the last axis");
  }
  const mx::Stream stream = mx::to_stream(s);
  const auto definition = [=](const std::vector<mx::array>& inputs) {
    const mx::array places(ranks.begin(), {static_cast<int>(ranks.size())}, mx::int32);
    return std::vector<mx::array>{
        mx::take(mx::sort(inputs[0], -1, stream), places, -1, stream)};
  };
  const auto x = fixed_last_axis(a, s);
  const auto fused = cpu::order_statistics(x, ranks, definition, s);
  return fused ? *fused : definition({x})[0];
}

}  // namespace mlx_c
