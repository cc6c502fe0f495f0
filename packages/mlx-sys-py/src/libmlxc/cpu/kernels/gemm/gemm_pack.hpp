// Packs parts of matrices in the order in which a GEMM reads them.
//
// A panel is some rows of a, or columns of b: its lines. Element p of line i is packed to
// target[p * width + i], so that a step of the product finds its elements side by side. Up to a
// vector behind the panel is overwritten.
#pragma once

#include "cpu/kernels/gemm/gemm_types.hpp"

namespace {
namespace gemm {

// How far ahead of packing to prefetch, along lines or from step to step: the hardware prefetcher
// does not follow lines and steps that are far apart.
constexpr std::uintptr_t prefetch_bytes = 384;
constexpr int prefetch_steps = 32;

// An address and no pointer, as it may be behind a matrix. Nothing is read there.
inline void prefetch(std::uintptr_t address) {
  __builtin_prefetch(reinterpret_cast<const void*>(address));
}

struct Lines {
  std::ptrdiff_t line, step;  // strides, in items: from line to line and along k
  int count;
  int available;  // lines from the first on that can be read; those beyond `count` are not stored
};

// Packs as many steps as a vector has lanes, where items along k are neighbours.
template <class S, class T = typename S::T>
void pack_square(const typename S::Item* source, Lines lines, int width, T* target) {
  constexpr int size = lanes_of<T>;
  // What a store writes beyond the panel's width is overwritten by later steps or lines.
  for (int first = (width - 1) / size * size; first >= 0; first -= size) {
    const int count = lines.count - first;
    Vec<T> square[size];
#pragma GCC unroll 16
    for (int i = 0; i < size; i++) {
      const auto* line = source + (first + i) * lines.line;
      if (i < count) {
        prefetch((std::uintptr_t)line + prefetch_bytes);
      }
      square[i] = i < count ? S::along(line) : Vec<T>{};
    }
    transpose(square);
#pragma GCC unroll 16
    for (int p = 0; p < size; p++) {
      store(target + p * width + first, square[p]);
    }
  }
}

template <class S, class T = typename S::T>
void pack(const typename S::Item* source, Lines lines, int items, int width, T* target) {
  constexpr int size = lanes_of<T>;
  const int steps = S::steps(items);
  int p = 0;
  if (lines.step == 1) {
    for (; S::items(p + size) <= items; p += size) {
      pack_square<S>(source + S::items(p), lines, width, target + (std::ptrdiff_t)p * width);
    }
  }
  for (; p < steps; p++) {
    const auto* at = source + S::items(p) * lines.step;
    const int left = items - S::items(p);
    T* row = target + (std::ptrdiff_t)p * width;
    int i = 0;
    if (lines.line == 1) {
      constexpr std::uintptr_t item = sizeof *at;
      const std::uintptr_t ahead =
          (std::uintptr_t)at + (std::uintptr_t)(S::items(prefetch_steps) * lines.step) * item;
      prefetch(ahead);
      prefetch(ahead + (std::uintptr_t)(lines.count - 1) * item);
      for (; i < lines.count && i + size <= lines.available; i += size) {
        store(row + i, S::across(at + i, lines.step, left));
      }
    }
    for (; i < lines.count; i++) {
      row[i] = S::get(at + i * lines.line, lines.step, left);
    }
    for (; i < width; i++) {
      row[i] = 0;
    }
  }
}

// Packs so many panels at once, each `distance` behind the one before, where lines are neighbours:
// whole cache lines are read, which panel by panel would be fetched again. As many vectors as cover
// a panel can be read and written.
template <class S, class T = typename S::T>
void pack_panels(
    const typename S::Item* source,
    std::ptrdiff_t step,
    int items,
    int width,
    int panels,
    std::ptrdiff_t distance,
    T* target) {
  constexpr int size = lanes_of<T>, line = 64 / (int)sizeof(typename S::Item);
  const int steps = S::steps(items);
  for (int p = 0; p < steps; p++) {
    const auto* at = source + S::items(p) * step;
    const int left = items - S::items(p);
    const std::uintptr_t ahead = (std::uintptr_t)(at + S::items(prefetch_steps) * step);
    for (int i = 0; i < panels * width; i += line) {
      prefetch(ahead + (std::uintptr_t)i * sizeof *at);
    }
    T* row = target + (std::ptrdiff_t)p * width;
    for (int q = 0; q < panels; q++, at += width, row += distance) {
      for (int i = 0; i < width; i += size) {
        store(row + i, S::across(at + i, step, left));
      }
    }
  }
}

}  // namespace gemm
}  // namespace
