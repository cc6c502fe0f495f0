#include "core/membership.hpp"

#include <stdexcept>
#include <vector>

#include <mlx/ops.h>

#include "core/fixed_shape.hpp"
#include "cpu/ops/searching_ops.hpp"

namespace mlx_c {

namespace mx = mlx::core;

mx::array isin(const mx::array& element, const mx::array& values, mx::StreamOrDevice s) {
  if (values.size() == 0 || element.dtype() != values.dtype()) {
    throw std::invalid_argument("there must be values, of the type of the elements");
  }
  const mx::Stream stream = mx::to_stream(s);
  const auto definition = [=](const std::vector<mx::array>& inputs) {
    auto sorted = mx::sort(inputs[1], 0, stream);
    const mx::array last(inputs[1].shape(0) - 1, mx::uint32);
    auto place = mx::minimum(mx::searchsorted(sorted, inputs[0], "left", stream), last, stream);
    return std::vector<mx::array>{mx::equal(mx::take(sorted, place, 0, stream), inputs[0], stream)};
  };
  const auto wanted = mx::flatten(fixed_shape(values, s), s);
  const auto fused = cpu::isin(element, wanted, definition, s);
  return fused ? *fused : definition({element, wanted})[0];
}

}  // namespace mlx_c
