// Products with more rows of x: rows of w are unpacked once for all of them.
//
// A panel is the codes of as many rows of w as two vectors have lanes. Each lane has four
// neighbours of one row, which meet the same four numbers of x, so that the sums of a row stay in
// one lane. Behind the codes of a group are its scales and biases.
#pragma once

#include "cpu/kernels/bytes/dots.hpp"

namespace {
namespace bytes {

constexpr int panel_vectors = 2, panel_rows = panel_vectors * lanes;
// Codes of each row that a panel has at most: it and some rows of x are to stay in the L1 cache.
constexpr int panel_depth = 1024;

// Words of a panel's group: quads of codes, scales, biases.
template <class Source>
constexpr int group_words = (Source::group / 4 + 2) * panel_rows;

template <class Source>
inline std::size_t panel_size(int k) {
  return (std::size_t)padded(k, group_size) / Source::group * group_words<Source>;
}

// Rows become columns, in whichever order of the steps: `step_of` tells it.
inline void transpose_quads(vint (&rows)[lanes]) {
  __m256i t[lanes];
#pragma GCC unroll 2
  for (int half = 0; half < lanes; half += 4) {
    const auto row = [&](int i) { return (__m256i)rows[half + i]; };
    const __m256i a = _mm256_unpacklo_epi32(row(0), row(1));
    const __m256i b = _mm256_unpackhi_epi32(row(0), row(1));
    const __m256i c = _mm256_unpacklo_epi32(row(2), row(3));
    const __m256i d = _mm256_unpackhi_epi32(row(2), row(3));
    t[half] = _mm256_unpacklo_epi64(a, c);
    t[half + 1] = _mm256_unpackhi_epi64(a, c);
    t[half + 2] = _mm256_unpacklo_epi64(b, d);
    t[half + 3] = _mm256_unpackhi_epi64(b, d);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    rows[i] = (vint)_mm256_permute2x128_si256(t[i], t[i + 4], 0x20);
    rows[i + 4] = (vint)_mm256_permute2x128_si256(t[i], t[i + 4], 0x31);
  }
}

// Unpacks codes `begin` ... `end` - 1 of some rows. Lanes behind these are those of the last one.
template <class Source>
void pack_panel(const Source& w, Range rows, int begin, int end, std::int32_t* panel) {
  constexpr int steps = Source::group / 4, words = group_words<Source>;
  constexpr int groups_at_once = 4 * lanes / Source::group;
  for (int first = begin; first < end; first += part) {
    const int count = end - first < part ? end - first : part;
    const int groups = count / Source::group;
    std::int32_t* const target = panel + (first - begin) / Source::group * words;
    for (int v = 0; v < panel_vectors; v++) {
      Part unpacked[lanes];
      for (int i = 0; i < lanes; i++) {
        const int row = rows.begin + v * lanes + i, last = rows.end - 1;
        unpack(w, row < last ? row : last, first / part, count, unpacked[i]);
      }
      std::int32_t* const factors = target + steps * panel_rows + v * lanes;
      for (int g = 0; g < groups; g += lanes) {
        vint scales[lanes], biases[lanes];
#pragma GCC unroll 8
        for (int i = 0; i < lanes; i++) {
          scales[i] = load_raw<vint>(unpacked[i].scales + g);
          biases[i] = load_raw<vint>(unpacked[i].biases + g);
        }
        transpose_quads(scales);
        transpose_quads(biases);
        for (int i = 0; i < lanes && g + i < groups; i++) {
          std::memcpy(factors + (g + i) * words, &scales[i], sizeof(vint));
          std::memcpy(factors + (g + i) * words + panel_rows, &biases[i], sizeof(vint));
        }
      }
      for (int g = 0; g < groups; g += groups_at_once) {
        vint quads[lanes];
#pragma GCC unroll 8
        for (int i = 0; i < lanes; i++) {
          quads[i] = load_raw<vint>(unpacked[i].codes + g * Source::group);
        }
        transpose_quads(quads);
#pragma GCC unroll 8
        for (int i = 0; i < lanes; i++) {
          if (g + i / steps < groups) {
            std::int32_t* const step = target + (g + i / steps) * words + i % steps * panel_rows;
            std::memcpy(step + v * lanes, &quads[i], sizeof(vint));
          }
        }
      }
    }
  }
}

// Four numbers of x in all lanes.
inline vint splat_quad(const std::int8_t* x) {
  std::int32_t quad;
  std::memcpy(&quad, x, sizeof quad);
  return vint{} + quad;
}

// Compilers would add up all products of a group as a tree, for which there are no registers.
inline void in_order(vint& sum) {
  asm("" : "+x"(sum));
}

// Products of pairs, and sums of neighbours among them.
inline vint multiply_pairs(vint codes, vint x) {
  return (vint)_mm256_maddubs_epi16((__m256i)codes, (__m256i)x);
}
inline vint multiply_signed_pairs(vint codes, vint x) {
  return multiply_pairs(
      (vint)_mm256_abs_epi8((__m256i)codes), (vint)_mm256_sign_epi8((__m256i)x, (__m256i)codes));
}
inline vint add_pairs(vint a, vint b) {
  return (vint)_mm256_add_epi16((__m256i)a, (__m256i)b);
}
inline vint sum_pairs(vint pairs) {
  return (vint)_mm256_madd_epi16((__m256i)pairs, _mm256_set1_epi16(1));
}

// The sums of a group: of `steps` quads of codes with those of x.
template <class Source, int columns>
inline __attribute__((always_inline)) void multiply_group(
    const std::int32_t* w,
    const std::int8_t* const (&x)[columns],
    vint (&sums)[columns][panel_vectors]) {
  constexpr int steps = Source::group / 4;
  // As many sums of pairs as surely fit into 16 bits.
  constexpr int together = Source::is_signed ? 1 : 32767 / (2 * 127 * Source::largest);
  vint pairs[columns][panel_vectors];
#pragma GCC unroll 8
  for (int step = 0; step < steps; step++) {
    const bool begins = step % together == 0;
    const bool ends = (step + 1) % together == 0 || step == steps - 1;
    vint codes[panel_vectors];
#pragma GCC unroll 2
    for (int v = 0; v < panel_vectors; v++) {
      codes[v] = load_raw<vint>(w + step * panel_rows + v * lanes);
    }
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++) {
      const vint quad = splat_quad(x[c] + 4 * step);
#pragma GCC unroll 2
      for (int v = 0; v < panel_vectors; v++) {
        vint products;
        if constexpr (Source::is_signed) {
          products = multiply_signed_pairs(codes[v], quad);
        } else {
          products = multiply_pairs(codes[v], quad);
        }
        pairs[c][v] = begins ? products : add_pairs(pairs[c][v], products);
        in_order(pairs[c][v]);
        if (ends) {
          const vint four = sum_pairs(pairs[c][v]);
          sums[c][v] = step < together ? four : sums[c][v] + four;
        }
      }
    }
  }
}

// Adds to `columns` rows of y, which are panel_rows apart, products with a panel.
template <class Source, int columns>
void multiply_tile(int groups, const std::int32_t* panel, const Row* rows, bool begins, float* y) {
  constexpr int steps = Source::group / 4;
  const std::int8_t* x[columns];
  vfloat totals[columns][panel_vectors];
#pragma GCC unroll 8
  for (int c = 0; c < columns; c++) {
    x[c] = rows[c].integers;
#pragma GCC unroll 2
    for (int v = 0; v < panel_vectors; v++) {
      totals[c][v] = begins ? vfloat{} : load_raw<vfloat>(y + c * panel_rows + v * lanes);
    }
  }
  for (int g = 0; g < groups; g++, panel += group_words<Source>) {
    vint sums[columns][panel_vectors];
    multiply_group<Source, columns>(panel, x, sums);
    const auto* const factors = (const float*)panel + steps * panel_rows;
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++) {
      const bool halves = Source::group != group_size;
      const vfloat scale = splat(rows[c].scales[halves ? g / 2 : g]);
      const vfloat sum = splat((halves ? rows[c].half_sums : rows[c].sums)[g]);
#pragma GCC unroll 2
      for (int v = 0; v < panel_vectors; v++) {
        const auto own = load_raw<vfloat>(factors + v * lanes);
        totals[c][v] += __builtin_convertvector(sums[c][v], vfloat) * (own * scale);
        if constexpr (Source::has_biases) {
          totals[c][v] += load_raw<vfloat>(factors + panel_rows + v * lanes) * sum;
        }
      }
      x[c] += Source::group;
    }
  }
#pragma GCC unroll 8
  for (int c = 0; c < columns; c++) {
#pragma GCC unroll 2
    for (int v = 0; v < panel_vectors; v++) {
      std::memcpy(y + c * panel_rows + v * lanes, &totals[c][v], sizeof(vfloat));
    }
  }
}

// Rows of x in a tile: as many as there are registers for.
constexpr int tile_columns = 4;

template <class Source, int columns = tile_columns>
inline void choose_tile(
    int count, int groups, const std::int32_t* panel, const Row* rows, bool begins, float* y) {
  if (count == columns) {
    multiply_tile<Source, columns>(groups, panel, rows, begins, y);
  } else if constexpr (columns > 1) {
    choose_tile<Source, columns - 1>(count, groups, panel, rows, begins, y);
  }
}

}  // namespace bytes
}  // namespace
