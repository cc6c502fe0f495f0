// Nodes of elementwise operations without what MLX does to find out that nothing has to be done.
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
  void learn(const mlx::core::array& node, const Arrays&... inputs) {
    if (!node.has_primitive() || !node.siblings().empty() ||
        node.inputs().size() != sizeof...(inputs)) {
      return;
    }
    auto input = node.inputs().begin();
    if (!((input++->id() == inputs.id() && node.shape() == inputs.shape()) && ...)) {
      return;
    }
    primitive = node.primitive_ptr();
    stream = primitive->stream();
    dtype = node.dtype();
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

}  // namespace mlx_c
