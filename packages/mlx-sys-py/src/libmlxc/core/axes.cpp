#include "core/axes.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include <mlx/ops.h>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// The axes counted from the front, and for each axis of the array whether it is among them.
std::vector<int> from_front(
    const mx::array& a, const std::vector<int>& axes, std::vector<bool>& taken, const char* name) {
  const int ndim = static_cast<int>(a.ndim());
  std::vector<int> result;
  for (int axis : axes) {
    if (axis < -ndim || axis >= ndim) {
      throw std::out_of_range(
          std::string(name) + " has the axis " + std::to_string(axis) + ", out of bounds for " +
          std::to_string(ndim) + " dimensions");
    }
    const int place = axis < 0 ? axis + ndim : axis;
    if (taken[place]) {
      throw std::invalid_argument(
          std::string(name) + " has the axis " + std::to_string(axis) + " twice");
    }
    taken[place] = true;
    result.push_back(place);
  }
  return result;
}

// `a` with `ndim` dimensions, the first of which have the length one.
mx::array with_dimensions(const mx::array& a, size_t ndim, mx::StreamOrDevice s) {
  if (a.ndim() >= ndim) {
    return a;
  }
  mx::Shape shape(ndim - a.ndim(), 1);
  shape.insert(shape.end(), a.shape().begin(), a.shape().end());
  return mx::reshape(a, shape, s);
}

}  // namespace

mx::array move_axes(
    const mx::array& a,
    const std::vector<int>& source,
    const std::vector<int>& destination,
    mx::StreamOrDevice s) {
  if (source.size() != destination.size()) {
    throw std::invalid_argument(
        "source has " + std::to_string(source.size()) + " axes, but destination " +
        std::to_string(destination.size()));
  }
  std::vector<bool> moved(a.ndim(), false), filled(a.ndim(), false);
  const auto from = from_front(a, source, moved, "source");
  const auto to = from_front(a, destination, filled, "destination");
  std::vector<int> order(a.ndim());
  for (size_t i = 0; i < from.size(); i++) {
    order[to[i]] = from[i];
  }
  int next = 0;
  for (size_t place = 0; place < order.size(); place++) {
    if (!filled[place]) {
      while (moved[next]) {
        next++;
      }
      order[place] = next++;
    }
  }
  return mx::transpose(a, order, s);
}

mx::array vecdot(const mx::array& a, const mx::array& b, int axis, mx::StreamOrDevice s) {
  const auto ndim = std::max(a.ndim(), b.ndim());
  if (axis >= 0 || -axis > static_cast<int>(std::min(a.ndim(), b.ndim()))) {
    return mx::vecdot(a, b, axis, s);
  }
  return mx::vecdot(with_dimensions(a, ndim, s), with_dimensions(b, ndim, s), axis, s);
}

}  // namespace mlx_c
