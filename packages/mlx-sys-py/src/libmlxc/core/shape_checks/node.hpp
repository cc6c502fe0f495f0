// A node whose inputs are checked, and what the checks have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include <mlx/primitives.h>
#include <mlx/utils.h>

#include "core/input_shapes.hpp"

namespace mlx_c::shape_checks {

namespace mx = mlx::core;

using mx::array;
using mx::Shape;
using Shapes = RecordedShapes::Shapes;

// A node to check.
struct Node {
  const array& output;
  // The function that users know it by.
  const char* function;
  // The shapes that it was recorded with (of its inputs, then of the output), or where to look for
  // them; or neither.
  const Shapes* given = nullptr;
  const RecordedShapes* all = nullptr;

  // Null if they are not known.
  std::shared_ptr<const Shapes> recorded() const {
    if (given) {
      return {std::shared_ptr<void>(), given};
    }
    return all ? all->find(output) : nullptr;
  }

  size_t count() const {
    return output.inputs().size();
  }

  const array& input(size_t i) const {
    return output.inputs()[i];
  }

  const Shape& shape(size_t i) const {
    return output.inputs()[i].shape();
  }

  // The length of an axis, which may count from the end; -1 if there is no such axis.
  int length(size_t i, int axis) const {
    const int ndim = static_cast<int>(shape(i).size());
    axis += axis < 0 ? ndim : 0;
    return axis >= 0 && axis < ndim ? shape(i)[axis] : -1;
  }

  template <class P>
  const P& primitive() const {
    return static_cast<const P&>(output.primitive());
  }

  template <class... Parts>
  void require(bool fits, const Parts&... parts) const {
    if (!fits) {
      refuse(parts...);
    }
  }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    std::ostringstream message;
    message << "[" << function << "] inputs of the shapes";
    for (size_t i = 0; i < count(); ++i) {
      message << (i ? ", " : " ") << shape(i);
    }
    message << " do not fit: ";
    (message << ... << parts);
    if (const auto before = recorded()) {
      message << "; the function was recorded with the shapes";
      for (size_t i = 0; i < count(); ++i) {
        message << (i ? ", " : " ") << (*before)[i];
      }
    }
    throw std::invalid_argument(message.str());
  }
};

inline int64_t product(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

// Whether `shape` can be broadcast to `result`.
inline bool broadcasts(const Shape& shape, const Shape& result) {
  return shape.size() <= result.size() &&
      std::equal(shape.rbegin(), shape.rend(), result.rbegin(), [](int length, int other) {
           return length == 1 || length == other;
         });
}

// Whether the shapes agree but for `axis`.
inline bool agree_but_for(const Shape& a, const Shape& b, int axis) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (static_cast<int>(i) != axis && a[i] != b[i]) {
      return false;
    }
  }
  return true;
}

// What a matrix product is made of: the last two axes, and those before them.
inline Shape batch(const Shape& shape) {
  return {shape.begin(), shape.end() - std::min<size_t>(2, shape.size())};
}

}  // namespace mlx_c::shape_checks
