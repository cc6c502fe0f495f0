// Normalisation of rows of floats, and its gradients.

#include "cpu/kernels/reduce/softmax.hpp"
#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

namespace {

// Elements i to i + lanes, those beyond the end replaced by `rest`.
inline vfloat load_some(const float* x, int i, int size, float rest = 0) {
  if (i + lanes <= size) {
    return load(x + i);
  }
  float last[lanes];
  for (int lane = 0; lane < lanes; lane++) {
    last[lane] = i + lane < size ? x[i + lane] : rest;
  }
  return load(last);
}

// The sum of what f gives for i = 0, lanes, 2 lanes ..., in four parts: an addition need not wait
// for the one before.
template <class F>
inline float total(int size, F f) {
  vfloat parts[4] = {};
  int i = 0;
  for (; i + 4 * lanes <= size; i += 4 * lanes) {
#pragma GCC unroll 4
    for (int part = 0; part < 4; part++) {
      parts[part] += f(i + part * lanes);
    }
  }
  for (; i < size; i += lanes) {
    parts[0] += f(i);
  }
  return sum((parts[0] + parts[1]) + (parts[2] + parts[3]));
}

// What a row is normalised by.
struct Moments {
  float mean, factor;
};

Moments moments(const NormArgs& p, const float* x) {
  const auto size = (float)p.size;
  float mean = 0;
  if (p.centred) {
    mean = total(p.size, [&](int i) { return load_some(x, i, p.size); }) / size;
  }
  const float squares = total(p.size, [&](int i) {
    const vfloat v = load_some(x, i, p.size, mean) - mean;
    return v * v;
  });
  return {mean, 1 / __builtin_sqrtf(squares / size + p.eps)};
}

}  // namespace

void normalize(
    const NormArgs& p, const float* x, const float* weight, const float* bias, float* y) {
  const Moments m = moments(p, x);
  for (int i = 0; i < p.size; i += lanes) {
    vfloat v = (load_some(x, i, p.size) - m.mean) * m.factor;
    if (weight) {
      v *= load_some(weight, i, p.size);
    }
    if (bias) {
      v += load_some(bias, i, p.size);
    }
    store_some(y, i, p.size, v);
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
  // The gradient with respect to what weight and bias are applied to.
  const auto inner = [&](int i) {
    const vfloat g = load_some(gradient, i, p.size);
    return weight ? g * load_some(weight, i, p.size) : g;
  };
  const auto normal = [&](int i) { return (load_some(x, i, p.size, m.mean) - m.mean) * m.factor; };
  vfloat total = {}, product = {};
  for (int i = 0; i < p.size; i += lanes) {
    const vfloat g = inner(i);
    total += g;
    product += g * normal(i);
  }
  // How much of it moves the mean, and the variance, which takes no effect.
  const float mean = p.centred ? sum(total) / (float)p.size : 0;
  const float slope = sum(product) / (float)p.size;
  for (int i = 0; i < p.size; i += lanes) {
    const vfloat n = normal(i), g = load_some(gradient, i, p.size);
    if (of_weight) {
      store_some(of_weight, i, p.size, load_some(of_weight, i, p.size) + g * n);
    }
    if (of_bias) {
      store_some(of_bias, i, p.size, load_some(of_bias, i, p.size) + g);
    }
    store_some(of_x, i, p.size, (inner(i) - mean - n * slope) * m.factor);
  }
}

}  // namespace mlx_c::cpu::MLX_C_ISA
