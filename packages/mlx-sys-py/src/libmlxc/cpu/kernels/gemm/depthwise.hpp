// Sums of rows, each times weights of its own: a convolution where every channel stays by itself.
#pragma once

#include "cpu/kernels/gemm/gemm_types.hpp"

namespace {
namespace gemm {

template <class T>
void weigh_rows(const void* const* rows, const T* weights, int count, int size, T* y) {
  constexpr int step = lanes_of<T>;
  const auto row = [&](int i) { return static_cast<const T*>(rows[i]); };
  int j = 0;
  for (; j + step <= size; j += step) {
    Vec<Computed<T>> sum = {};
    for (int i = 0; i < count; i++) {
      sum += load(row(i) + j) * load(weights + (std::ptrdiff_t)i * size + j);
    }
    store(y + j, sum);
  }
  for (; j < size; j++) {
    Computed<T> sum = 0;
    for (int i = 0; i < count; i++) {
      sum += widen(row(i)[j]) * widen(weights[(std::ptrdiff_t)i * size + j]);
    }
    y[j] = narrow<T>(sum);
  }
}

void weigh_rows(
    ElementType type, const void* const* rows, const void* weights, int count, int size, void* y) {
  const auto run = [&]<class T>(T) {
    weigh_rows(rows, static_cast<const T*>(weights), count, size, static_cast<T*>(y));
  };
  type == ElementType::f64 ? run(double{}) : with_float_type(type, run);
}

}  // namespace gemm
}  // namespace
