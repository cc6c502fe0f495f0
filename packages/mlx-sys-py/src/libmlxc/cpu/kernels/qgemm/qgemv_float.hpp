// Blocks of quantized weights times x in floats.
//
// Masking the k-th weight of every word and converting it to float gives q * 2^(bits * k): x is
// divided by the power of two beforehand. One weight thus costs an `and`, a conversion and a fused
// multiply-add per vector.
#pragma once

#include "cpu/kernels/simd/elements.hpp"
#include "cpu/kernels/table.hpp"

namespace {
namespace qgemv {

using mlx_c::cpu::QuantizedGemm;

// Vectors of packed x that one block of weights takes.
template <int bits>
constexpr int packed_vectors = 32 / bits;

template <int bits>
void pack_row(const QuantizedGemm& p, const float* x, float* packed) {
  constexpr int per_word = 32 / bits;
  const int words = p.k / per_word;
  for (int word = 0; word < (words + lanes - 1) / lanes * lanes; word++) {
    float* out = packed + word / lanes * lanes * per_word + word % lanes;
    for (int i = 0; i < per_word; i++) {
      const float power = i == per_word - 1 ? 1.0f : 1.0f / (float)(1u << bits * i);
      out[i * lanes] = word < words ? x[word * per_word + i] * power : 0.0f;
    }
  }
}

template <int bits, int rows, int columns>
inline void dots(
    const vuint (&word)[rows],
    const float* const (&x)[columns],
    int block,
    vfloat (&dot)[rows][columns]) {
  constexpr int per_word = 32 / bits;
  constexpr std::uint32_t mask = (1u << bits) - 1;
#pragma GCC unroll 8
  for (int i = 0; i < per_word; i++) {
    vfloat q[rows];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      const bool last = i == per_word - 1;
      q[r] = to_float(last ? word[r] >> (32 - bits) : word[r] & mask << bits * i);
    }
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++) {
      const vfloat xi = load(x[c] + ((std::ptrdiff_t)block * per_word + i) * lanes);
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++) {
        dot[r][c] = i == 0 ? q[r] * xi : dot[r][c] + q[r] * xi;
      }
    }
  }
}

}  // namespace qgemv
}  // namespace
