#include "core/fixed_shape.hpp"

#include <array>
#include <string_view>

#include <mlx/ops.h>
#include <mlx/primitives.h>

#include "core/node_cache.hpp"
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

namespace {

// A node of slice_update, whose primitive is made of the shapes and bounds alone.
struct CachedUpdate : CachedNode {
  mx::Shape src, update, start, stop, strides;
};

mx::array cached_slice_update(
    const mx::array& src,
    const mx::array& update,
    const mx::Shape& start,
    const mx::Shape& stop,
    const mx::Shape& strides,
    mx::StreamOrDevice s) {
  static thread_local std::array<CachedUpdate, 16> patterns;
  if (src.dtype() != update.dtype()) {
    return mx::slice_update(src, update, start, stop, strides, s);
  }
  size_t place = 0;
  for (size_t i = 0; i < start.size() && i < stop.size(); ++i) {
    place = place * 31 + 5 * start[i] + stop[i];
  }
  auto& pattern = patterns[place % patterns.size()];
  if (pattern.stream == mx::to_stream(s) && pattern.src == src.shape() &&
      pattern.update == update.shape() && pattern.start == start && pattern.stop == stop &&
      pattern.strides == strides) {
    return make_node(src.shape(), src.dtype(), pattern.primitive, src, update);
  }
  auto node = mx::slice_update(src, update, start, stop, strides, s);
  if (pattern.learn(node, inputs_of(src, update))) {
    pattern.src = src.shape();
    pattern.update = update.shape();
    pattern.start = start;
    pattern.stop = stop;
    pattern.strides = strides;
  }
  return node;
}

}  // namespace

mx::array slice_update(
    const mx::array& src,
    const mx::array& update,
    const mx::Shape& start,
    const mx::Shape& stop,
    const mx::Shape& strides,
    mx::StreamOrDevice s) {
  if (!records_for_all_shapes) {
    return cached_slice_update(src, update, start, stop, strides, s);
  }
  const auto target = fixed_shape(src, s);
  auto result = mx::slice_update(target, update, start, stop, strides, s);
  if (result.has_primitive() && std::string_view(result.primitive().name()) == "SliceUpdate") {
    return result;
  }
  return mx::where(mx::array(true), result, target, s);
}

}  // namespace mlx_c
