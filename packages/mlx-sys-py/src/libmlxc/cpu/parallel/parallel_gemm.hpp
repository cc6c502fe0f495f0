// Products of matrices, one by one and many at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include <mlx/array.h>

#include "cpu/kernels/table.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

inline std::optional<Number> number_type(mlx::core::Dtype type) {
  if (type == mlx::core::float32) {
    return Number::f32;
  }
  if (type == mlx::core::float16) {
    return Number::f16;
  }
  if (type == mlx::core::bfloat16) {
    return Number::bf16;
  }
  if (type == mlx::core::float64) {
    return Number::f64;
  }
  if (type == mlx::core::complex64) {
    return Number::c64;
  }
  return std::nullopt;
}

// Bytes of a number.
inline std::ptrdiff_t number_size(Number type) {
  return type == Number::f32 ? 4 : type == Number::f16 || type == Number::bf16 ? 2 : 8;
}

// What a task on a stream's thread keeps of an array whose last two axes are those of matrices.
class MatrixView {
 public:
  MatrixView(const mlx::core::array& a, Number type);

  // The matrix at `item`, counted along the axes before the last two.
  Operand operator[](int item) const;

 private:
  const char* data_;
  std::ptrdiff_t item_size_, row_, column_;
  mlx::core::Shape shape_;  // of the axes before
  mlx::core::Strides strides_;
};

// An operand or result from an element of it on.
inline Operand from(Operand a, Number type, std::ptrdiff_t row, std::ptrdiff_t column) {
  const std::ptrdiff_t items = row * a.row + column * a.column;
  return {static_cast<const char*>(a.data) + items * number_size(type), a.row, a.column};
}

// In the calling thread.
void multiply(const Kernels& kernels, const Gemm& p);

// How the results of products are cut into parts, each of which is a task for one thread.
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

// Multiplications below which other threads would cost more than they bring.
constexpr double worth_threads = 1 << 17;

inline double multiplications(const Gemm& p) {
  return static_cast<double>(p.m) * p.n * p.k * (p.type == Number::c64 ? 4 : 1);
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
