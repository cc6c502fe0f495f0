#include "core/cached_views.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include <mlx/ops.h>
#include <mlx/primitives.h>

#include "core/node_cache.hpp"
#include "core/node_pool.hpp"
#include "core/shapeless_recording.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// Direct-mapped: a model asks for a few, again and again.
constexpr size_t entries = 16;

template <class Numbers>
size_t mix(size_t place, const Numbers& numbers) {
  for (const int number : numbers) {
    place = place * 31 + number;
  }
  return place;
}

bool is_a(const mx::array& node, std::string_view name) {
  return node.has_primitive() && node.primitive().name() == name;
}

}  // namespace

mx::array slice(
    const mx::array& a,
    const mx::Shape& start,
    const mx::Shape& stop,
    const mx::Shape& strides,
    const mx::StreamOrDevice& s) {
  struct CachedSlice : CachedNode {
    mx::Shape shape, start, stop, strides, result;
  };
  static thread_local std::array<CachedSlice, entries> patterns;
  if (records_for_all_shapes) {
    return mx::slice(a, start, stop, strides, s);
  }
  auto& pattern = patterns[mix(mix(a.ndim(), start), stop) % entries];
  if (pattern.stream == mx::to_stream(s) && pattern.shape == a.shape() && pattern.start == start &&
      pattern.stop == stop && pattern.strides == strides) {
    return make_node(pattern.result, a.dtype(), pattern.primitive, a);
  }
  auto node = mx::slice(a, start, stop, strides, s);
  if (pattern.learn(node, inputs_of(a))) {
    pattern.shape = a.shape();
    pattern.start = start;
    pattern.stop = stop;
    pattern.strides = strides;
    pattern.result = node.shape();
  }
  return node;
}

mx::array squeeze(const mx::array& a, const std::vector<int>& axes, const mx::StreamOrDevice& s) {
  struct CachedSqueeze : CachedNode {
    mx::Shape shape, result;
    std::vector<int> axes;
  };
  static thread_local std::array<CachedSqueeze, entries> patterns;
  auto& pattern = patterns[mix(mix(a.ndim(), a.shape()), axes) % entries];
  if (pattern.stream == mx::to_stream(s) && pattern.shape == a.shape() && pattern.axes == axes) {
    return make_node(pattern.result, a.dtype(), pattern.primitive, a);
  }
  auto node = mx::squeeze(a, axes, s);
  if (pattern.learn(node, inputs_of(a))) {
    pattern.shape = a.shape();
    pattern.axes = axes;
    pattern.result = node.shape();
  }
  return node;
}

mx::array squeeze(const mx::array& a, int axis, const mx::StreamOrDevice& s) {
  static thread_local std::array<CachedNode, 4> patterns;  // one per axis
  const int place = axis < 0 ? axis + static_cast<int>(a.ndim()) : axis;
  if (place < 0 || place >= static_cast<int>(std::min(a.ndim(), patterns.size())) ||
      a.shape(place) != 1) {
    return mx::squeeze(a, axis, s);
  }
  auto& pattern = patterns[place];
  if (pattern.stream == mx::to_stream(s)) {
    auto shape = a.shape();
    shape.erase(shape.begin() + place);
    return make_node(shape, a.dtype(), pattern.primitive, a);
  }
  auto node = mx::squeeze(a, place, s);
  pattern.learn(node, inputs_of(a));
  return node;
}

mx::array transpose(const mx::array& a, const std::vector<int>& axes, const mx::StreamOrDevice& s) {
  struct CachedTranspose : CachedNode {
    std::vector<int> axes;
  };
  static thread_local std::array<CachedTranspose, entries> patterns;
  auto& pattern = patterns[mix(axes.size(), axes) % entries];
  if (pattern.stream == mx::to_stream(s) && pattern.axes == axes && axes.size() == a.ndim()) {
    auto shape = a.shape();
    for (size_t i = 0; i < axes.size(); ++i) {
      shape[i] = a.shape(axes[i]);
    }
    return make_node(shape, a.dtype(), pattern.primitive, a);
  }
  auto node = mx::transpose(a, axes, s);
  if (pattern.learn(node, inputs_of(a))) {
    pattern.axes = axes;
  }
  return node;
}

