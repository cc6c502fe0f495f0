// Vectors of the widest length that the instruction set of this compilation has.
//
// Written on the vector extensions that GCC and Clang share; intrinsics only where those have no
// word for it. Everything has internal linkage: the linker must never merge a function compiled
// for one instruction set into code that runs on another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

typedef float vfloat4 __attribute__((vector_size(16)));
typedef float vfloat8 __attribute__((vector_size(32)));
typedef float vfloat __attribute__((vector_size(4 * lanes)));
typedef std::int32_t vint __attribute__((vector_size(4 * lanes)));
typedef std::uint32_t vuint __attribute__((vector_size(4 * lanes)));

inline vfloat load(const float* p) {
  vfloat v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline void store(float* p, vfloat v) {
  std::memcpy(p, &v, sizeof v);
}

inline vuint load_words(const std::uint32_t* p) {
  vuint v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// The first `count` < lanes words, the rest zero; nothing behind them is read.
inline vuint load_words(const std::uint32_t* p, int count) {
#if defined(__AVX512F__)
  return (vuint)_mm512_maskz_loadu_epi32((__mmask16)((1u << count) - 1), p);
#elif defined(__AVX2__)
  vint index = {0, 1, 2, 3, 4, 5, 6, 7};
  return (vuint)_mm256_maskload_epi32((const int*)p, (__m256i)(index < count));
#else
  vuint v = {};
  std::memcpy(&v, p, 4 * (std::size_t)count);
  return v;
#endif
}

inline vfloat splat(float x) {
  return x - vfloat{};
}

inline vfloat to_float(vuint v) {
  return __builtin_convertvector((vint)v, vfloat);
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

// The sums of four vectors, each as `sum` has it.
inline vfloat4 sums(vfloat v0, vfloat v1, vfloat v2, vfloat v3) {
  const vfloat4 a = fold(v0), b = fold(v1), c = fold(v2), d = fold(v3);
  const vfloat4 ab =
      __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const vfloat4 cd =
      __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

inline float bits_to_float(std::uint32_t u) {
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}

inline std::uint32_t float_to_bits(float f) {
  std::uint32_t u;
  std::memcpy(&u, &f, 4);
  return u;
}

inline float half_to_float(std::uint16_t h) {
#if defined(__F16C__)
  return _cvtsh_ss(h);
#else
  // The exponent is rebased by a multiplication, which gets subnormal numbers right as well;
  // what had the highest exponent (infinity, NaN) must keep having it.
  std::uint32_t magnitude = (std::uint32_t)(h & 0x7fff) << 13;
  std::uint32_t rebased = float_to_bits(bits_to_float(magnitude) * 0x1p112f);
  std::uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u : 0;
  return bits_to_float(rebased | special | (std::uint32_t)(h & 0x8000) << 16);
#endif
}

inline std::uint16_t float_to_half(float f) {
#if defined(__F16C__)
  return (std::uint16_t)_cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT);
#else
  std::uint32_t u = float_to_bits(f), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
  if (magnitude > 0x7f800000u) {
    return (std::uint16_t)(sign | 0x7e00);
  }
  if (magnitude >= 0x477ff000u) {
    return (std::uint16_t)(sign | 0x7c00);
  }
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low bits.
    std::uint32_t shifted = float_to_bits(bits_to_float(magnitude) + 0.5f);
    return (std::uint16_t)(sign | (shifted - 0x3f000000u));
  }
  std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1) - 0x38000000u;
  return (std::uint16_t)(sign | rounded >> 13);
#endif
}

inline float brain_to_float(std::uint16_t h) {
  return bits_to_float((std::uint32_t)h << 16);
}

inline std::uint16_t float_to_brain(float f) {
  std::uint32_t u = float_to_bits(f);
  if ((u & 0x7fffffff) > 0x7f800000u) {
    return (std::uint16_t)(u >> 16 | 0x40);
  }
  return (std::uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

}  // namespace
