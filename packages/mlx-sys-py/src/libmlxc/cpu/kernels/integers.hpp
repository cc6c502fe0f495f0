// Products of rows in half precision with packed affine weights, in integers.
//
// The weights of a group are integers but for a scale and a bias. The numbers of x that they meet
// become integers of 16 bits with a power of two in common: exactly, if they are not much smaller
// than the largest of them, and else with an error below 2^-15 of it. The processor adds products
// of pairs of such integers at twice the rate of floats. Their sums are exact, as 2^15 * 255 * 128
// is less than 2^31. Floats come in once per group:
// sum(x * (scale * q + bias)) = unit * scale * sum(i * q) + bias * unit * sum(i), for x = unit * i.
#pragma once

#include "numbers.hpp"
#include "unpack.hpp"

namespace {
namespace integers {

using mlx_c::cpu::IntegerProducts;
using mlx_c::cpu::QuantizedProduct;
using mlx_c::cpu::Range;

#if defined(__AVX512VNNI__)

// Of a tile of y.
constexpr int tile_rows = 14, tile_vectors = 2, tile_columns = tile_vectors * lanes;

// Numbers i and i + 16 of 32 along k are a pair; 16 pairs are a block, of as many steps.
constexpr int block = 2 * lanes;

inline vint pair(vint low, vint high) {
  return (low & 0xffff) | high << 16;
}

inline vint add_products(vint sums, vint a, vint b) {
  return (vint)_mm512_dpwssd_epi32((__m512i)sums, (__m512i)a, (__m512i)b);
}

// A panel of x is `rows` rows: for each group the pairs, step by step, the units of the rows, and
// the sums of the group's numbers. What is stored behind it is a vector at most.
std::size_t x_panel(const QuantizedProduct& p, int rows) {
  return (std::size_t)(p.k / p.group) * (p.group / 2 + 2) * rows + lanes;
}

// A panel of w is the same for `tile_columns` columns of y, with scales and biases.
std::size_t w_panel(const QuantizedProduct& p) {
  return (std::size_t)(p.k / p.group) * (p.group / 2 + 2) * tile_columns;
}

// The largest magnitude in a group of each row, as bits: those of NaN are above all others.
template <class S>
vint greatest(const std::uint16_t* x, int k, int group, int rows) {
  vint square[lanes];
#pragma GCC unroll 16
  for (int r = 0; r < lanes; r++) {
    square[r] = vint{};
    if (r >= rows) continue;
    for (int i = 0; i < group; i += lanes) {
      const vint bits = (vint)S::along(x + (std::ptrdiff_t)r * k + i) & 0x7fffffff;
      square[r] = (vint)_mm512_max_epi32((__m512i)square[r], (__m512i)bits);
    }
  }
  transpose<std::int32_t>(square);
#pragma GCC unroll 16
  for (int r = 1; r < lanes; r++)
    square[0] = (vint)_mm512_max_epi32((__m512i)square[0], (__m512i)square[r]);
  return square[0];
}

template <class S>
bool pack_x(const QuantizedProduct& p, Range range, std::int32_t* panel) {
  // Within these limits, units and their inverses are normal numbers, and sums finite.
  const vint smallest = (vint)splat(0x1p-100f), limit = (vint)splat(0x1p100f);
  const int rows = range.end - range.begin;
  const std::uint16_t* x = static_cast<const std::uint16_t*>(p.x);
  x += (std::size_t)range.begin * p.k;
  for (int k = 0; k < p.k; k += p.group, x += p.group) {
    const vint most = greatest<S>(x, p.k, p.group, rows);
    if (_mm512_cmpge_epi32_mask((__m512i)most, (__m512i)limit)) return false;
    const vint power = (most > smallest ? most : smallest) & 0x7f800000;
    const vfloat unit = (vfloat)power * 0x1p-14f, inverse = 1 / unit;
    vint sums = {};
    for (int i = 0; i < p.group; i += block) {
      vint square[lanes];
#pragma GCC unroll 16
      for (int r = 0; r < lanes; r++) {
        square[r] = vint{};
        if (r >= rows) continue;
        const std::uint16_t* at = x + (std::ptrdiff_t)r * p.k + i;
        const vfloat factor = splat(inverse[r]);
        square[r] = pair(
            (vint)_mm512_cvtps_epi32((__m512)(S::along(at) * factor)),
            (vint)_mm512_cvtps_epi32((__m512)(S::along(at + lanes) * factor)));
      }
      transpose<std::int32_t>(square);
#pragma GCC unroll 16
      for (int step = 0; step < lanes; step++, panel += rows) {
        store_vector(panel, square[step]);
        sums = add_products(sums, square[step], vint{} + 0x10001);
      }
    }
    store_vector(panel, (vint)unit);
    store_vector(panel + rows, (vint)(to_float((vuint)sums) * unit));
    panel += 2 * rows;
  }
  return true;
}

bool pack_x(const QuantizedProduct& p, Range rows, std::int32_t* panel) {
  return p.x_type == Float::f16 ? pack_x<dense::Half>(p, rows, panel)
                                : pack_x<dense::Brain>(p, rows, panel);
}

// The pairs of up to 16 columns in a block.
template <int bits>
void pack_square(const unsigned char* bytes, std::ptrdiff_t row, int count, std::int32_t* target) {
  vint square[lanes];
#pragma GCC unroll 16
  for (int c = 0; c < lanes; c++, bytes += row) {
    square[c] = vint{};
    if (c >= count) continue;
    vint low[chunk_vectors], high[chunk_vectors];
    unpack<bits>(bytes, low);
    unpack<bits>(bytes + 2 * bits, high);
    square[c] = pair(low[0], high[0]);
  }
  transpose<std::int32_t>(square);
#pragma GCC unroll 16
  for (int step = 0; step < lanes; step++) store_vector(target + step * tile_columns, square[step]);
}

template <int bits>
void pack_w(const QuantizedProduct& p, Range columns, std::int32_t* panel) {
  const int count = columns.end - columns.begin, groups = p.k / p.group;
  const int group_size = (p.group / 2 + 2) * tile_columns;
  const std::ptrdiff_t row = (std::ptrdiff_t)p.k / 8 * bits;
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>(p.w) + columns.begin * row;
  for (int k = 0; k < p.k; k += block) {
    std::int32_t* const target =
        panel + (std::ptrdiff_t)(k / p.group) * group_size + k % p.group / 2 * tile_columns;
    for (int c = 0; c < tile_columns; c += lanes)
      pack_square<bits>(bytes + k / 8 * bits + c * row, row, count - c, target + c);
  }
  float scales[scale_block], biases[scale_block];
  std::int32_t* const ends = panel + p.group / 2 * tile_columns;
  for (int c = 0; c < tile_columns; c++) {
    for (int first = 0; first < groups; first += scale_block) {
      const int rest = groups - first, some = rest < scale_block ? rest : scale_block;
      const std::size_t at = (std::size_t)(columns.begin + c) * groups + first;
      if (c < count) {
        get_scales(p, at, some, scales);
        get_biases(p, at, some, biases);
      }
      for (int g = 0; g < some; g++) {
        std::int32_t* const target = ends + (std::ptrdiff_t)(first + g) * group_size + c;
        target[0] = c < count ? (std::int32_t)float_to_bits(scales[g]) : 0;
        target[tile_columns] = c < count ? (std::int32_t)float_to_bits(biases[g]) : 0;
      }
    }
  }
}

void pack_w(const QuantizedProduct& p, Range columns, std::int32_t* panel) {
  with_format(p, [&](auto format) { pack_w<format.bits>(p, columns, panel); });
}

// The sums of a tile, from whole panels. All loops but the ones over groups and steps must be
// unrolled for the sums of a group to be registers.
template <int rows>
void tile(int groups, int steps, const std::int32_t* x, const std::int32_t* w, float* totals) {
  for (int g = 0; g < groups; g++) {
    vint sums[rows][tile_vectors] = {};
    for (int step = 0; step < steps; step++, x += rows, w += tile_columns) {
      vint right[tile_vectors];
#pragma GCC unroll 2
      for (int v = 0; v < tile_vectors; v++) right[v] = load_vector(w + v * lanes);
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) {
        const vint left = vint{} + x[r];
#pragma GCC unroll 2
        for (int v = 0; v < tile_vectors; v++)
          sums[r][v] = add_products(sums[r][v], left, right[v]);
      }
    }
    vfloat scale[tile_vectors], bias[tile_vectors];
#pragma GCC unroll 2
    for (int v = 0; v < tile_vectors; v++) {
      scale[v] = (vfloat)load_vector(w + v * lanes);
      bias[v] = (vfloat)load_vector(w + tile_columns + v * lanes);
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      const vfloat unit = (vfloat)(vint{} + x[r]), sum = (vfloat)(vint{} + x[rows + r]);
#pragma GCC unroll 2
      for (int v = 0; v < tile_vectors; v++) {
        float* const at = totals + r * tile_columns + v * lanes;
        const vfloat before = g == 0 ? vfloat{} : load(at);
        // Whatever comes first, nothing overflows that would not in the end.
        store(at, before + to_float((vuint)sums[r][v]) * scale[v] * unit + bias[v] * sum);
      }
    }
    x += 2 * rows;
    w += 2 * tile_columns;
  }
}

using Tile = void (*)(int, int, const std::int32_t*, const std::int32_t*, float*);

template <int... r>
inline Tile choose_tile(int rows, Sequence<r...>) {
  static constexpr Tile tiles[] = {tile<r + 1>...};
  return tiles[rows - 1];
}

void multiply(
    const QuantizedProduct& p,
    Range rows,
    Range columns,
    const std::int32_t* x,
    const std::int32_t* w) {
  const int count = rows.end - rows.begin;
  float totals[tile_rows * tile_columns];
  choose_tile(count, MakeSequence<tile_rows>::type())(p.k / p.group, p.group / 2, x, w, totals);
  for (int r = 0; r < count; r++) {
    const std::size_t at = (std::size_t)(rows.begin + r) * p.n + columns.begin;
    char* const target = static_cast<char*>(p.y) + at * (p.y_type == Float::f32 ? 4 : 2);
    narrow(totals + r * tile_columns, target, p.y_type, columns.end - columns.begin);
  }
}

constexpr IntegerProducts functions = {
    tile_rows, tile_columns, x_panel, w_panel, pack_x, pack_w, multiply};
constexpr const IntegerProducts* table = &functions;

#else
constexpr const IntegerProducts* table = nullptr;
#endif

}  // namespace integers
}  // namespace