mx::array transpose(const mx::array& a, const mx::StreamOrDevice& s) {
  static thread_local std::array<CachedNode, 5> patterns;  // one per number of dimensions
  if (a.ndim() >= patterns.size()) {
    return mx::transpose(a, s);
  }
  auto& pattern = patterns[a.ndim()];
  if (pattern.stream == mx::to_stream(s)) {
    auto shape = a.shape();
    std::reverse(shape.begin(), shape.end());
    return make_node(shape, a.dtype(), pattern.primitive, a);
  }
  auto node = mx::transpose(a, s);
  pattern.learn(node, inputs_of(a));
  return node;
}

// Along the first axis it is two nodes: a gather, and a squeeze of the axis that it leaves.
mx::array take(
    const mx::array& a, const mx::array& indices, int axis, const mx::StreamOrDevice& s) {
  struct CachedTake : CachedNode {
    std::shared_ptr<mx::Primitive> squeeze;
    mx::Shape shape;
    size_t dimensions = 0;  // of the indices
    mx::Dtype index_type = mx::bool_;
  };
  static thread_local std::array<CachedTake, entries> patterns;
  if (axis != 0 || a.ndim() == 0 || a.size() == 0 || records_for_all_shapes) {
    return mx::take(a, indices, axis, s);
  }
  auto& pattern = patterns[mix(indices.ndim(), a.shape()) % entries];
  if (pattern.stream == mx::to_stream(s) && pattern.shape == a.shape() &&
      pattern.dimensions == indices.ndim() && pattern.index_type == indices.dtype()) {
    auto shape = indices.shape();
    shape.push_back(1);
    shape.insert(shape.end(), a.shape().begin() + 1, a.shape().end());
    const auto gathered = make_node(shape, a.dtype(), pattern.primitive, a, indices);
    shape.erase(shape.begin() + static_cast<int>(indices.ndim()));
    return make_node(shape, a.dtype(), pattern.squeeze, gathered);
  }
  auto node = mx::take(a, indices, axis, s);
  if (is_a(node, "Squeeze") && is_a(node.inputs()[0], "Gather") &&
      node.inputs()[0].ndim() == indices.ndim() + a.ndim() &&
      pattern.learn(node.inputs()[0], inputs_of(a, indices))) {
    pattern.squeeze = node.primitive_ptr();
    pattern.shape = a.shape();
    pattern.dimensions = indices.ndim();
    pattern.index_type = indices.dtype();
  }
  return node;
}

namespace {

// `operation(shape, dtype, s)`, which fills an array with a number: a node over the broadcast of an
// array that holds it.
template <auto operation>
mx::array filled(const mx::Shape& shape, mx::Dtype dtype, const mx::StreamOrDevice& s) {
  struct CachedNumber : CachedNode {
    std::optional<mx::array> number;
  };
  static thread_local std::array<CachedNumber, 14> patterns;  // one per type
  if (shape.empty() || records_for_all_shapes ||
      std::any_of(shape.begin(), shape.end(), [](int extent) { return extent < 0; })) {
    return operation(shape, dtype, s);
  }
  auto& pattern = patterns[static_cast<size_t>(dtype.val())];
  if (pattern.stream == mx::to_stream(s)) {
    const auto wide = mlx_c::broadcast_to(*pattern.number, shape, s);
    return make_node(shape, dtype, pattern.primitive, wide);
  }
  auto node = operation(shape, dtype, s);
  if (is_a(node, "Full") && is_a(node.inputs()[0], "Broadcast")) {
    const auto number = node.inputs()[0].inputs()[0];
    if (number.ndim() == 0 && number.dtype() == dtype && number.is_available() &&
        pattern.learn(node, node.inputs())) {
      pattern.number = number;
    }
  }
  return node;
}

mx::array mlx_zeros(const mx::Shape& shape, mx::Dtype dtype, const mx::StreamOrDevice& s) {
  return mx::zeros(shape, dtype, s);
}

mx::array mlx_ones(const mx::Shape& shape, mx::Dtype dtype, const mx::StreamOrDevice& s) {
  return mx::ones(shape, dtype, s);
}

}  // namespace

mx::array zeros(const mx::Shape& shape, mx::Dtype dtype, const mx::StreamOrDevice& s) {
  return filled<mlx_zeros>(shape, dtype, s);
}

mx::array ones(const mx::Shape& shape, mx::Dtype dtype, const mx::StreamOrDevice& s) {
  return filled<mlx_ones>(shape, dtype, s);
}

}  // namespace mlx_c
