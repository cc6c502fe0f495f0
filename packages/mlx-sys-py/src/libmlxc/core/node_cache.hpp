// A cache of nodes, which saves what MLX does before it makes one.
//
// An operation of MLX promotes types, broadcasts shapes and makes a primitive before it makes the
// node. Where the operands agree in type and shape, the primitive is the same every time. So MLX
// makes the first node, and its primitive serves the next ones. In the recording of a function for
// all shapes, operands that agree have to be broadcast all the same, as others may not.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <mlx/array.h>
#include <mlx/ops.h>
#include <mlx/primitives.h>
#include <mlx/utils.h>

#include "core/node_pool.hpp"
#include "core/products.hpp"
#include "core/shapeless_recording.hpp"

namespace mlx_c {

// What nodes of one operation have in common.
struct CachedNode {
  std::shared_ptr<mlx::core::Primitive> primitive;
  std::optional<mlx::core::Stream> stream;
  mlx::core::Dtype dtype = mlx::core::bool_;

  // Learns from the node that MLX made of `inputs`, unless MLX made more than one node: the inputs
  // of the last one are then others, for instance the result of a cast.
  bool learn(const mlx::core::array& node, const std::vector<mlx::core::array>& inputs) {
    auto same = [](const auto& a, const auto& b) { return a.id() == b.id(); };
    if (!node.has_primitive() || !node.siblings().empty() ||
        !std::ranges::equal(node.inputs(), inputs, same)) {
      return false;
    }
    primitive = node.primitive_ptr();
    stream = primitive->stream();
    dtype = node.dtype();
    return true;
  }
};

// The inputs of a node; an initializer list would copy them twice.
template <class... Arrays>
std::vector<mlx::core::array> inputs_of(const Arrays&... arrays) {
  std::vector<mlx::core::array> inputs;
  inputs.reserve(sizeof...(arrays));
  (inputs.push_back(arrays), ...);
  return inputs;
}

// One entry per type of the operands. They are thread-local, so there is no lock.
using CachedNodes = std::array<CachedNode, 14>;

// `operation(a, s)` for a unary elementwise function of MLX.
template <auto operation>
mlx::core::array cached_node(const mlx::core::array& a, const mlx::core::StreamOrDevice& s) {
  static thread_local CachedNodes patterns;
  auto& pattern = patterns[static_cast<size_t>(a.dtype().val())];
  if (pattern.stream == mlx::core::to_stream(s)) [[likely]] {
    return make_node(a.shape(), pattern.dtype, pattern.primitive, a);
  }
  auto node = operation(a, s);
  pattern.learn(node, inputs_of(a));
  return node;
}

// MLX's function of this name; of an array of one element the primitive holds the shape alone.
inline mlx::core::array broadcast_to(
    const mlx::core::array& a, const mlx::core::Shape& shape, const mlx::core::StreamOrDevice& s) {
  struct CachedShape : CachedNode {
    mlx::core::Shape result;
  };
  static thread_local std::array<CachedShape, 16> patterns;
  if (a.size() != 1 || a.ndim() > shape.size() || a.shape() == shape || records_for_all_shapes) {
    return mlx::core::broadcast_to(a, shape, s);
  }
  size_t place = shape.size();
  for (int extent : shape) {
    place = place * 31 + extent;
  }
  auto& pattern = patterns[place % patterns.size()];
  if (pattern.stream == mlx::core::to_stream(s) && pattern.result == shape) {
    return make_node(shape, a.dtype(), pattern.primitive, a);
  }
  auto node = mlx::core::broadcast_to(a, shape, s);
  if (pattern.learn(node, inputs_of(a))) {
    pattern.result = shape;
  }
  return node;
}

// Whether MLX has made of `a` nothing, or a broadcast.
inline bool is_or_broadcasts(const mlx::core::array& input, const mlx::core::array& a) {
  return input.id() == a.id() ||
      (input.inputs().size() == 1 && input.inputs()[0].id() == a.id() &&
       input.dtype() == a.dtype() && std::string_view(input.primitive().name()) == "Broadcast");
}

// `operation(a, b, s)` for a binary elementwise function of MLX.
template <auto operation>
mlx::core::array cached_node(
    const mlx::core::array& a, const mlx::core::array& b, const mlx::core::StreamOrDevice& s) {
  const bool same_shape = a.shape() == b.shape();
  if (a.dtype() != b.dtype() || records_for_all_shapes ||
      !(same_shape || a.ndim() == 0 || b.ndim() == 0)) {
    return operation(a, b, s);
  }
  static thread_local CachedNodes patterns;
  auto& pattern = patterns[static_cast<size_t>(a.dtype().val())];
  if (pattern.stream == mlx::core::to_stream(s)) [[likely]] {
    if (same_shape) {
      return make_node(a.shape(), pattern.dtype, pattern.primitive, a, b);
    }
    const auto& shape = a.ndim() == 0 ? b.shape() : a.shape();
    if (a.ndim() == 0) {
      const auto wide = mlx_c::broadcast_to(a, shape, s);
      return make_node(shape, pattern.dtype, pattern.primitive, wide, b);
    }
    const auto wide = mlx_c::broadcast_to(b, shape, s);
    return make_node(shape, pattern.dtype, pattern.primitive, a, wide);
  }
  auto node = operation(a, b, s);
  if (node.inputs().size() == 2 && is_or_broadcasts(node.inputs()[0], a) &&
      is_or_broadcasts(node.inputs()[1], b)) {
    pattern.learn(node, node.inputs());
  }
  return node;
}

// `operation(condition, a, b, s)` for MLX's `where`.
template <auto operation>
mlx::core::array cached_node(
    const mlx::core::array& condition,
    const mlx::core::array& a,
    const mlx::core::array& b,
    const mlx::core::StreamOrDevice& s) {
  if (condition.dtype() != mlx::core::bool_ || condition.shape() != a.shape() ||
      a.dtype() != b.dtype() || a.shape() != b.shape() || records_for_all_shapes) {
    return operation(condition, a, b, s);
  }
  static thread_local CachedNodes patterns;
  auto& pattern = patterns[static_cast<size_t>(a.dtype().val())];
  if (pattern.stream == mlx::core::to_stream(s)) [[likely]] {
    return make_node(a.shape(), pattern.dtype, pattern.primitive, condition, a, b);
  }
  auto node = operation(condition, a, b, s);
  pattern.learn(node, inputs_of(condition, a, b));
  return node;
}

// `operation(a, shape, s)` for MLX's `reshape`: its primitive holds the shape alone, which follows
// from the size of `a` and the shape asked for.
template <auto operation>
mlx::core::array cached_node(
    const mlx::core::array& a, const mlx::core::Shape& shape, const mlx::core::StreamOrDevice& s) {
  struct CachedShape : CachedNode {
    size_t size;
    mlx::core::Shape asked, result;
  };
  // A direct-mapped cache of shapes: a model asks for a few, again and again.
  static thread_local std::array<CachedShape, 16> patterns;
  size_t place = a.size();
  for (int extent : shape) {
    place = place * 31 + extent;
  }
  auto& pattern = patterns[place % patterns.size()];
  if (pattern.stream == mlx::core::to_stream(s) && pattern.size == a.size() &&
      pattern.asked == shape && pattern.result != a.shape()) {
    return make_node(pattern.result, a.dtype(), pattern.primitive, a);
  }
  auto node = operation(a, shape, s);
  if (records_for_all_shapes && node.id() == a.id()) {
    // No node has been made, as `a` has this shape; the next array may have another.
    return operation(mlx::core::expand_dims(a, 0, s), shape, s);
  }
  if (pattern.learn(node, inputs_of(a))) {
    pattern.size = a.size();
    pattern.asked = shape;
    pattern.result = node.shape();
  }
  return node;
}

// MLX's function of this name, whose primitive holds the type alone.
inline mlx::core::array astype(
    const mlx::core::array& a, mlx::core::Dtype dtype, const mlx::core::StreamOrDevice& s) {
  if (a.dtype() == dtype) {
    return a;
  }
  static thread_local CachedNodes patterns;
  auto& pattern = patterns[static_cast<size_t>(dtype.val())];
  if (pattern.stream == mlx::core::to_stream(s)) [[likely]] {
    return make_node(a.shape(), dtype, pattern.primitive, a);
  }
  auto node = mlx::core::astype(a, dtype, s);
  pattern.learn(node, inputs_of(a));
  return node;
}

// MLX's function of this name for one axis, the place of which is all that the primitive holds.
inline mlx::core::array expand_dims(
    const mlx::core::array& a, int axis, const mlx::core::StreamOrDevice& s) {
  static thread_local std::array<CachedNode, 4> patterns;  // one per axis
  const int ndim = static_cast<int>(a.ndim());
  const int place = axis < 0 ? axis + ndim + 1 : axis;
  if (place < 0 || place > ndim || place >= static_cast<int>(patterns.size())) {
    return mlx::core::expand_dims(a, axis, s);
  }
  auto& pattern = patterns[place];
  if (pattern.stream == mlx::core::to_stream(s)) [[likely]] {
    auto shape = a.shape();
    shape.insert(shape.begin() + place, 1);
    return make_node(shape, a.dtype(), pattern.primitive, a);
  }
  auto node = mlx::core::expand_dims(a, place, s);
  pattern.learn(node, inputs_of(a));
  return node;
}

// The same for several.
inline mlx::core::array expand_dims(
    const mlx::core::array& a, const std::vector<int>& axes, const mlx::core::StreamOrDevice& s) {
  return axes.size() == 1 ? mlx_c::expand_dims(a, axes[0], s) : mlx::core::expand_dims(a, axes, s);
}

// MLX's function of this name, whose primitive is made of the three numbers alone.
inline mlx::core::array arange(
    double start,
    double stop,
    double step,
    mlx::core::Dtype dtype,
    const mlx::core::StreamOrDevice& s) {
  struct CachedRange : CachedNode {
    std::array<uint64_t, 3> numbers;
    int size;
  };
  static thread_local std::array<CachedRange, 16> patterns;
  // By their bits: -0 is equal to 0, and not the same.
  const std::array<uint64_t, 3> numbers = {
      std::bit_cast<uint64_t>(start), std::bit_cast<uint64_t>(stop), std::bit_cast<uint64_t>(step)};
  // Small integers differ in the exponent and the first bits behind it.
  const uint64_t sum = numbers[0] + numbers[1] + numbers[2];
  auto& pattern = patterns[((sum >> 52) + (sum >> 48)) % patterns.size()];
  if (pattern.stream == mlx::core::to_stream(s) && pattern.dtype == dtype &&
      pattern.numbers == numbers) {
    return make_node({pattern.size}, dtype, pattern.primitive);
  }
  auto node = mlx::core::arange(start, stop, step, dtype, s);
  if (pattern.learn(node, {})) {
    pattern.numbers = numbers;
    pattern.size = node.shape(0);
  }
  return node;
}

// Reductions are two nodes: one that keeps the axis, and a squeeze.
struct CachedReduction {
  CachedNode reduction;
  std::shared_ptr<mlx::core::Primitive> squeeze;  // null if the axis is kept
  mlx::core::Dtype type = mlx::core::bool_;
  int ndim = 0, axis = 0;
  bool keepdims = false;

