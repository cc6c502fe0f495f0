// Products with few rows of x: each row of w is unpacked and multiplied part by part, in registers.
#pragma once

#include "cpu/kernels/bytes/sources.hpp"

namespace {
namespace bytes {

// Steps of the `g`-th group, eight of each of its halves.
inline __m256i steps_of(const Part& w, int g) {
  const __m256i eight =
      _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i*)(w.steps + g / 4 * 8)));
  const int first = g % 4 * 0x404 + 0x100;
  return _mm256_shuffle_epi8(
      eight,
      _mm256_set_m128i(_mm_set1_epi16((short)(first + 0x202)), _mm_set1_epi16((short)first)));
}

// Sums of products of codes with x, of four neighbours each; with steps, times these.
template <class Source>
inline __m256i multiply_add(__m256i codes, __m256i x, const Part& w, int g) {
  __m256i factors = _mm256_set1_epi16(1);
  if constexpr (Source::has_steps) {
    factors = steps_of(w, g);
  }
  if constexpr (Source::is_signed) {
    return _mm256_madd_epi16(
        _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes)), factors);
  }
  return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), factors);
}

// Adds the products of the codes of a part, `count` of them, with as many numbers of x.
template <class Source, int columns>
inline __attribute__((always_inline)) void multiply_part(
    const Part& w, int first, int count, const Row (&x)[columns], vfloat8 (&totals)[columns][2]) {
  const int groups = count / group_size;
  alignas(32) float scales[columns][part_groups];
  for (int c = 0; c < columns; c++) {
    const int at = first * part_groups;
    if constexpr (Source::group == group_size) {
      const vfloat8 own = load_raw<vfloat8>(w.scales) * load_raw<vfloat8>(x[c].scales + at);
      std::memcpy(scales[c], &own, sizeof own);
      if constexpr (Source::has_biases) {
        totals[c][0] += load_raw<vfloat8>(w.biases) * load_raw<vfloat8>(x[c].sums + at);
      }
    } else {
      auto own = load_raw<vfloat8>(x[c].scales + at);
      if constexpr (Source::has_steps) {
        own *= w.common_scale;
      }
      std::memcpy(scales[c], &own, sizeof own);
      if constexpr (Source::has_biases) {
        const float* const sums = x[c].half_sums + 2 * at;
        totals[c][0] += load_raw<vfloat8>(w.biases) * load_raw<vfloat8>(sums);
        totals[c][1] += load_raw<vfloat8>(w.biases + 8) * load_raw<vfloat8>(sums + 8);
      }
    }
  }
#pragma GCC unroll 8
  for (int g = 0; g < groups; g++) {
    const auto codes = load_raw<__m256i>(w.codes + g * group_size);
#pragma GCC unroll 4
    for (int c = 0; c < columns; c++) {
      const auto numbers =
          load_raw<__m256i>(x[c].integers + (std::ptrdiff_t)first * part + g * group_size);
      const __m256i dot = multiply_add<Source>(codes, numbers, w, g);
      auto products = (vfloat8)_mm256_cvtepi32_ps(dot);
      if constexpr (Source::group != group_size && !Source::has_steps) {
        const float low = w.scales[2 * g], high = w.scales[2 * g + 1];
        products *= (vfloat8)_mm256_set_m128(_mm_set1_ps(high), _mm_set1_ps(low));
      }
      totals[c][g % 2] += products * (vfloat8)_mm256_set1_ps(scales[c][g]);
    }
  }
}

// How far ahead of the codes that are unpacked bytes of w are prefetched. Rows follow each other in
// memory, but hardware prefetches no further than the end of a page of 4 KB.
constexpr int prefetch_bytes = 4096;

inline __attribute__((always_inline)) void prefetch(const std::uint8_t* at, int bytes) {
#pragma GCC unroll 8
  for (int line = 0; line < bytes; line += 64) {
    __builtin_prefetch(at + prefetch_bytes + line, 0, 2);
  }
}

// One row of w. What it ends with is less than a part.
template <class Source, int columns>
void multiply_row(const Source& w, int row, int k, const Row (&x)[columns], float* y) {
  vfloat8 totals[columns][2] = {};
  const int whole = k / part, rest = k % part;
  for (int i = 0; i < whole; i++) {
    Part unpacked;
    prefetch(w.codes_of(row, i), Source::part_bytes);
    w.decode(row, i, part, unpacked);
    multiply_part<Source, columns>(unpacked, i, part, x, totals);
  }
  if (rest > 0) {
    Part unpacked = {};
    prefetch(w.codes_of(row, whole), Source::part_bytes * rest / part);
    w.decode(row, whole, rest, unpacked);
    multiply_part<Source, columns>(unpacked, whole, rest, x, totals);
  }
#pragma GCC unroll 4
  for (int c = 0; c < columns; c++) {
    const vfloat4 four = fold(totals[c][0] + totals[c][1]);
    y[c] = (four[0] + four[2]) + (four[1] + four[3]);
  }
}

}  // namespace bytes
}  // namespace
