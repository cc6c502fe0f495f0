#include "core/positions.hpp"

#include <limits>
#include <stdexcept>
#include <vector>

#include <mlx/ops.h>

#include "core/fixed_shape.hpp"
#include "cpu/ops/searching_ops.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

mx::array positions_in(const mx::array& a, int size, mx::StreamOrDevice s) {
  const auto length = static_cast<int>(a.size());
  auto result = mx::full({size + 1}, length, mx::uint32, s);
  if (length > 0) {
    auto nonzero = mx::not_equal(a, mx::array(0, a.dtype()), s);
    auto before = mx::cumsum(mx::astype(nonzero, mx::int32, s), 0, false, false, s);
    // What is not wanted goes behind the end.
    auto place = mx::where(nonzero, mx::minimum(before, mx::array(size), s), mx::array(size), s);
    result = mx::put_along_axis(result, place, mx::arange(0, length, mx::uint32, s), 0, s);
  }
  return mx::slice(result, {0}, {size}, s);
}

}  // namespace

mx::array positions(const mx::array& a, int size, mx::StreamOrDevice s) {
  if (size < 0 || size == std::numeric_limits<int>::max()) {
    throw std::invalid_argument("size must not be negative, and less than 2**31 - 1");
  }
  const auto flat = mx::flatten(fixed_shape(a, s), s);
  const mx::Stream stream = mx::to_stream(s);
  const auto definition = [=](const std::vector<mx::array>& inputs) {
    return std::vector<mx::array>{positions_in(inputs[0], size, stream)};
  };
  const auto fused = cpu::positions(flat, size, definition, s);
  return fused ? *fused : positions_in(flat, size, s);
}

}  // namespace mlx_c
