// Elements of arrays of any layout, in row-major order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <mlx/array.h>

namespace mlx_c::cpu {

// How to step through memory to read an array, broadcast to a shape, in order. Extents whose
// elements follow each other are merged; there is at least one.
struct Walk {
  mlx::core::Strides shape;
  mlx::core::Strides strides;

  Walk(const mlx::core::array& a, const mlx::core::Shape& shape);
  Walk(
      const mlx::core::Shape& source,
      const mlx::core::Strides& strides,
      const mlx::core::Shape& shape);

  std::size_t size() const;

  // Elements of the last extent.
  std::size_t inner() const {
    return static_cast<std::size_t>(shape.back());
  }

  // Writes `count` elements of `item` bytes, from the one of index `start` on, where `data` is the
  // first one of all.
  void copy(
      const void* data, std::size_t item, std::size_t start, std::size_t count, void* target) const;

  // Calls f(offset, count) for runs of elements along the last extent, whose stride is between
  // them.
  template <class F>
  void for_runs(std::size_t start, std::size_t count, F f) const;
};

// Copies elements that lie `stride` elements apart.
void copy_strided(
    const void* source, std::ptrdiff_t stride, std::size_t count, std::size_t item, void* target);

template <class F>
void Walk::for_runs(std::size_t start, std::size_t count, F f) const {
  const int last = static_cast<int>(shape.size()) - 1;
  const std::ptrdiff_t step = strides[last];
  if (count == 0) {
    return;
  }
  if (last == 0) {
    return f(static_cast<std::ptrdiff_t>(start) * step, count);
  }

  std::size_t at = start % inner(), rest = start / inner();
  std::ptrdiff_t offset = 0;
  mlx::core::Strides index(shape.size(), 0);
  for (int d = last - 1; d >= 0; d--) {
    const auto extent = static_cast<std::size_t>(shape[d]);
    index[d] = static_cast<std::int64_t>(rest % extent);
    offset += index[d] * strides[d];
    rest /= extent;
  }
  while (count > 0) {
    const std::size_t run = std::min(count, inner() - at);
    f(offset + static_cast<std::ptrdiff_t>(at) * step, run);
    count -= run;
    at = 0;
    for (int d = last - 1; d >= 0; d--) {
      offset += strides[d];
      if (++index[d] < shape[d]) {
        break;
      }
      offset -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
}

}  // namespace mlx_c::cpu
