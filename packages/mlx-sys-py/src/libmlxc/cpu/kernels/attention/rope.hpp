// Rotary position embeddings of one row, in the type that it has.
#pragma once

#include "cpu/kernels/gemm/gemm_types.hpp"

namespace {
namespace rotation {

using mlx_c::cpu::RopeArgs;

template <class S>
inline void put(vfloat v, typename S::Item* y) {
  float values[lanes];
  store(values, v);
  S::put(values, y, lanes);
}

template <class S>
void rotate(const RopeArgs& p, const void* source, void* target) {
  using Item = typename S::Item;
  const Item* const x = static_cast<const Item*>(source);
  Item* const y = static_cast<Item*>(target);
  int i = 0;
  if (!p.traditional) {
    for (; i + lanes <= p.pairs; i += lanes) {
      const vfloat a = S::along(x + i), b = S::along(x + p.pairs + i);
      const vfloat cosine = load(p.cosines + i), sine = load(p.sines + i);
      put<S>(a * cosine - b * sine, y + i);
      put<S>(a * sine + b * cosine, y + p.pairs + i);
    }
  }
  const int step = p.traditional ? 2 : 1, other = p.traditional ? 1 : p.pairs;
  for (; i < p.pairs; i++) {
    const float a = S::value(x[i * step]), b = S::value(x[i * step + other]);
    const float first = a * p.cosines[i] - b * p.sines[i];
    const float second = a * p.sines[i] + b * p.cosines[i];
    S::put(&first, y + i * step, 1);
    S::put(&second, y + i * step + other, 1);
  }
  const int rotated = 2 * p.pairs;
  if (rotated < p.width) {
    std::memcpy(y + rotated, x + rotated, sizeof(Item) * (std::size_t)(p.width - rotated));
  }
}

void rotate(const RopeArgs& p, const void* x, void* y) {
  switch (p.type) {
    case ElementType::f16:
      return rotate<dense::Half>(p, x, y);
    case ElementType::bf16:
      return rotate<dense::Brain>(p, x, y);
    default:
      return rotate<dense::Same<float>>(p, x, y);
  }
}

}  // namespace rotation
}  // namespace
