// Blocks as panels of 16-bit integers, for types whose groups are smaller than those of the panels.
//
// Their scales are small integers times the scale of the block, and the integers of the panel are
// the products of codes with these: exact, with one scale for all of a block.
#pragma once

#include "cpu/kernels/blocks/decode.hpp"
#include "cpu/kernels/gemm/gemm_int16.hpp"

namespace {
namespace blocks {

using mlx_c::cpu::Int16Gemm;

#if defined(__AVX512VNNI__)

// The integers of a panel are at most so large, where those of x are at most 16256, so that sums of
// 32 products need 32 bits; and the magnitudes of its scales are between these.
constexpr int max_integer = 4096;
constexpr float min_scale = 0x1p-40f, max_scale = 0x1p40f;

// The integers of a block, and their scale; false if one of them is too large or too small.
template <class T>
inline bool decode_integers(const uint8_t* block, std::int16_t* integers, float& scale) {
  alignas(64) uint8_t codes[T::size];
  float scales[T::groups], biases[T::groups];
  T::decode(block, codes, scales, biases);
  scale = T::common_scale(block);
  const float size = scale < 0 ? -scale : scale;
  const bool is_zero = size == 0;
  int largest = 0;
  for (int g = 0; g < T::groups; g++) {
    const int step = is_zero ? 0 : T::step(block, g);
    for (int i = g * T::group; i < (g + 1) * T::group; i++) {
      const int integer = (codes[i] - T::offset) * step;
      largest = largest > integer ? largest : integer;
      largest = largest > -integer ? largest : -integer;
      integers[i] = (std::int16_t)integer;
    }
  }
  if (is_zero) {
    // A scale of zero has no exponent to add to.
    scale = 1;
    return true;
  }
  return largest <= max_integer && size >= min_scale && size < max_scale;
}

// A group of 16 columns, whose integers lie a block apart.
template <class T>
inline vint put_group(const std::int16_t* integers, std::int32_t* target) {
  vint pairs[lanes];
#pragma GCC unroll 16
  for (int c = 0; c < lanes; c++) {
    const std::int16_t* const at = integers + c * T::size;
    const auto low = (vint)_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i*)at));
    const auto high = (vint)_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i*)(at + lanes)));
    pairs[c] = int16_gemm::pair(low, high);
  }
  transpose(pairs);
  vint products = {};
#pragma GCC unroll 8
  for (int step = 0; step < lanes; step += 2) {
    products = int16_gemm::add_products(products, pairs[step], pairs[step + 1]);
  }
#pragma GCC unroll 16
  for (int step = 0; step < lanes; step++) {
    store(target + step * int16_gemm::tile_columns, pairs[step]);
  }
  return products;
}

template <class T>
bool pack_integers(const Int16Gemm& p, const uint8_t* blocks, int columns, std::int32_t* panel) {
  const std::ptrdiff_t row = (std::ptrdiff_t)p.k / T::size * T::nbytes;
  constexpr int steps = int16_gemm::block / 2;
  bool fits = true;
  for (int first = 0; first < int16_gemm::tile_columns; first += lanes) {
    std::int32_t* target = panel + first;
    for (int k = 0; k < p.k; k += T::size, blocks += T::nbytes) {
      alignas(64) std::int16_t integers[lanes * T::size] = {};
      float scales[lanes];
      for (int c = 0; c < lanes; c++) {
        scales[c] = 1;
        if (first + c < columns) {
          fits &= decode_integers<T>(blocks + (first + c) * row, integers + c * T::size, scales[c]);
        }
      }
      for (int i = 0; i < T::size; i += int16_gemm::block) {
        const vint products = put_group<T>(integers + i, target);
        target += steps * int16_gemm::tile_columns;
        store(target, (vint)load(scales));
        store(target + int16_gemm::tile_columns, -products);
        target += 2 * int16_gemm::tile_columns;
      }
    }
    blocks -= row;
  }
  return fits;
}

// False, too, if the type has no such integers.
bool pack_integers(
    const Int16Gemm& p, int type, const uint8_t* blocks, int columns, std::int32_t* panel) {
  bool fits = false;
  with_type(type, [&]<class T>(T) {
    if constexpr (T::has_steps) {
      fits = columns == 0 || pack_integers<T>(p, blocks, columns, panel);
    }
  });
  return fits;
}

#else

bool pack_integers(const Int16Gemm&, int, const uint8_t*, int, std::int32_t*) {
  return false;
}

#endif

}  // namespace blocks
}  // namespace
