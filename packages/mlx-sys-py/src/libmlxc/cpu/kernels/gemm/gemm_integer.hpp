// GEMM of integers, which wrap round.
//
// Signs make no difference to the lower bits of products, so that all types are computed as
// unsigned ones: of 32 bits, from which narrow results are cut, or of 64. A tile of results stays
// in registers while a panel of b, packed and in the L2 cache, is multiplied with rows of a.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels/table.hpp"

namespace {
namespace gemm_integer {

using mlx_c::cpu::ElementType;
using mlx_c::cpu::IntegerGemm;
using mlx_c::cpu::Range;

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#else
constexpr int vector_bytes = 32;
#endif
constexpr int tile_rows = 4, tile_vectors = 2;

template <class S>
using Vector [[gnu::vector_size(vector_bytes)]] = S;

template <class S>
constexpr int lanes = vector_bytes / sizeof(S);

// Elements of T, sums of S.
template <class T, class S>
void multiply(const IntegerGemm& p, Range rows, Range columns, void* scratch) {
  using V = Vector<S>;
  constexpr int width = tile_vectors * lanes<S>;
  const auto* const a = static_cast<const T*>(p.a);
  const auto* const b = static_cast<const T*>(p.b);
  auto* const y = static_cast<T*>(p.y);
  auto* const panel = static_cast<S*>(scratch);
  const int count = columns.end - columns.begin;
  for (int i = 0; i < p.k; i++) {
    const T* const source = b + std::ptrdiff_t{i} * p.n + columns.begin;
    for (int j = 0; j < width; j++) {
      panel[i * width + j] = j < count ? static_cast<S>(source[j]) : S(0);
    }
  }
  const auto* const vectors = reinterpret_cast<const V*>(panel);
  for (int row = rows.begin; row < rows.end; row += tile_rows) {
    const T* x[tile_rows];
    for (int i = 0; i < tile_rows; i++) {
      x[i] = a + std::ptrdiff_t{row + i < rows.end ? row + i : rows.end - 1} * p.k;
    }
    V sums[tile_rows][tile_vectors] = {};
    for (int step = 0; step < p.k; step++) {
      for (int i = 0; i < tile_rows; i++) {
        const auto factor = static_cast<S>(x[i][step]);
        for (int j = 0; j < tile_vectors; j++) {
          sums[i][j] += vectors[step * tile_vectors + j] * factor;
        }
      }
    }
    for (int i = 0; i < tile_rows && row + i < rows.end; i++) {
      T* const target = y + std::ptrdiff_t{row + i} * p.n + columns.begin;
      for (int j = 0; j < count; j++) {
        target[j] = static_cast<T>(sums[i][j / lanes<S>][j % lanes<S>]);
      }
    }
  }
}

inline int panel_width(ElementType type) {
  return tile_vectors * (item_size(type) == 8 ? lanes<std::uint64_t> : lanes<std::uint32_t>);
}

inline std::size_t scratch_size(const IntegerGemm& p) {
  return std::size_t{vector_bytes} * tile_vectors * static_cast<std::size_t>(p.k);
}

inline void multiply_part(const IntegerGemm& p, Range rows, Range columns, void* scratch) {
  switch (item_size(p.type)) {
    case 1:
      return multiply<std::uint8_t, std::uint32_t>(p, rows, columns, scratch);
    case 2:
      return multiply<std::uint16_t, std::uint32_t>(p, rows, columns, scratch);
    case 4:
      return multiply<std::uint32_t, std::uint32_t>(p, rows, columns, scratch);
    default:
      return multiply<std::uint64_t, std::uint64_t>(p, rows, columns, scratch);
  }
}

}  // namespace gemm_integer
}  // namespace
