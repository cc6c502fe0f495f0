#include "cpu/arrays/copy.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <mlx/backend/common/utils.h>

#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

// Bytes that one task copies; less than two tasks' worth is copied by the caller alone.
constexpr std::size_t task_size = 1 << 17;
// Side of the square tiles of a transposition: few enough cache lines for L1.
constexpr std::int64_t tile = 16;

struct Axis {
  std::int64_t extent, from, to;
};
using Axes = mlx::core::SmallVector<Axis>;

// The axes, merged where possible, those with the largest strides in the target first, so that it
// is written in order.
Axes axes_of(const Copy& copy) {
  Axes axes;
  for (std::size_t i = 0; i < copy.shape.size(); i++) {
    if (copy.shape[i] != 1) {
      axes.push_back({copy.shape[i], copy.from[i], copy.to[i]});
    }
  }
  std::stable_sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) {
    return std::abs(a.to) > std::abs(b.to);
  });
  Axes merged;
  for (const Axis& inner : axes) {
    if (!merged.empty()) {
      Axis& outer = merged.back();
      if (outer.from == inner.extent * inner.from && outer.to == inner.extent * inner.to) {
        outer = {outer.extent * inner.extent, inner.from, inner.to};
        continue;
      }
    }
    merged.push_back(inner);
  }
  if (merged.empty()) {
    merged.push_back({1, 1, 1});
  }
  // The axis that is contiguous in the source comes last but one, to be transposed in tiles.
  if (merged.back().from != 1) {
    for (std::size_t i = 0; i + 1 < merged.size(); i++) {
      if (merged[i].from != 1) {
        continue;
      }
      std::rotate(merged.begin() + i, merged.begin() + i + 1, merged.end() - 1);
      break;
    }
  }
  return merged;
}

template <class T>
void copy_line(const T* source, T* target, Axis axis) {
  if (axis.from == 1 && axis.to == 1) {
    std::memcpy(target, source, axis.extent * sizeof(T));
  } else if (axis.from == 0 && axis.to == 1) {
    std::fill_n(target, axis.extent, *source);
  } else {
    for (std::int64_t i = 0; i < axis.extent; i++) {
      target[i * axis.to] = source[i * axis.from];
    }
  }
}

template <class T>
void copy_tiles(const T* source, T* target, Axis outer, Axis inner) {
  for (std::int64_t i = 0; i < outer.extent; i += tile) {
    const std::int64_t rows = std::min(tile, outer.extent - i);
    for (std::int64_t j = 0; j < inner.extent; j += tile) {
      const std::int64_t columns = std::min(tile, inner.extent - j);
      for (std::int64_t row = i; row < i + rows; row++) {
        copy_line(
            source + row * outer.from + j * inner.from,
            target + row * outer.to + j * inner.to,
            {columns, inner.from, inner.to});
      }
    }
  }
}

template <class T>
void copy_axes(const T* source, T* target, const Axis* axes, std::size_t count) {
  if (count == 1) {
    return copy_line(source, target, axes[0]);
  }
  if (count == 2 && axes[0].from == 1 && axes[1].from != 1) {
    return copy_tiles(source, target, axes[0], axes[1]);
  }
  for (std::int64_t i = 0; i < axes[0].extent; i++) {
    copy_axes(source + i * axes[0].from, target + i * axes[0].to, axes + 1, count - 1);
  }
}

template <class T>
void copy_all(const Copy& copy, std::size_t bytes) {
  auto* source = static_cast<const T*>(copy.source);
  auto* target = static_cast<T*>(copy.target);
  const Axes axes = axes_of(copy);
  const std::int64_t extent = axes[0].extent;
  const auto tasks = static_cast<int>(
      std::clamp<std::int64_t>(static_cast<std::int64_t>(bytes / task_size), 1, extent));
  parallel_for(tasks, [&](int task) {
    const std::int64_t begin = extent * task / tasks, end = extent * (task + 1) / tasks;
    Axes part = axes;
    part[0].extent = end - begin;
    copy_axes(source + begin * axes[0].from, target + begin * axes[0].to, part.data(), part.size());
  });
}

}  // namespace

void Copy::operator()() const {
  std::size_t bytes = item;
  for (int extent : shape) {
    bytes *= static_cast<std::size_t>(extent);
  }
  if (bytes == 0) {
    return;
  }
  with_bytes(item, [&]<class T>(T) { copy_all<T>(*this, bytes); });
}

Copy copy_of(const mlx::core::array& source, mlx::core::array& target) {
  return {
      source.data<void>(),
      source.strides(),
      target.data<void>(),
      target.strides(),
      source.shape(),
      source.itemsize()};
}

Copy copy_in_order(const mlx::core::array& source) {
  return {
      source.data<void>(),
      source.strides(),
      nullptr,
      mlx::core::make_contiguous_strides(source.shape()),
      source.shape(),
      source.itemsize()};
}

}  // namespace mlx_c::cpu
