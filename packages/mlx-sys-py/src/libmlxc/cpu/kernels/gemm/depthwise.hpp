// Sums of rows, each times weights of its own: what a convolution is where every channel stays by
// itself.
#pragma once

#include "cpu/kernels/gemm/gemm_types.hpp"

namespace {
namespace dense {

template <class S, class T = typename S::T>
void sum_of_rows(const void* const* rows, const void* weights, int count, int size, void* y) {
  using Item = typename S::Item;
  const auto* w = static_cast<const Item*>(weights);
  int j = 0;
  for (; j + lanes_of<T> <= size; j += lanes_of<T>) {
    Vector<T> sum = {};
    for (int i = 0; i < count; i++) {
      sum += S::along(static_cast<const Item*>(rows[i]) + j) *
          S::along(w + (std::ptrdiff_t)i * size + j);
    }
    T sums[lanes_of<T>];
    store_vector(sums, sum);
    S::put(sums, static_cast<Item*>(y) + j, lanes_of<T>);
  }
  for (; j < size; j++) {
    T sum = 0;
    for (int i = 0; i < count; i++) {
      sum += S::value(static_cast<const Item*>(rows[i])[j]) *
          S::value(w[(std::ptrdiff_t)i * size + j]);
    }
    S::put(&sum, static_cast<Item*>(y) + j, 1);
  }
}

void weigh_rows(
    mlx_c::cpu::ElementType type,
    const void* const* rows,
    const void* weights,
    int count,
    int size,
    void* y) {
  switch (type) {
    case mlx_c::cpu::ElementType::f32:
      return sum_of_rows<Same<float>>(rows, weights, count, size, y);
    case mlx_c::cpu::ElementType::f16:
      return sum_of_rows<Half>(rows, weights, count, size, y);
    case mlx_c::cpu::ElementType::bf16:
      return sum_of_rows<Brain>(rows, weights, count, size, y);
    default:
      return sum_of_rows<Same<double>>(rows, weights, count, size, y);
  }
}

}  // namespace dense
}  // namespace
