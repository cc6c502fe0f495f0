// Rows of floats of any type, vector by vector. The last vector of a row is filled up with `rest`.
#pragma once

#include "cpu/kernels/simd/elements.hpp"

namespace {

// The elements from the i-th one on.
template <class T>
inline vfloat load_at(const T* x, std::size_t i, std::size_t size, float rest = 0) {
  if (i + lanes <= size) {
    return load(x + i);
  }
  const int count = (int)(size - i);
  return first(load_some<T>(x + i, count), count, rest);
}

template <class T>
inline void store_at(T* y, std::size_t i, std::size_t size, vfloat v) {
  if (i + lanes <= size) {
    return store(y + i, v);
  }
  store_some<T>(y + i, v, (int)(size - i));
}

// Calls f(i, v) with all vectors v of a row.
template <class T, class F>
inline void for_vectors(const T* x, std::size_t size, float rest, F f) {
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    f(i, load(x + i));
  }
  if (i < size) {
    f(i, load_at(x, i, size, rest));
  }
}

// Takes all vectors of a row into one, by result = step(result, vector): in four parts, which
// `join` puts together, as an operation on one part need not wait for those on the others.
template <class T, class Step, class Join>
inline vfloat fold_row(
    const T* x, std::size_t size, float rest, float start, Step step, Join join) {
  vfloat parts[4] = {splat(start), splat(start), splat(start), splat(start)};
  std::size_t i = 0;
  for (; i + 4 * lanes <= size; i += 4 * lanes) {
#pragma GCC unroll 4
    for (int part = 0; part < 4; part++) {
      parts[part] = step(parts[part], load(x + i + part * lanes));
    }
  }
  for_vectors(x + i, size - i, rest, [&](std::size_t, vfloat v) { parts[0] = step(parts[0], v); });
  return join(join(parts[0], parts[1]), join(parts[2], parts[3]));
}

// The largest element; NaN does not count.
template <class T>
inline float max_of_row(const T* x, std::size_t size) {
  const auto larger = [](vfloat a, vfloat b) { return max(b, a); };
  return max_lane(fold_row(x, size, -infinity, -infinity, larger, larger));
}

// The sum of f(v) of all vectors; f(rest) is 0.
template <class T, class F>
inline float sum_of_row(const T* x, std::size_t size, float rest, F f) {
  return sum(fold_row(
      x,
      size,
      rest,
      0,
      [&](vfloat total, vfloat v) { return total + f(v); },
      [](vfloat a, vfloat b) { return a + b; }));
}

}  // namespace
