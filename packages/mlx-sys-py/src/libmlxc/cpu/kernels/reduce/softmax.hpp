// Functions of one row of floats.
#pragma once

#include "cpu/kernels/math/exponential.hpp"

namespace {

// Calls f(i, v) for vectors v of x, the last of which is filled up with `rest`.
template <class F>
inline void for_vectors(const float* x, int size, float rest, F f) {
  int i = 0;
  for (; i + lanes <= size; i += lanes) {
    f(i, load(x + i));
  }
  if (i == size) {
    return;
  }
  float last[lanes];
  for (int lane = 0; lane < lanes; lane++) {
    last[lane] = i + lane < size ? x[i + lane] : rest;
  }
  f(i, load(last));
}

inline void store_some(float* y, int i, int size, vfloat v) {
  if (i + lanes <= size) {
    return store(y + i, v);
  }
  for (int lane = 0; i + lane < size; lane++) {
    y[i + lane] = v[lane];
  }
}

// The largest lane, where none is NaN; halves are compared, as one lane after another takes longer.
inline float largest(vfloat v) {
  float items[lanes];
  store(items, v);
#pragma GCC unroll 4
  for (int count = lanes / 2; count > 0; count /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < count; i++) {
      items[i] = items[i] > items[i + count] ? items[i] : items[i + count];
    }
  }
  return items[0];
}

// Replaces x by the exponentials of what is between it and the greatest; returns their sum.
float exponentials(float* x, int size, float& greatest) {
  const float lowest = -__builtin_inff();
  vfloat highest = splat(lowest);
  for_vectors(x, size, lowest, [&](int, vfloat v) { highest = v > highest ? v : highest; });
  greatest = largest(highest);
  const float top = greatest == lowest ? 0 : greatest;
  vfloat total = {};
  for_vectors(x, size, lowest, [&](int i, vfloat v) {
    const vfloat e = exponential(v - top);
    total += e;
    store_some(x, i, size, e);
  });
  return sum(total);
}

void softmax(float* x, int size) {
  float greatest;
  const float factor = 1 / exponentials(x, size, greatest);
  for (int i = 0; i < size; i++) {
    x[i] *= factor;
  }
}

void softmax_gradients(const float* y, float* gradient, int size) {
  vfloat products = {};
  for_vectors(gradient, size, 0, [&](int i, vfloat g) {
    float last[lanes] = {};
    const bool all = i + lanes <= size;
    if (!all) {
      std::memcpy(last, y + i, sizeof(float) * (std::size_t)(size - i));
    }
    products += g * load(all ? y + i : last);
  });
  const float mean = sum(products);
  for (int i = 0; i < size; i++) {
    gradient[i] = y[i] * (gradient[i] - mean);
  }
}

}  // namespace
