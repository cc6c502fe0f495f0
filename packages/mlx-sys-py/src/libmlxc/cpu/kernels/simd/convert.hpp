// Conversions between the float types and float.
#pragma once

#include "cpu/kernels/simd/simd.hpp"
#include "cpu/kernels/table.hpp"

namespace {

using mlx_c::cpu::ElementType;

inline const void* advance(const void* p, ElementType type, std::size_t count) {
  return static_cast<const char*>(p) + (std::ptrdiff_t)count * item_size(type);
}

inline void widen(const void* source, ElementType type, float* target, std::size_t size) {
  if (type == ElementType::f32) {
    std::memcpy(target, source, 4 * size);
    return;
  }
  auto* half = static_cast<const std::uint16_t*>(source);
  std::size_t i = 0;
  if (type == ElementType::bf16) {
    for (; i < size; i++) {
      target[i] = brain_to_float(half[i]);
    }
    return;
  }
#if defined(__AVX512F__)
  for (; i + 16 <= size; i += 16) {
    const __m256i v = _mm256_loadu_si256((const __m256i*)(half + i));
    _mm512_storeu_ps(target + i, _mm512_cvtph_ps(v));
  }
#endif
#if defined(__F16C__)
  for (; i + 8 <= size; i += 8) {
    _mm256_storeu_ps(target + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(half + i))));
  }
#endif
  for (; i < size; i++) {
    target[i] = half_to_float(half[i]);
  }
}

inline void narrow(const float* source, void* target, ElementType type, std::size_t size) {
  if (type == ElementType::f32) {
    std::memcpy(target, source, 4 * size);
    return;
  }
  auto* half = static_cast<std::uint16_t*>(target);
  std::size_t i = 0;
  if (type == ElementType::bf16) {
    for (; i < size; i++) {
      half[i] = float_to_brain(source[i]);
    }
    return;
  }
#if defined(__AVX512F__)
  for (; i + 16 <= size; i += 16) {
    const __m512 v = _mm512_loadu_ps(source + i);
    _mm256_storeu_si256((__m256i*)(half + i), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
#endif
#if defined(__F16C__)
  for (; i + 8 <= size; i += 8) {
    _mm_storeu_si128(
        (__m128i*)(half + i),
        _mm256_cvtps_ph(_mm256_loadu_ps(source + i), _MM_FROUND_TO_NEAREST_INT));
  }
#endif
  for (; i < size; i++) {
    half[i] = float_to_half(source[i]);
  }
}

}  // namespace
