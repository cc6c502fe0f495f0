#include "core/fixed_shape.hpp"

#include <mlx/ops.h>

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

}  // namespace mlx_c
