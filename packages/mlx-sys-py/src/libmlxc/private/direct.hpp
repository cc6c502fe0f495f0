// Nodes without what MLX does to find out that nothing has to be done.
//
// An operation of MLX promotes types, broadcasts shapes and makes a primitive before it makes the
// node. Where the operands agree in type and shape all of that comes to the same primitive every
// time, so it is done once, by MLX, and the node that came out serves as the pattern for the next.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>
#include <mlx/utils.h>

namespace mlx_c {

// What nodes of one operation on one type have in common.
struct node_pattern {
  std::shared_ptr<mlx::core::Primitive> primitive;
  std::optional<mlx::core::Stream> stream;
  mlx::core::Dtype dtype = mlx::core::bool_;

  // Learns from the node that MLX made of `inputs`, unless it is more than the operation itself:
  // behind a cast, say, are other inputs than those given.
  template <class... Arrays>
  bool learn(const mlx::core::array& node, const Arrays&... inputs) {
    if (!node.has_primitive() || !node.siblings().empty() ||
        node.inputs().size() != sizeof...(inputs)) {
      return false;
    }
    auto input = node.inputs().begin();
    if (!((input++->id() == inputs.id()) && ...)) {
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

// One pattern per type of the operands. A thread has its own, so nothing has to be locked.
using node_patterns = std::array<node_pattern, 14>;

// `operation(a, s)` for a function of MLX that works element by element.
template <auto operation>
mlx::core::array direct(const mlx::core::array& a, const mlx::core::StreamOrDevice& s) {
  static thread_local node_patterns patterns;
  auto& pattern = patterns[static_cast<size_t>(a.dtype().val())];
  if (pattern.stream == mlx::core::to_stream(s)) [[likely]] {
    return mlx::core::array(a.shape(), pattern.dtype, pattern.primitive, inputs_of(a));
  }
  auto node = operation(a, s);
  pattern.learn(node, a);
  return node;
}

// `operation(a, b, s)` for a function of MLX that works element by element.
template <auto operation>
mlx::core::array direct(
    const mlx::core::array& a, const mlx::core::array& b, const mlx::core::StreamOrDevice& s) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) {
    return operation(a, b, s);
  }
  static thread_local node_patterns patterns;
  auto& pattern = patterns[static_cast<size_t>(a.dtype().val())];
  if (pattern.stream == mlx::core::to_stream(s)) [[likely]] {
    return mlx::core::array(a.shape(), pattern.dtype, pattern.primitive, inputs_of(a, b));
  }
  auto node = operation(a, b, s);
  pattern.learn(node, a, b);
  return node;
}

// `operation(a, shape, s)` for the function of MLX that gives an array another shape: its primitive
// is made of the shape alone, which follows from the size of `a` and the one asked for.
template <auto operation>
mlx::core::array direct(
    const mlx::core::array& a, const mlx::core::Shape& shape, const mlx::core::StreamOrDevice& s) {
  struct shape_pattern : node_pattern {
    size_t size;
    mlx::core::Shape asked, result;
  };
  // The last shape in each place: a model asks for a few, again and again.
  static thread_local std::array<shape_pattern, 16> patterns;
  size_t place = a.size();
  for (int extent : shape) {
    place = place * 31 + extent;
  }
  auto& pattern = patterns[place % patterns.size()];
  if (pattern.stream == mlx::core::to_stream(s) && pattern.size == a.size() &&
      pattern.asked == shape && pattern.result != a.shape()) {
    return mlx::core::array(pattern.result, a.dtype(), pattern.primitive, inputs_of(a));
  }
  auto node = operation(a, shape, s);
  if (pattern.learn(node, a)) {
    pattern.size = a.size();
    pattern.asked = shape;
    pattern.result = node.shape();
  }
  return node;
}

}  // namespace mlx_c
