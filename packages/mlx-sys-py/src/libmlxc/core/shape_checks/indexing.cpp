// Square matrices, sorted rows, and what indices and slices select.
#include <algorithm>
#include <cstdint>

#include <mlx/primitives.h>

#include "core/shape_checks/checks.hpp"

namespace mlx_c::shape_checks {

void square_matrices(const Node& node) {
  node.require(
      node.length(0, -2) >= 0 && node.length(0, -1) == node.length(0, -2),
      "the last two axes must be equally long");
}

// Square matrices, and as many right sides of their length.
void systems(const Node& node) {
  square_matrices(node);
  const Shape &a = node.shape(0), &b = node.shape(1);
  node.require(
      a.size() == b.size() && std::equal(a.begin(), a.end() - 1, b.begin()),
      "all axes but the last must be equally long");
}

void searchsorted(const Node& node) {
  node.require(node.shape(0).size() == 1, "the first must have one axis");
}

void gather(const Node& node) {
  const auto [axes, lengths] = node.primitive<mx::Gather>().state();
  const Shape& source = node.shape(0);
  node.require(
      std::ranges::equal(lengths, source, std::ranges::less_equal()),
      "slices of the shape ",
      lengths,
      " are larger than the first");
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(node.shape(i) == node.shape(1), "the indices must have equal shapes");
  }
  const auto recorded = node.recorded();
  if (!recorded) {
    return;
  }
  const Shape& before = recorded->front();
  for (size_t axis = 0; axis < source.size(); ++axis) {
    const bool is_indexed = std::ranges::find(axes, static_cast<int>(axis)) != axes.end();
    const bool was_whole = !is_indexed && lengths[axis] == before[axis];
    node.require(
        !was_whole || source[axis] == before[axis],
        "slices along the axis ",
        axis,
        " were recorded with all of its ",
        before[axis],
        " elements");
  }
}

void gather_axis(const Node& node) {
  const int axis = node.primitive<mx::GatherAxis>().state();
  node.require(
      agree_but_for(node.shape(0), node.shape(1), axis), "they must be equal but for axis ", axis);
}

void scatter_axis(const Node& node) {
  const int axis = node.primitive<mx::ScatterAxis>().state().second;
  node.require(
      agree_but_for(node.shape(0), node.shape(1), axis) && node.shape(1) == node.shape(2),
      "they must be equal but for axis ",
      axis,
      " of the first");
}

void masked_scatter(const Node& node) {
  node.require(
      node.shape(0) == node.shape(1) &&
          (node.shape(0).empty() || node.length(0, 0) == node.length(2, 0)),
      "the mask must have the shape of the first");
}

namespace {

void slice_fits(const Node& node, const Shape& slice) {
  node.require(
      std::ranges::equal(slice, node.shape(0), std::ranges::less_equal()),
      "a slice of shape ",
      slice,
      " does not fit into an array of shape ",
      node.shape(0));
}

}  // namespace

void dynamic_slice(const Node& node) {
  const auto [axes, lengths] = node.primitive<mx::DynamicSlice>().state();
  slice_fits(node, lengths);
  node.require(node.input(1).size() == axes.size(), "there must be a start for each axis");
}

void dynamic_slice_update(const Node& node) {
  slice_fits(node, node.shape(1));
  node.require(
      node.input(2).size() == node.primitive<mx::DynamicSliceUpdate>().state().size(),
      "there must be a start for each axis");
}

void slice_update(const Node& node) {
  const auto [reduction, start, stop, strides] = node.primitive<mx::SliceUpdate>().state();
  const Shape &target = node.shape(0), &update = node.shape(1);
  node.require(
      target.size() == start.size() && update.size() == start.size(), "the slice has other axes");
  // Whether a position was counted from the end, or an end left out, cannot be seen any more.
  const auto recorded = node.recorded();
  node.require(
      !recorded || target == recorded->front(), "the slice was recorded for an array of one shape");
  for (size_t axis = 0; axis < start.size(); ++axis) {
    const int64_t first = start[axis], step = strides[axis];
    // A negative stop of a slice that goes back means that it includes the first element.
    const int64_t end = step < 0 ? std::max(stop[axis], -1) : stop[axis];
    const int64_t count = std::max<int64_t>(0, (end - first + step - (step > 0 ? 1 : -1)) / step);
    const int64_t last = first + (count - 1) * step;
    node.require(
        count == 0 || (std::min(first, last) >= 0 && std::max(first, last) < target[axis]),
        "the slice ",
        first,
        ":",
        end,
        ":",
        step,
        " reaches beyond axis ",
        axis);
    node.require(
        update[axis] == count, "the update must have the length ", count, " along axis ", axis);
  }
}

}  // namespace mlx_c::shape_checks