  bool fits(const mlx::core::array& a, int of_axis, bool keeps, mlx::core::Stream stream) const {
    return reduction.stream == stream && type == a.dtype() && axis == of_axis &&
        ndim == static_cast<int>(a.ndim()) && keepdims == keeps;
  }

  void learn(const mlx::core::array& node, const mlx::core::array& a, int of_axis, bool keeps) {
    const bool squeezes =
        node.has_primitive() && std::string_view(node.primitive().name()) == "Squeeze";
    if (squeezes == keeps) {
      return;
    }
    if (reduction.learn(keeps ? node : node.inputs()[0], inputs_of(a))) {
      squeeze = keeps ? nullptr : node.primitive_ptr();
      type = a.dtype();
      ndim = static_cast<int>(a.ndim());
      axis = of_axis;
      keepdims = keeps;
    }
  }
};

// `operation(a, axis, keepdims, s)` for a reduction of MLX. For axes of less than two elements, MLX
// makes other nodes, or none.
template <auto operation>
mlx::core::array cached_node(
    const mlx::core::array& a, int axis, bool keepdims, const mlx::core::StreamOrDevice& s) {
  static thread_local std::array<CachedReduction, 8> patterns;
  const int ndim = static_cast<int>(a.ndim());
  const int place = axis < 0 ? axis + ndim : axis;
  if (place < 0 || place >= ndim || a.shape(place) < 2 || a.size() == 0) {
    return operation(a, axis, keepdims, s);
  }
  auto& pattern = patterns[(static_cast<size_t>(a.dtype().val()) + ndim + place) % patterns.size()];
  if (!pattern.fits(a, place, keepdims, mlx::core::to_stream(s))) {
    auto node = operation(a, axis, keepdims, s);
    pattern.learn(node, a, place, keepdims);
    return node;
  }
  const auto& [primitive, stream, dtype] = pattern.reduction;
  auto shape = a.shape();
  shape[place] = 1;
  if (keepdims) {
    return make_node(shape, dtype, primitive, a);
  }
  const auto reduced = make_node(shape, dtype, primitive, a);
  shape.erase(shape.begin() + place);
  return make_node(shape, dtype, pattern.squeeze, reduced);
}

// The same over all axes.
template <auto operation>
mlx::core::array cached_node(
    const mlx::core::array& a, bool keepdims, const mlx::core::StreamOrDevice& s) {
  if (a.ndim() == 1) {
    return cached_node<operation>(a, 0, keepdims, s);
  }
  constexpr int all_axes = -1;
  constexpr size_t most_dimensions = 4;
  static thread_local std::array<CachedReduction, most_dimensions + 1> patterns;
  const auto& extents = a.shape();
  if (keepdims || extents.empty() || extents.size() > most_dimensions ||
      std::any_of(extents.begin(), extents.end(), [](int extent) { return extent < 2; })) {
    return operation(a, keepdims, s);
  }
  auto& pattern = patterns[extents.size()];
  if (!pattern.fits(a, all_axes, keepdims, mlx::core::to_stream(s))) {
    auto node = operation(a, keepdims, s);
    pattern.learn(node, a, all_axes, keepdims);
    return node;
  }
  const auto& [primitive, stream, dtype] = pattern.reduction;
  const auto reduced = make_node(mlx::core::Shape(extents.size(), 1), dtype, primitive, a);
  return make_node({}, dtype, pattern.squeeze, reduced);
}

// The same over some.
template <auto operation>
mlx::core::array cached_node(
    const mlx::core::array& a,
    const std::vector<int>& axes,
    bool keepdims,
    const mlx::core::StreamOrDevice& s) {
  return axes.size() == 1 ? cached_node<operation>(a, axes[0], keepdims, s)
                          : operation(a, axes, keepdims, s);
}

// The shape of the products of as many matrices of one type; none if there is more to do, be it
// that MLX makes a matrix of a vector, broadcasts or flattens, or that an error is to be reported.
inline std::optional<mlx::core::Shape> product_shape(
    const mlx::core::array& a, const mlx::core::array& b) {
  const auto& rows = a.shape();
  const auto& columns = b.shape();
  if (a.dtype() != b.dtype() || rows.size() != columns.size() || rows.size() < 2 ||
      rows.back() != columns.end()[-2] || a.size() == 0 || b.size() == 0 ||
      !std::equal(rows.begin(), rows.end() - 2, columns.begin())) {
    return std::nullopt;
  }
  auto shape = rows;
  shape.back() = columns.back();
  return shape;
}

// MLX's function of this name.
inline mlx::core::array matmul(
    const mlx::core::array& a, const mlx::core::array& b, const mlx::core::StreamOrDevice& s) {
  static thread_local CachedNodes patterns;
  auto shape = records_for_all_shapes ? std::nullopt : product_shape(a, b);
  auto& pattern = patterns[static_cast<size_t>(a.dtype().val())];
  if (shape && pattern.stream == mlx::core::to_stream(s)) [[likely]] {
    return make_node(*shape, pattern.dtype, pattern.primitive, a, b);
  }
  auto node = general_matmul(a, b, s);
  if (shape && mlx::core::issubdtype(node.dtype(), mlx::core::inexact)) {
    pattern.learn(node, inputs_of(a, b));
  }
  return node;
}

// The shape of the concatenation of arrays of one type; none if MLX has to do it, since a type has
// to be promoted or an error reported.
inline std::optional<mlx::core::Shape> joined_shape(
    const std::vector<mlx::core::array>& parts, size_t axis) {
  if (parts.size() < 2 || axis >= parts[0].ndim()) {
    return std::nullopt;
  }
  int64_t extent = 0;
  for (auto& part : parts) {
    if (part.dtype() != parts[0].dtype() || part.ndim() != parts[0].ndim() || part.size() == 0) {
      return std::nullopt;
    }
    for (size_t i = 0; i < part.ndim(); ++i) {
      if (i != axis && part.shape(i) != parts[0].shape(i)) {
        return std::nullopt;
      }
    }
    extent += part.shape(axis);
  }
  if (extent > std::numeric_limits<int>::max()) {
    return std::nullopt;
  }
  auto shape = parts[0].shape();
  shape[axis] = static_cast<int>(extent);
  return shape;
}

// MLX's function of this name.
inline mlx::core::array concatenate(
    const std::vector<mlx::core::array>& parts, int axis, const mlx::core::StreamOrDevice& s) {
  static thread_local std::array<CachedNode, 4> patterns;  // one per axis
  size_t place = axis < 0 && !parts.empty() ? axis + parts[0].ndim() : axis;
  auto shape = place < patterns.size() ? joined_shape(parts, place) : std::nullopt;
  if (shape && patterns[place].stream == mlx::core::to_stream(s)) {
    std::vector<const mlx::core::array*> inputs;
    inputs.reserve(parts.size());
    for (auto& part : parts) {
      inputs.push_back(&part);
    }
    return make_node(
        *shape, parts[0].dtype(), patterns[place].primitive, inputs.data(), inputs.size());
  }
  auto node = mlx::core::concatenate(parts, axis, s);
  if (shape) {
    patterns[place].learn(node, parts);
  }
  return node;
}

}  // namespace mlx_c
