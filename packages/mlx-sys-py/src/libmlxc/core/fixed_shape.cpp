#include "core/fixed_shape.hpp"

#include <string_view>

#include <mlx/ops.h>
#include <mlx/primitives.h>

#include "core/shapeless_recording.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// An axis is split into one of length 1 and one of its length, which is checked when that is
// repeated. Both nodes are views.
mx::array fixed_axis(const mx::array& a, int axis, mx::StreamOrDevice s) {
  return mx::squeeze(mx::unflatten(a, axis, {1, a.shape(axis)}, s), axis, s);
}

}  // namespace

mx::array fixed_shape(const mx::array& a, mx::StreamOrDevice s) {
  auto result = a;
  for (int axis = 0; records_for_all_shapes && axis < static_cast<int>(a.ndim()); ++axis) {
    result = fixed_axis(result, axis, s);
  }
  return result;
}

mx::array fixed_last_axis(const mx::array& a, mx::StreamOrDevice s) {
  return records_for_all_shapes && a.ndim() > 0 ? fixed_axis(a, static_cast<int>(a.ndim()) - 1, s)
                                                : a;
}

mx::array slice_update(
    const mx::array& src,
    const mx::array& update,
    const mx::Shape& start,
    const mx::Shape& stop,
    const mx::Shape& strides,
    mx::StreamOrDevice s) {
  const auto target = fixed_shape(src, s);
  auto result = mx::slice_update(target, update, start, stop, strides, s);
  if (!records_for_all_shapes ||
      (result.has_primitive() && std::string_view(result.primitive().name()) == "SliceUpdate")) {
    return result;
  }
  return mx::where(mx::array(true), result, target, s);
}

}  // namespace mlx_c
