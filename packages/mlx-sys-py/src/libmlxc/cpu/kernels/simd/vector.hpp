// Vectors of any type of number, as wide as those of simd.hpp.
#pragma once

#include "cpu/kernels/simd/simd.hpp"

namespace {

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(4 * lanes)));
};

template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
constexpr int lanes_of = 4 * lanes / (int)sizeof(T);

template <class T>
inline Vector<T> load_vector(const T* p) {
  Vector<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
inline void store_vector(T* p, Vector<T> v) {
  std::memcpy(p, &v, sizeof v);
}

template <class T>
inline T sum_lanes(Vector<T> v) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return sum(v);
  }
  // Halves are added until one lane is left.
#pragma GCC unroll 4
  for (int half = lanes_of<T> / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < half; i++) {
      v[i] += v[i + half];
    }
  }
  return v[0];
}

template <int number>
struct Constant {
  static constexpr int value = number;
};

template <int... i>
struct Sequence {};

template <int count, int... i>
struct MakeSequence : MakeSequence<count - 1, count - 1, i...> {};

template <int... i>
struct MakeSequence<0, i...> {
  using type = Sequence<i...>;
};

// The lanes of a and b by turns, from lane `start` of each.
template <int start, class V, int... i>
inline V zip(V a, V b, Sequence<i...>) {
  return __builtin_shufflevector(a, b, (start + i / 2 + i % 2 * (int)sizeof...(i))...);
}

// Rows become columns: to zip both halves of the rows as often as halving them leads to one does
// it.
template <class T>
inline void transpose(Vector<T> (&rows)[lanes_of<T>]) {
  constexpr int size = lanes_of<T>;
  using All = typename MakeSequence<size>::type;
#pragma GCC unroll 4
  for (int step = 1; step < size; step *= 2) {
    Vector<T> zipped[size];
#pragma GCC unroll 8
    for (int i = 0; i < size / 2; i++) {
      zipped[2 * i] = zip<0>(rows[i], rows[i + size / 2], All());
      zipped[2 * i + 1] = zip<size / 2>(rows[i], rows[i + size / 2], All());
    }
#pragma GCC unroll 16
    for (int i = 0; i < size; i++) {
      rows[i] = zipped[i];
    }
  }
}

}  // namespace
