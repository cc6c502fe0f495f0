// Primitives of MLX for GPUs, and those of this library with the same inputs, which know more about
// them.
#include <algorithm>
#include <tuple>

#include <mlx/fast_primitives.h>

#include "core/shape_checks/checks.hpp"

namespace mlx_c::shape_checks {

void normalization(const Node& node) {
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(
        node.shape(i).empty() || node.shape(i) == Shape{node.length(0, -1)},
        "the parameters must have the length of the last axis");
  }
}

void rope(const Node& node) {
  if (node.output.primitive().device() != mx::Device::gpu) {
    return;
  }
  const int dims = std::get<1>(node.primitive<mx::fast::RoPE>().state());
  node.require(
      node.shape(0).size() >= 3 && node.length(0, -1) >= dims,
      "the last axis is shorter than ",
      dims);
  const size_t offsets = node.input(1).size();
  node.require(
      offsets == 1 || offsets == static_cast<size_t>(node.length(0, 0)),
      "there must be one offset, or one for each sequence");
  node.require(
      node.count() < 3 || node.shape(2) == Shape{dims / 2},
      "there must be ",
      dims / 2,
      " frequencies");
}

void attention(const Node& node) {
  const Shape &q = node.shape(0), &k = node.shape(1), &v = node.shape(2);
  node.require(
      q.size() == 4 && k.size() == 4 && v.size() == 4 && q[0] == k[0] && q[0] == v[0] &&
          k[1] == v[1] && k[2] == v[2] && q[3] == k[3] && (k[1] == 0 || q[1] % k[1] == 0),
      "queries, keys and values must agree");
  if (node.output.primitive().device() != mx::Device::gpu) {
    return;
  }
  const bool has_sinks = std::get<3>(node.primitive<mx::fast::ScaledDotProductAttention>().state());
  const size_t masks = node.count() - has_sinks;
  for (size_t i = 3; i < masks; ++i) {
    node.require(
        broadcasts(node.shape(i), {q[0], q[1], q[2], k[2]}), "the mask cannot be broadcast");
  }
  node.require(
      !has_sinks || node.shape(masks) == Shape{q[1]}, "there must be a sink for each head");
}

// Targets for the rows of logits, in the second input, and a cotangent for each.
void cross_entropy(const Node& node) {
  Shape rows = node.shape(0);
  node.require(!rows.empty(), "the logits must have an axis");
  rows.pop_back();
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(
        node.shape(i).empty() ? i > 1 || rows.empty() : node.shape(i) == rows,
        "there must be a target for each row of the logits");
  }
}

void one_key(const Node& node) {
  node.require(node.shape(0) == Shape{2}, "a key has the shape (2)");
}

// The relations between these shapes are not public.
void as_recorded(const Node& node) {
  const auto recorded = node.recorded();
  for (size_t i = 0; recorded && i < node.count(); ++i) {
    node.require(node.shape(i) == (*recorded)[i], "they must be the recorded ones");
  }
}

}  // namespace mlx_c::shape_checks
