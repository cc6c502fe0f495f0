// Vectors of any type of number, as wide as the registers of the instruction set of this
// compilation, or of any other number of lanes.
//
// Written with the vector extensions that GCC and Clang share; intrinsics are used only where these
// lack an operation. Everything has internal linkage: the linker must never merge a function
// compiled for one instruction set into code that runs on another. For the same reason, of the
// standard library there are only types, constants and what is the compiler's own, such as memcpy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

// Of 32 bits.
#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

constexpr int register_bytes = 4 * lanes;

template <class T, int n>
struct VectorOf {
  typedef T type __attribute__((vector_size(sizeof(T) * n)));
};

template <class T, int n = register_bytes / (int)sizeof(T)>
using Vec = typename VectorOf<T, n>::type;

typedef float vfloat4 __attribute__((vector_size(16)));
typedef float vfloat8 __attribute__((vector_size(32)));
typedef float vfloat __attribute__((vector_size(register_bytes)));
typedef double vdouble __attribute__((vector_size(register_bytes)));
typedef std::int32_t vint __attribute__((vector_size(register_bytes)));
typedef std::uint32_t vuint __attribute__((vector_size(register_bytes)));
typedef std::int64_t vlong __attribute__((vector_size(register_bytes)));

template <class V>
constexpr int lanes_in = (int)(sizeof(V) / sizeof(V{}[0]));

constexpr float infinity = __builtin_inff();

template <class V>
inline V load_raw(const void* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline vfloat splat(float x) {
  return x - vfloat{};
}

inline vfloat to_float(vuint v) {
  return __builtin_convertvector((vint)v, vfloat);
}

inline vfloat magnitude(vfloat x) {
  return (vfloat)((vint)x & 0x7fffffff);
}

inline vdouble magnitude(vdouble x) {
  return (vdouble)((vlong)x & 0x7fffffffffffffff);
}

// The smaller and the larger of two values; b if either is NaN.
template <class V>
inline V min(V a, V b) {
  return a < b ? a : b;
}

template <class V>
inline V max(V a, V b) {
  return a > b ? a : b;
}

// Compilers do not see that these are one instruction.
#if defined(__AVX512F__)
inline vfloat min(vfloat a, vfloat b) {
  return (vfloat)_mm512_min_ps((__m512)a, (__m512)b);
}

inline vfloat max(vfloat a, vfloat b) {
  return (vfloat)_mm512_max_ps((__m512)a, (__m512)b);
}
#elif defined(__AVX2__)
inline vfloat min(vfloat a, vfloat b) {
  return (vfloat)_mm256_min_ps((__m256)a, (__m256)b);
}

inline vfloat max(vfloat a, vfloat b) {
  return (vfloat)_mm256_max_ps((__m256)a, (__m256)b);
}
#endif

// The same, but NaN if either is NaN.
template <class V>
inline V min_or_nan(V a, V b) {
  return a != a ? a : min(a, b);
}

template <class V>
inline V max_or_nan(V a, V b) {
  return a != a ? a : max(a, b);
}

// Whether a comparison is true for all lanes, or for any.
inline bool all(vint mask) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)mask) == 0xffff;
#elif defined(__AVX2__)
  return _mm256_movemask_ps((__m256)mask) == 0xff;
#else
  return (mask[0] & mask[1] & mask[2] & mask[3]) != 0;
#endif
}

template <class Mask>
inline bool any(Mask mask) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<Mask, vint>) {
    return _mm512_movepi32_mask((__m512i)mask) != 0;
  }
#endif
  // As integers of 64 bits, of which there are few.
  std::uint64_t words[sizeof mask / 8], any = 0;
  std::memcpy(words, &mask, sizeof mask);
  for (const std::uint64_t word : words) {
    any |= word;
  }
  return any != 0;
}

// The first `count` lanes, and `rest` in the others.
inline vfloat first(vfloat v, int count, float rest = 0) {
  vint lane;
  for (int i = 0; i < lanes; i++) {
    lane[i] = i;
  }
  return lane < count ? v : splat(rest);
}

// Adds halves until four lanes are left.
inline vfloat4 fold(vfloat4 v) {
  return v;
}

#if defined(__AVX2__)
inline vfloat4 fold(vfloat8 v) {
  return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
}
#endif

#if defined(__AVX512F__)
inline vfloat4 fold(vfloat v) {
  return fold(
      __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
      __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
}
#endif

inline float sum(vfloat v) {
  const vfloat4 four = fold(v);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

inline double sum(vdouble v) {
#pragma GCC unroll 4
  for (int half = lanes_in<vdouble> / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < half; i++) {
      v[i] += v[i + half];
    }
  }
  return v[0];
}

// The sums of four vectors, each as `sum` has it.
inline vfloat4 sums(vfloat v0, vfloat v1, vfloat v2, vfloat v3) {
  const vfloat4 a = fold(v0), b = fold(v1), c = fold(v2), d = fold(v3);
  const vfloat4 ab =
      __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const vfloat4 cd =
      __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

// The largest lane, where none is NaN. Halves are compared, which takes less time than one lane
// after another.
inline float max_lane(vfloat v) {
  float items[lanes];
  std::memcpy(items, &v, sizeof v);
#pragma GCC unroll 4
  for (int half = lanes / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < half; i++) {
      items[i] = max(items[i], items[i + half]);
    }
  }
  return items[0];
}

// The lanes of a and b by turns, from lane `start` of each.
template <int start, class V, int... i>
inline V zip(V a, V b, std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(a, b, (start + i / 2 + i % 2 * (int)sizeof...(i))...);
}

template <int start, class V>
inline V zip(V a, V b) {
  return zip<start>(a, b, std::make_integer_sequence<int, lanes_in<V>>());
}

// Rows become columns: both halves of the rows are zipped log2(size) times.
template <class V, int size>
inline void transpose(V (&rows)[size]) {
  static_assert(size == lanes_in<V>);
#pragma GCC unroll 4
  for (int step = 1; step < size; step *= 2) {
    V zipped[size];
#pragma GCC unroll 8
    for (int i = 0; i < size / 2; i++) {
      zipped[2 * i] = zip<0>(rows[i], rows[i + size / 2]);
      zipped[2 * i + 1] = zip<size / 2>(rows[i], rows[i + size / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < size; i++) {
      rows[i] = zipped[i];
    }
  }
}

}  // namespace
