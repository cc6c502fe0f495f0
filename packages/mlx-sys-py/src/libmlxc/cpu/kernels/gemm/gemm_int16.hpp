// int16 GEMM: products of matrices of 16-bit integers, group by group.
//
// A group is some numbers of a row of x, or of a column of w, along k. They are multiples of a unit
// or a scale that they share, and the processor adds products of pairs of such integers at twice
// the rate of floats (VNNI). Their sums are exact: packing keeps them below 2^31. Floats come in
// once per group: sum(x * w) = unit * scale * sum(i * j) for x = unit * i and w = scale * j. Where
// w has biases, w = scale * j + bias, and bias * sum(x) is added.
//
// Vector additions have twice as many execution ports as multiplications, so half of the
// multiplications are traded for additions by the Winograd inner product (S. Winograd, A new
// algorithm for inner product, 1968): i1 j1 + i2 j2 = (i1 + j2) (i2 + j1) - i1 i2 - j1 j2. What is
// subtracted depends on one row or one column alone, and is summed up when these are packed. It may
// overflow, and so may intermediate sums: the result is right modulo 2^32. Some results of a tile
// are multiplied directly, which keeps the ports for multiplications and those for additions
// equally busy.
//
// Units are powers of two, so scale * unit takes an integer addition, too. All scales and units
// must be such that this product is a normal number.
#pragma once

#include "cpu/kernels/gemm/gemm_types.hpp"
#include "cpu/kernels/table.hpp"

