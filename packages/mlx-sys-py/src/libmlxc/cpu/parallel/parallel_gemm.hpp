// GEMM in several threads, of one product or of a batch.
#pragma once

#include <algorithm>
#include <cstddef>

#include <mlx/array.h>

#include "cpu/kernels/table.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

// An operand or result from an element of it on.
inline Operand from(Operand a, ElementType type, std::ptrdiff_t row, std::ptrdiff_t column) {
  const std::ptrdiff_t items = row * a.row + column * a.column;
  return {static_cast<const char*>(a.data) + items * item_size(type), a.row, a.column};
}

// In the calling thread.
void multiply(const Kernels& kernels, const Gemm& p);

// How the results of a batch of products are tiled: each part is a task for one thread.
struct GemmTiling {
  // For `count` products of the sizes of `p`.
  GemmTiling(const Gemm& p, int count);

  int tasks() const {
    return (count + group - 1) / group * parts();
  }

  // Calls f(part) for the parts of task `index`, given the whole products by whole(item).
  template <class W, class F>
  void for_parts(int index, W whole, F f) const {
    const int first = index / parts() * group, part = index % parts();
    for (int item = first; item < std::min(first + group, count); item++) {
      const Gemm p = cut(whole(item), part);
      if (p.m > 0) {
        f(p);
      }
    }
  }

  int count, group;   // products, and how many of them are one task if they are not cut
  int rows, columns;  // of a part
  int row_parts, column_parts;

 private:
  int parts() const {
    return row_parts * column_parts;
  }
  Gemm cut(Gemm p, int part) const;
};

// Multiplications below which waking other threads costs more than they save.
constexpr double worth_threads = 1 << 17;

inline double multiplications(const Gemm& p) {
  return static_cast<double>(p.m) * p.n * p.k * (p.type == ElementType::c64 ? 4 : 1);
}

// The products whole(0) ... whole(count - 1), of the type and sizes of `like`, or with a smaller m
// or another k.
template <class W>
void batched_gemm(const Kernels& kernels, const Gemm& like, int count, W whole) {
  if (count * multiplications(like) < worth_threads) {
    for (int item = 0; item < count; item++) {
      multiply(kernels, whole(item));
    }
    return;
  }
  const GemmTiling grid(like, count);
  parallel_for(grid.tasks(), [&](int index) {
    grid.for_parts(index, whole, [&](const Gemm& p) { multiply(kernels, p); });
  });
}

}  // namespace mlx_c::cpu
