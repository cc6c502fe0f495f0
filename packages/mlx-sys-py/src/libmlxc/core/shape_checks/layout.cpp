// Elementwise operations, layout and sorting.
#include <algorithm>
#include <cstdint>

#include <mlx/primitives.h>

#include "core/shape_checks/checks.hpp"

namespace mlx_c::shape_checks {

void same_shapes(const Node& node) {
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(node.shape(i) == node.shape(0), "they must be equal");
  }
}

namespace {

// Whether `shape` has to be repeated along an axis of `result`.
bool is_stretched(const Shape& shape, const Shape& result, size_t axis) {
  const size_t more = result.size() - std::min(shape.size(), result.size());
  return axis < more || shape[axis - more] != result[axis];
}

}  // namespace

void broadcast(const Node& node) {
  const Shape &shape = node.shape(0), &result = node.output.shape();
  node.require(broadcasts(shape, result), "the first cannot be broadcast to ", result);
  const auto recorded = node.all && node.all->takes_gradients() ? node.recorded() : nullptr;
  if (!recorded) {
    return;
  }
  // The gradients of what was stretched are sums, those of other arrays are not. Along an axis of
  // length 1 both come to the same.
  const Shape &shape_before = recorded->front(), &result_before = recorded->back();
  for (size_t axis = 0; axis < result.size(); ++axis) {
    node.require(
        result[axis] == 1 || result_before[axis] == 1 ||
            is_stretched(shape, result, axis) == is_stretched(shape_before, result_before, axis),
        "axis ",
        axis,
        " is stretched in one of the call and the recording, which takes gradients");
  }
}

// Elementwise operations that MLX has fused.
void fused_elementwise(const Node& node) {
  for (size_t i = 0; i < node.count(); ++i) {
    node.require(
        broadcasts(node.shape(i), node.output.shape()),
        "they cannot be broadcast to ",
        node.output.shape());
  }
}

void not_empty(const Node& node) {
  node.require(
      node.input(0).size() > 0 || node.output.size() == 0,
      "there is no such element of an empty array");
}

void same_size(const Node& node) {
  node.require(
      node.input(0).size() == node.output.size(),
      "the result of the shape ",
      node.output.shape(),
      " has another number of elements");
}

void unflatten(const Node& node) {
  const auto [axis, lengths] = node.primitive<mx::Unflatten>().state();
  node.require(
      product(lengths) == node.length(0, axis),
      "the axis ",
      axis,
      " cannot be split into axes of ",
      lengths);
}

void squeeze(const Node& node) {
  for (const int axis : node.primitive<mx::Squeeze>().state()) {
    node.require(node.length(0, axis) == 1, "the axis ", axis, " has not the length 1");
  }
}

namespace {

void partition_at(const Node& node, int kth, int axis) {
  node.require(
      kth < node.length(0, axis), "the axis ", axis, " has no element at the position ", kth);
}

}  // namespace

void partition(const Node& node) {
  const auto [kth, axis] = node.primitive<mx::Partition>().state();
  partition_at(node, kth, axis);
}

void argpartition(const Node& node) {
  const auto [kth, axis] = node.primitive<mx::ArgPartition>().state();
  partition_at(node, kth, axis);
}

void concatenate(const Node& node) {
  const int axis = node.primitive<mx::Concatenate>().state();
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(
        agree_but_for(node.shape(i), node.shape(0), axis),
        "they must be equal but for the axis ",
        axis);
  }
}

}  // namespace mlx_c::shape_checks
