// Vectors of any element type, and how each type lies in memory.
#pragma once

#include "cpu/kernels/simd/simd.hpp"

namespace {

// Element types that are not computed with as they are.
struct half {
  std::uint16_t bits;
};
struct brain {
  std::uint16_t bits;
};
struct boolean {
  std::uint8_t value;
};

constexpr int register_bytes = 4 * lanes;

template <class T, int n>
using vec __attribute__((vector_size(sizeof(T) * n))) = T;

template <class T>
struct Computed {
  using type = T;
};
template <>
struct Computed<half> {
  using type = float;
};
template <>
struct Computed<brain> {
  using type = float;
};
template <>
struct Computed<boolean> {
  using type = std::uint8_t;
};

// What elements of a type are in registers.
template <class T>
using computed = typename Computed<T>::type;

template <class T>
constexpr int lanes_of = register_bytes / (int)sizeof(computed<T>);

template <class T, class U>
constexpr bool same = false;
template <class T>
constexpr bool same<T, T> = true;

template <class T>
constexpr bool is_float = same<computed<T>, float> || same<computed<T>, double>;

// The signed integer as wide as T, which comparisons of vectors give.
template <int bytes>
struct Integer;
template <>
struct Integer<1> {
  using type = std::int8_t;
};
template <>
struct Integer<2> {
  using type = std::int16_t;
};
template <>
struct Integer<4> {
  using type = std::int32_t;
};
template <>
struct Integer<8> {
  using type = std::int64_t;
};
template <class T>
using integer = typename Integer<sizeof(T)>::type;

template <class V>
inline V load_raw(const void* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <int n>
inline vec<float, n> widen_halves(const half* p) {
#if defined(__AVX512F__)
  if constexpr (n == 16) {
    return (vec<float, n>)_mm512_cvtph_ps(load_raw<__m256i>(p));
  }
#endif
#if defined(__F16C__)
  if constexpr (n == 8) {
    return (vec<float, n>)_mm256_cvtph_ps(load_raw<__m128i>(p));
  }
#endif
  vec<float, n> v;
  for (int i = 0; i < n; i++) {
    v[i] = half_to_float(p[i].bits);
  }
  return v;
}

template <int n>
inline void narrow_halves(half* p, vec<float, n> v) {
#if defined(__AVX512F__)
  if constexpr (n == 16) {
    const __m256i h = _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT);
    std::memcpy(p, &h, sizeof h);
    return;
  }
#endif
#if defined(__F16C__)
  if constexpr (n == 8) {
    const __m128i h = _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT);
    std::memcpy(p, &h, sizeof h);
    return;
  }
#endif
  for (int i = 0; i < n; i++) {
    p[i].bits = float_to_half(v[i]);
  }
}

template <int n>
inline void narrow_brains(brain* p, vec<float, n> v) {
  const auto u = (vec<std::uint32_t, n>)v;
  const auto rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
  const auto nan = u >> 16 | 0x40;
  const auto result = __builtin_convertvector(v == v ? rounded : nan, vec<std::uint16_t, n>);
  std::memcpy(p, &result, sizeof result);
}

// n elements, as they are computed with.
template <class T, int n = lanes_of<T>>
inline vec<computed<T>, n> load(const void* p) {
  if constexpr (same<T, half>) {
    return widen_halves<n>(static_cast<const half*>(p));
  } else if constexpr (same<T, brain>) {
    const auto bits = load_raw<vec<std::uint16_t, n>>(p);
    return (vec<float, n>)(__builtin_convertvector(bits, vec<std::uint32_t, n>) << 16);
  } else {
    return load_raw<vec<computed<T>, n>>(p);
  }
}

template <class T, int n = lanes_of<T>>
inline void store(void* p, vec<computed<T>, n> v) {
  if constexpr (same<T, half>) {
    narrow_halves<n>(static_cast<half*>(p), v);
  } else if constexpr (same<T, brain>) {
    narrow_brains<n>(static_cast<brain*>(p), v);
  } else {
    std::memcpy(p, &v, sizeof v);
  }
}

// Truth values of any width as 0 and 1.
template <int n, class Mask>
inline vec<std::uint8_t, n> to_bools(Mask mask) {
  return (vec<std::uint8_t, n>)(__builtin_convertvector(mask, vec<std::int8_t, n>) & 1);
}

// Bytes as the integers of V; compilers would convert one after another.
template <class V, class Bytes>
inline V widened(Bytes bytes) {
#if defined(__AVX2__)
  constexpr int item = sizeof(V) / sizeof(Bytes);
  constexpr bool is_signed = same<Bytes, vec<std::int8_t, (int)sizeof(Bytes)>>;
  if constexpr (sizeof(V) == register_bytes && (item == 4 || item == 8)) {
    __m128i low = _mm_setzero_si128();
    std::memcpy(&low, &bytes, sizeof bytes);
#if defined(__AVX512F__)
    if constexpr (item == 4) {
      return (V)(is_signed ? _mm512_cvtepi8_epi32(low) : _mm512_cvtepu8_epi32(low));
    }
    return (V)(is_signed ? _mm512_cvtepi8_epi64(low) : _mm512_cvtepu8_epi64(low));
#else
    if constexpr (item == 4) {
      return (V)(is_signed ? _mm256_cvtepi8_epi32(low) : _mm256_cvtepu8_epi32(low));
    }
    return (V)(is_signed ? _mm256_cvtepi8_epi64(low) : _mm256_cvtepu8_epi64(low));
#endif
  }
#endif
  return __builtin_convertvector(bytes, V);
}

// The last elements of an operand, filled up to a vector, lest anything behind them is read.
template <class T, int n>
struct Last {
  alignas(64) char bytes[n * sizeof(T)] = {};
  Last(const char* p, std::size_t count) {
    std::memcpy(bytes, p, count * sizeof(T));
  }
};

}  // namespace
