// Rotary position embeddings of one row, in the type that it has.
#pragma once

#include "cpu/kernels/simd/elements.hpp"
#include "cpu/kernels/table.hpp"

namespace {
namespace attention {

using mlx_c::cpu::RopeArgs;

template <class T>
void rotate(const RopeArgs& p, const T* x, T* y) {
  int i = 0;
  if (!p.traditional) {
    for (; i + lanes <= p.pairs; i += lanes) {
      const vfloat a = load(x + i), b = load(x + p.pairs + i);
      const vfloat cosine = load(p.cosines + i), sine = load(p.sines + i);
      store(y + i, a * cosine - b * sine);
      store(y + p.pairs + i, a * sine + b * cosine);
    }
  }
  const int step = p.traditional ? 2 : 1, other = p.traditional ? 1 : p.pairs;
  for (; i < p.pairs; i++) {
    const float a = widen(x[i * step]), b = widen(x[i * step + other]);
    y[i * step] = narrow<T>(a * p.cosines[i] - b * p.sines[i]);
    y[i * step + other] = narrow<T>(a * p.sines[i] + b * p.cosines[i]);
  }
  const int rotated = 2 * p.pairs;
  if (rotated < p.width) {
    std::memcpy(y + rotated, x + rotated, sizeof(T) * (std::size_t)(p.width - rotated));
  }
}

void rope(const RopeArgs& p, const void* x, void* y) {
  with_float_type(
      p.type, [&]<class T>(T) { rotate(p, static_cast<const T*>(x), static_cast<T*>(y)); });
}

}  // namespace attention
}  // namespace
