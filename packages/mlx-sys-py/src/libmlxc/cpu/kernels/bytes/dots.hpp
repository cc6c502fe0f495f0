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

// Sums of products of codes with x, of four neighbours each, times factors.
template <class Source>
inline __m256i multiply_add(__m256i codes, __m256i x, __m256i factors = _mm256_set1_epi16(1)) {
  if constexpr (Source::is_signed) {
    return _mm256_madd_epi16(
        _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes)), factors);
  }
  return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), factors);
}

// Adds the products of the codes of a part with as many numbers of x.
template <class Source, int columns>
inline __attribute__((always_inline)) void multiply_part(
    const Part& w, int first, const Row (&x)[columns], vfloat8 (&totals)[columns][2]) {
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
  for (int g = 0; g < part_groups; g++) {
    const auto codes = load_raw<__m256i>(w.codes + g * group_size);
#pragma GCC unroll 4
    for (int c = 0; c < columns; c++) {
      const auto numbers =
          load_raw<__m256i>(x[c].integers + (std::ptrdiff_t)first * part + g * group_size);
      __m256i dot;
      if constexpr (Source::has_steps) {
        dot = multiply_add<Source>(codes, numbers, steps_of(w, g));
      } else {
        dot = multiply_add<Source>(codes, numbers);
      }
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

// Adds the products of one group, those of its bias to `rests`.
template <class Source, int columns>
inline __attribute__((always_inline)) void multiply_group(
    const Source& w,
    int row,
    int group,
    const Row (&x)[columns],
    vfloat8 (&totals)[columns][2],
    float (&rests)[columns]) {
  alignas(32) std::uint8_t unpacked[group_size];
  float scale, bias;
  w.decode_group(row, group, unpacked, scale, bias);
  const auto codes = load_raw<__m256i>(unpacked);
#pragma GCC unroll 4
  for (int c = 0; c < columns; c++) {
    const auto numbers = load_raw<__m256i>(x[c].integers + (std::ptrdiff_t)group * group_size);
    const auto products = (vfloat8)_mm256_cvtepi32_ps(multiply_add<Source>(codes, numbers));
    totals[c][0] += products * (vfloat8)_mm256_set1_ps(scale * x[c].scales[group]);
    if constexpr (Source::has_biases) {
      rests[c] += bias * x[c].sums[group];
    }
  }
}

// One row of w. What it ends with is less than a part: groups, one by one. Rows of a small model
// are two parts and two groups, which took as long as the parts where they were a part with zeros.
template <class Source, int columns>
void multiply_row(const Source& w, int row, int k, const Row (&x)[columns], float* y) {
  vfloat8 totals[columns][2] = {};
  float rests[columns] = {};
  const int whole = k / part;
  for (int i = 0; i < whole; i++) {
    Part unpacked;
    prefetch(w.codes_of(row, i), Source::part_bytes);
    w.decode(row, i, part, unpacked);
    multiply_part<Source, columns>(unpacked, i, x, totals);
  }
  if constexpr (Source::may_have_rests) {
    prefetch(w.codes_of(row, whole), Source::part_bytes * (k % part) / part);
    for (int g = whole * part_groups; g < k / group_size; g++) {
      multiply_group<Source, columns>(w, row, g, x, totals, rests);
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < columns; c++) {
    const vfloat4 four = fold(totals[c][0] + totals[c][1]);
    y[c] = (four[0] + four[2]) + (four[1] + four[3]) + rests[c];
  }
}

}  // namespace bytes
}  // namespace
