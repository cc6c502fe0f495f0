#include "cpu/kernels/reduce/normalization.hpp"

#include "cpu/kernels/simd/rows.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

namespace {

// What a row is normalised by.
struct Moments {
  float mean, factor;
};

// Prefetches the vector one row further: rows mostly lie side by side, and while one is worked on
// in the cache, memory would be idle. Nothing is read there.
template <int write>
inline void prefetch_next(const float* row, std::size_t i, std::size_t size) {
  const auto address = (std::uintptr_t)row + (size + i) * sizeof(float);
  __builtin_prefetch(reinterpret_cast<const void*>(address), write);
}

Moments moments(const NormArgs& p, const float* x) {
  const auto size = (std::size_t)p.size;
  const auto count = (float)p.size;
  float mean = 0;
  if (p.centred) {
    mean = sum_of_row(x, size, 0, [](vfloat v) { return v; }) / count;
  }
  const float squares =
      sum_of_row(x, size, mean, [&](vfloat v) { return (v - mean) * (v - mean); });
  return {mean, 1 / __builtin_sqrtf(squares / count + p.eps)};
}

}  // namespace

void normalize(
    const NormArgs& p, const float* x, const float* weight, const float* bias, float* y) {
  const Moments m = moments(p, x);
  const auto size = (std::size_t)p.size;
  for (std::size_t i = 0; i < size; i += lanes) {
    prefetch_next<0>(x, i, size);
    prefetch_next<1>(y, i, size);
    vfloat v = (load_at(x, i, size) - m.mean) * m.factor;
    if (weight) {
      v *= load_at(weight, i, size);
    }
    if (bias) {
      v += load_at(bias, i, size);
    }
    store_at(y, i, size, v);
  }
}

void normalize_gradients(
    const NormArgs& p,
    const float* x,
    const float* weight,
    const float* gradient,
    float* of_x,
    float* of_weight,
    float* of_bias) {
  const Moments m = moments(p, x);
  const auto size = (std::size_t)p.size;
  // The gradient with respect to what weight and bias are applied to.
  const auto inner = [&](std::size_t i) {
    const vfloat g = load_at(gradient, i, size);
    return weight ? g * load_at(weight, i, size) : g;
  };
  const auto normal = [&](std::size_t i) {
    return (load_at(x, i, size, m.mean) - m.mean) * m.factor;
  };
  vfloat total = {}, product = {};
  for (std::size_t i = 0; i < size; i += lanes) {
    const vfloat g = inner(i);
    total += g;
    product += g * normal(i);
  }
  // The parts of it that move the mean and the variance have no effect.
  const float mean = p.centred ? sum(total) / (float)p.size : 0;
  const float slope = sum(product) / (float)p.size;
  for (std::size_t i = 0; i < size; i += lanes) {
    prefetch_next<0>(x, i, size);
    prefetch_next<0>(gradient, i, size);
    prefetch_next<1>(of_x, i, size);
    const vfloat n = normal(i), g = load_at(gradient, i, size);
    if (of_weight) {
      store_at(of_weight, i, size, load_at(of_weight, i, size) + g * n);
    }
    if (of_bias) {
      store_at(of_bias, i, size, load_at(of_bias, i, size) + g);
    }
    store_at(of_x, i, size, (inner(i) - mean - n * slope) * m.factor);
  }
}

}  // namespace mlx_c::cpu::MLX_C_ISA
