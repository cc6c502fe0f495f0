// Blocks of quantized weights times x in integers.
//
// VNNI multiplies four bytes of each lane with four others and adds up the products, at the cost of
// one multiplication of floats. So each group of x becomes 24-bit integers, n, and a step, x = step
// * n: as precise as its largest float. The three bytes of n are digits to the base 256, each -128
// to 127, and sum(q * n) is made of three exact sums of bytes.
#pragma once

#include "cpu/kernels/simd/elements.hpp"
#include "cpu/kernels/table.hpp"

namespace {
namespace qgemv {

using mlx_c::cpu::QuantizedGemm;

constexpr int digits = 3;
// The largest n, whose highest digit is 127 even if it is rounded up.
constexpr float max_steps = 127 << 16;
// Of smaller groups the step would not be a normal number.
constexpr float min_magnitude = 0x1p-102f;

// The vectors of bytes that a vector of words consists of, so that no two weights share one.
template <int bits>
constexpr int parts = 8 / bits;

// Vectors of packed x that one block of weights takes: the digits, from the highest to the lowest,
// of the weights in each part, then the steps.
template <int bits>
constexpr int packed_vectors = digits * parts<bits> + 1;

inline float max_magnitude(const float* x, int size) {
  vfloat result = {};
  for (int i = 0; i < size; i += lanes) {
    result = max(magnitude(load(x + i)), result);
  }
  return max_lane(result);
}

// Stores the lowest digits as neighbouring bytes, and removes them from n.
inline void split_digits(vint& n, std::int8_t* lowest) {
  _mm_storeu_si128((__m128i*)lowest, _mm512_cvtepi32_epi8((__m512i)n));
  n = (n + 128) >> 8;
}

template <int bits>
void pack_row(const QuantizedGemm& p, const float* x, float* packed) {
  constexpr int per_block = lanes * 32 / bits, at_once = 2 * lanes;
  if (p.k % per_block != 0) {
    float* const last = packed + p.k / per_block * packed_vectors<bits> * lanes;
    std::memset(last, 0, sizeof(vfloat) * packed_vectors<bits>);
  }
  for (int begin = 0; begin < p.k; begin += p.group) {
    const float size = max(max_magnitude(x + begin, p.group), min_magnitude);
    const float step = size / max_steps, steps = max_steps / size;
    for (int i = begin; i < begin + p.group; i += at_once) {
      float* const block = packed + i / per_block * packed_vectors<bits> * lanes;
      const int lane = i % per_block * bits / 32;
      auto* const bytes = (std::int8_t*)(block + lane);
      vint low = (vint)_mm512_cvtps_epi32((__m512)(load(x + i) * steps));
      vint high = (vint)_mm512_cvtps_epi32((__m512)(load(x + i + lanes) * steps));
      if constexpr (bits == 4) {
        // Every other weight of a word lies in the upper half of a byte.
        const vint even = __builtin_shufflevector(
            low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        high = __builtin_shufflevector(
            low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        low = even;
      }
      constexpr int next = bits == 4 ? digits * lanes * 4 : lanes;
      for (int digit = digits - 1; digit >= 0; digit--) {
        split_digits(low, bytes + digit * lanes * 4);
        split_digits(high, bytes + digit * lanes * 4 + next);
      }
      float* const step_of_lane = block + digits * parts<bits> * lanes + lane;
      for (int j = 0; j < at_once * bits / 32; j++) {
        step_of_lane[j] = step;
      }
    }
  }
}

inline vint multiply_add(vuint q, const float* x, vint sum) {
  return (vint)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)q, _mm512_loadu_si512(x));
}

template <int bits, int rows, int columns>
inline void dots(
    const vuint (&word)[rows],
    const float* const (&x)[columns],
    int block,
    vfloat (&dot)[rows][columns]) {
#pragma GCC unroll 8
  for (int c = 0; c < columns; c++) {
    const float* const at = x[c] + (std::ptrdiff_t)block * packed_vectors<bits> * lanes;
    const vfloat step = load(at + digits * parts<bits> * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      if constexpr (bits == 4) {
        const vuint even = word[r] & 0x0f0f0f0f, odd = word[r] >> 4 & 0x0f0f0f0f;
        vint n = {};
#pragma GCC unroll 8
        for (int digit = 0; digit < digits; digit++) {
          n = multiply_add(even, at + digit * lanes, n << 8);
          n = multiply_add(odd, at + (digits + digit) * lanes, n);
        }
        dot[r][c] = __builtin_convertvector(n, vfloat) * step;
      } else {
        // With weights of 8 bits, the sum of all digits would not fit into 32.
        const vint high = multiply_add(word[r], at + lanes, multiply_add(word[r], at, vint{}) << 8);
        const vint low = multiply_add(word[r], at + 2 * lanes, vint{});
        dot[r][c] =
            (__builtin_convertvector(high, vfloat) * 256 + __builtin_convertvector(low, vfloat)) *
            step;
      }
    }
  }
}

}  // namespace qgemv
}  // namespace