namespace {
namespace int16_gemm {

using mlx_c::cpu::Int16Gemm;
using mlx_c::cpu::Int16GemmKernels;

#if defined(__AVX512VNNI__)

// Of a tile of y: as many as there are registers for the sums of a group and the totals.
constexpr int tile_rows = 7, tile_vectors = 2, tile_columns = tile_vectors * lanes;
// Rows are packed for two tiles at a time, which fill the vectors that are transposed.
constexpr int panel_rows = 2 * tile_rows;

// Whether a result is multiplied directly. Five in fourteen are: then the ports for products are
// busy as long as all ports together.
constexpr bool is_direct(int row, int vector) {
  return (row * tile_vectors + vector) % 3 == 0;
}

// Numbers i and i + 16 of 32 along k are a pair; 16 pairs are a block, of as many steps.
constexpr int block = 2 * lanes;

inline vint pair(vint low, vint high) {
  return (low & 0xffff) | high << 16;
}

inline vint add_halves(vint a, vint b) {
  return (vint)_mm512_add_epi16((__m512i)a, (__m512i)b);
}

inline vint add_products(vint sums, vint a, vint b) {
  return (vint)_mm512_dpwssd_epi32((__m512i)sums, (__m512i)a, (__m512i)b);
}

// Behind the pairs of a group, a panel has vectors of factors: units of rows or scales of columns;
// what there is to subtract, with its sign changed; and, with biases, the sums of rows or the
// biases of columns.
inline int factors(const Int16Gemm& p) {
  return p.biased ? 3 : 2;
}

// Words of a panel of one row or column.
inline std::size_t line(const Int16Gemm& p) {
  return (std::size_t)(p.k / p.group) * (p.group / 2 + factors(p));
}

// The rows of the first of the two tiles of a panel.
inline int first_rows(int rows) {
  return rows > tile_rows ? (rows + 1) / 2 : rows;
}

// Stores go at most a vector beyond each part.
std::size_t x_panel_size(const Int16Gemm& p, int rows) {
  return line(p) * rows + 2 * lanes;
}

std::size_t w_panel_size(const Int16Gemm& p) {
  return line(p) * tile_columns;
}

// The part of an x panel for the second tile.
inline std::size_t second_part(const Int16Gemm& p, int rows) {
  return line(p) * first_rows(rows) + lanes;
}

// The sums of a tile, from whole panels. All loops but the ones over groups and steps must be
// unrolled for the sums to be in registers.
template <int rows, bool biased>
void tile(int groups, int steps, const std::int32_t* x, const std::int32_t* w, float* y) {
  vfloat totals[rows][tile_vectors] = {};
  for (int g = 0; g < groups; g++) {
    const std::int32_t* const units = x + steps * rows;
    const std::int32_t* const scales = w + steps * tile_columns;
    vint sums[rows][tile_vectors];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
      for (int v = 0; v < tile_vectors; v++) {
        sums[r][v] =
            is_direct(r, v) ? vint{} : load(scales + tile_columns + v * lanes) + units[rows + r];
      }
    }
    for (int step = 0; step < steps; step += 2, x += 2 * rows, w += 2 * tile_columns) {
      vint first[tile_vectors], second[tile_vectors];
#pragma GCC unroll 2
      for (int v = 0; v < tile_vectors; v++) {
        first[v] = load(w + v * lanes);
        second[v] = load(w + tile_columns + v * lanes);
      }
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++) {
        const vint left = vint{} + x[r], right = vint{} + x[rows + r];
#pragma GCC unroll 2
        for (int v = 0; v < tile_vectors; v++) {
          vint& sum = sums[r][v];
          sum = is_direct(r, v)
              ? add_products(add_products(sum, left, first[v]), right, second[v])
              : add_products(sum, add_halves(left, second[v]), add_halves(right, first[v]));
        }
      }
    }
    vint scale[tile_vectors];
    vfloat bias[tile_vectors];
#pragma GCC unroll 2
    for (int v = 0; v < tile_vectors; v++) {
      scale[v] = load(scales + v * lanes);
      if constexpr (biased) {
        bias[v] = (vfloat)load(scales + 2 * tile_columns + v * lanes);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
      for (int v = 0; v < tile_vectors; v++) {
        if constexpr (biased) {
          totals[r][v] += bias[v] * (vfloat)(vint{} + units[2 * rows + r]);
        }
        totals[r][v] += to_float((vuint)sums[r][v]) * (vfloat)(scale[v] + units[r]);
      }
    }
    x += (biased ? 3 : 2) * rows;
    w += (biased ? 3 : 2) * tile_columns;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
    for (int v = 0; v < tile_vectors; v++) {
      store(y + r * tile_columns + v * lanes, totals[r][v]);
    }
  }
}

using Tile = void (*)(int, int, const std::int32_t*, const std::int32_t*, float*);

template <bool biased, int... r>
inline Tile choose_tile(int rows, std::integer_sequence<int, r...>) {
  static constexpr Tile tiles[] = {tile<r + 1, biased>...};
  return tiles[rows - 1];
}

template <class T>
void put(const float* totals, int rows, int columns, T* y, std::ptrdiff_t y_row) {
  for (int r = 0; r < rows; r++, totals += tile_columns, y += y_row) {
    if (columns == tile_columns) {
      narrow(totals, y, tile_columns);
    } else {
      narrow(totals, y, (std::size_t)columns);
    }
  }
}

void multiply_tile(
    const Int16Gemm& p,
    int rows,
    int columns,
    const std::int32_t* x,
    const std::int32_t* w,
    void* y) {
  using Rows = std::make_integer_sequence<int, tile_rows>;
  const Tile tile = p.biased ? choose_tile<true>(rows, Rows()) : choose_tile<false>(rows, Rows());
  // Takes ownership of the cache lines of the results while the tile is computed.
  for (int r = 0; r < rows; r++) {
    __builtin_prefetch(advance(y, p.y_type, (std::size_t)r * (std::size_t)p.y_row), 1);
  }
  alignas(64) float totals[tile_rows * tile_columns];
  tile(p.k / p.group, p.group / 2, x, w, totals);
  with_float_type(
      p.y_type, [&]<class T>(T) { put(totals, rows, columns, static_cast<T*>(y), p.y_row); });
}

void multiply(
    const Int16Gemm& p,
    int rows,
    int columns,
    const std::int32_t* x,
    const std::int32_t* w,
    void* y) {
  const int first = first_rows(rows);
  multiply_tile(p, first, columns, x, w, y);
  if (first == rows) {
    return;
  }
  void* rest = const_cast<void*>(advance(y, p.y_type, (std::size_t)first * (std::size_t)p.y_row));
  multiply_tile(p, rows - first, columns, x + second_part(p, rows), w, rest);
}

#endif

}  // namespace int16_gemm
}  // namespace
