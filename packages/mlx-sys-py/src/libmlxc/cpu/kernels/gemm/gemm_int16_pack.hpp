// Numbers as panels of integers: of rows in half precision or floats, of packed weights and of
// columns in half precision.
#pragma once

#include "cpu/kernels/gemm/gemm_int16.hpp"
#include "cpu/kernels/qgemm/unpack.hpp"

namespace {
namespace integers {

using mlx_c::cpu::Operand;
using mlx_c::cpu::QuantizedGemm;
using mlx_c::cpu::Range;

#if defined(__AVX512VNNI__)

// Between these, magnitudes of x and of what w is made of can be told in units and scales whose
// product is a normal number.
constexpr float smallest_x = 0x1p-60f, largest_x = 0x1p60f;
constexpr float smallest_scale = 0x1p-40f, largest_scale = 0x1p40f;

inline vint larger(vint a, vint b) {
  return (vint)_mm512_max_epi32((__m512i)a, (__m512i)b);
}

inline vint rounded(vfloat v) {
  return (vint)_mm512_cvtps_epi32((__m512)v);
}

// What is to be subtracted for a block.
inline vint products(const vint (&steps)[lanes]) {
  vint sums = {};
#pragma GCC unroll 8
  for (int step = 0; step < lanes; step += 2) {
    sums = add_products(sums, steps[step], steps[step + 1]);
  }
  return sums;
}

inline bool any(vint mask) {
  return _mm512_movepi32_mask((__m512i)mask) != 0;
}

inline vint magnitude(vfloat v) {
  return (vint)v & 0x7fffffff;
}

// So many rows at a time are more than the processor foresees.
constexpr int prefetch_items = 128;

// Magnitudes as bits, which are in the order of the numbers, those of NaN above all others: of one
// float in each lane, or of two in half precision.
template <class S>
struct Magnitudes {
  using Item = typename S::Item;
  static constexpr bool halves = sizeof(Item) == 2;

  static vint get(const Item* at) {
    vint v;
    std::memcpy(&v, at, sizeof v);
    return v & (halves ? 0x7fff7fff : 0x7fffffff);
  }
  static vint larger(vint a, vint b) {
    return halves ? (vint)_mm512_max_epu16((__m512i)a, (__m512i)b) : integers::larger(a, b);
  }
  // The larger of the two as bits of a float.
  static vint one(vint v) {
    if constexpr (halves) {
      Item items[lanes];
      const __m512i most = (__m512i)integers::larger(v & 0xffff, v >> 16);
      _mm256_storeu_si256((__m256i*)items, _mm512_cvtepi32_epi16(most));
      return (vint)S::along(items);
    }
    return v;
  }
};

// The largest magnitude in a group of each row.
template <class S>
vint greatest(const typename S::Item* x, std::ptrdiff_t row, int group, int rows) {
  using All = MakeSequence<lanes>::type;
  using Bits = Magnitudes<S>;
  constexpr int step = Bits::halves ? 2 * lanes : lanes;
  vint square[lanes];
#pragma GCC unroll 16
  for (int r = 0; r < lanes; r++) {
    square[r] = vint{};
    if (r >= rows) {
      continue;
    }
    __builtin_prefetch(x + r * row + prefetch_items);
    for (int i = 0; i < group; i += step) {
      square[r] = Bits::larger(square[r], Bits::get(x + r * row + i));
    }
  }
  // Halves of the rows become halves of vectors, until all rows are lanes of one.
#pragma GCC unroll 4
  for (int count = lanes / 2; count > 0; count /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < count; i++) {
      const vint a = square[i], b = square[i + count];
      square[i] = Bits::larger(zip<0>(a, b, All()), zip<lanes / 2>(a, b, All()));
    }
  }
  return Bits::one(square[0]);
}

// Where the steps of a panel of x go: two parts, side by side in a vector.
class Parts {
 public:
  Parts(const Int16Gemm& p, int rows, std::int32_t* panel)
      : first_(panel),
        second_(panel + second_part(p, rows)),
        first_rows_(first_rows(rows)),
        second_rows_(rows - first_rows_) {
    for (int lane = 0; lane < lanes; lane++) {
      shifted_[lane] = lane + first_rows_;
    }
  }

  void put(vint v) {
    store(first_, v);
    first_ += first_rows_;
    if (second_rows_ == 0) {
      return;
    }
    store(second_, (vint)_mm512_permutexvar_epi32((__m512i)shifted_, (__m512i)v));
    second_ += second_rows_;
  }

 private:
  // No more than a tile needs: many of these stores go into two lines of the cache.
  static void store(std::int32_t* at, vint v) {
    std::memcpy(at, &v, sizeof v / 2);
  }
  static_assert(tile_rows <= lanes / 2);

  std::int32_t *first_, *second_;
  const int first_rows_, second_rows_;
  vint shifted_;
};

// Numbers times the factor of their row, rounded, as pairs of a block of up to 16 rows.
template <class S>
inline void quantize(
    const typename S::Item* x, std::ptrdiff_t row, int rows, vfloat factors, vint (&pairs)[lanes]) {
#pragma GCC unroll 16
  for (int r = 0; r < lanes; r++) {
    pairs[r] = vint{};
    if (r >= rows) {
      continue;
    }
    const auto* at = x + r * row;
    const vfloat factor = splat(factors[r]);
    pairs[r] = pair(rounded(S::along(at) * factor), rounded(S::along(at + lanes) * factor));
  }
}

template <class S>
bool pack_x(const Int16Gemm& p, const void* source, std::ptrdiff_t row, int rows, Parts parts) {
  const vint smallest = (vint)splat(smallest_x), limit = (vint)splat(largest_x);
  const auto* x = static_cast<const typename S::Item*>(source);
  for (int k = 0; k < p.k; k += p.group, x += p.group) {
    const vint most = greatest<S>(x, row, p.group, rows);
    const vint small = most < smallest;
    if (any(most >= limit) || (!p.flushes && any(small & (most != 0)))) {
      return false;
    }
    // Numbers next to the end of 16 bits get a larger unit: they are added to those of w.
    const vint power = ((small ? smallest : most) + 0x20000) & 0x7f800000;
    const vint exponent = power - ((127 + p.x_bits - 2) << 23);
    const vfloat inverse = (vfloat)((127 << 23) - exponent);
    vint sums = {}, subtracted = {};
    for (int i = 0; i < p.group; i += block) {
      vint square[lanes];
      quantize<S>(x + i, row, rows, inverse, square);
      transpose<std::int32_t>(square);
      subtracted += products(square);
#pragma GCC unroll 16
      for (int step = 0; step < lanes; step++) {
        parts.put(square[step]);
        if (p.biased) {
          sums = add_products(sums, square[step], vint{} + 0x10001);
        }
      }
    }
    parts.put(exponent);
    parts.put(-subtracted);
    if (p.biased) {
      parts.put((vint)(to_float((vuint)sums) * (vfloat)(exponent + (127 << 23))));
    }
  }
  return true;
}

bool pack_x(
    const Int16Gemm& p,
    const void* x,
    ElementType type,
    std::ptrdiff_t row,
    int rows,
    std::int32_t* panel) {
  const Parts parts(p, rows, panel);
  switch (type) {
    case ElementType::f16:
      return pack_x<dense::Half>(p, x, row, rows, parts);
    case ElementType::bf16:
      return pack_x<dense::Brain>(p, x, row, rows, parts);
    default:
      return pack_x<dense::Same<float>>(p, x, row, rows, parts);
  }
}

// The pairs of up to 16 columns in a block.
template <int bits>
inline void get_pairs(
    const unsigned char* bytes, std::ptrdiff_t row, int count, vint (&pairs)[lanes]) {
#pragma GCC unroll 16
  for (int c = 0; c < lanes; c++, bytes += row) {
    pairs[c] = vint{};
    if (c >= count) {
      continue;
    }
    vint low[chunk_vectors], high[chunk_vectors];
    unpack<bits>(bytes, low);
    unpack<bits>(bytes + 2 * bits, high);
    pairs[c] = low[0] | high[0] << 16;
  }
  transpose<std::int32_t>(pairs);
}

// With 4 bits, a block is four words, and pairs are at the same place of two of them. To transpose
// words is a quarter of the work.
template <>
inline void get_pairs<4>(
    const unsigned char* bytes, std::ptrdiff_t row, int count, vint (&pairs)[lanes]) {
  // Of every fourth column each.
  __m512i words[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    words[i] = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (int part = 0; part < 4; part++) {
      const int c = 4 * part + i;
      if (c >= count) {
        continue;
      }
      const __m128i four = _mm_loadu_si128((const __m128i*)(bytes + c * row));
      words[i] = _mm512_mask_broadcast_i32x4(words[i], (__mmask16)(15 << 4 * part), four);
    }
  }
  const __m512i a = _mm512_unpacklo_epi32(words[0], words[1]);
  const __m512i b = _mm512_unpackhi_epi32(words[0], words[1]);
  const __m512i c = _mm512_unpacklo_epi32(words[2], words[3]);
  const __m512i d = _mm512_unpackhi_epi32(words[2], words[3]);
  const vint low[] = {(vint)_mm512_unpacklo_epi64(a, c), (vint)_mm512_unpackhi_epi64(a, c)};
  const vint high[] = {(vint)_mm512_unpacklo_epi64(b, d), (vint)_mm512_unpackhi_epi64(b, d)};
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) {
    const vint first = pair(low[i], high[i]);
    const vint second = (vint)((vuint)low[i] >> 16) | (high[i] & (vint)(vuint{} + 0xffff0000u));
#pragma GCC unroll 4
    for (int step = 0; step < 4; step++) {
      pairs[8 * i + step] = first >> 4 * step & 0x000f000f;
      pairs[8 * i + 4 + step] = second >> 4 * step & 0x000f000f;
    }
  }
}

// A scale of zero has no exponent to add to. The integers of its group become zero instead, and
// what follows from them.
void clear(std::int32_t* group, int vectors, vint columns) {
  for (int i = 0; i < vectors; i++, group += tile_columns) {
    store_vector(group, load_vector(group) & ~columns);
  }
}

// The scales and biases of up to 16 columns, behind the pairs of their groups.
bool pack_factors(
    const Int16Gemm& p, const QuantizedGemm& q, int column, int count, std::int32_t* panel) {
  const int groups = p.k / p.group, steps = p.group / 2;
  const vint smallest = (vint)splat(smallest_scale), limit = (vint)splat(largest_scale);
  float scales[lanes][scale_block] = {}, biases[lanes][scale_block] = {};
  vint unfit = {};
  for (int first = 0; first < groups; first += scale_block) {
    const int rest = groups - first, some = rest < scale_block ? rest : scale_block;
    for (int c = 0; c < count; c++) {
      const std::size_t at = (std::size_t)(column + c) * groups + first;
      get_scales(q, at, some, scales[c]);
      get_biases(q, at, some, biases[c]);
    }
    for (int g = 0; g < some; g += lanes) {
      vint scale[lanes], bias[lanes];
#pragma GCC unroll 16
      for (int c = 0; c < lanes; c++) {
        scale[c] = (vint)load(scales[c] + g);
        bias[c] = (vint)load(biases[c] + g);
      }
      transpose<std::int32_t>(scale);
      transpose<std::int32_t>(bias);
      for (int i = 0; i < lanes && g + i < some; i++) {
        std::int32_t* const group =
            panel + (std::ptrdiff_t)(first + g + i) * (steps + factors(p)) * tile_columns;
        const vint size = magnitude((vfloat)scale[i]), zero = size == 0;
        unfit |= (~zero & (size < smallest)) | (size >= limit);
        unfit |= magnitude((vfloat)bias[i]) >= (vint)splat(largest_x);
        if (any(zero)) {
          clear(group, steps + 2, zero);
        }
        store_vector(group + steps * tile_columns, zero ? (vint)splat(1) : scale[i]);
        store_vector(group + (steps + 2) * tile_columns, bias[i]);
      }
    }
  }
  return !any(unfit);
}

template <int bits>
bool pack_w(const Int16Gemm& p, const QuantizedGemm& q, Range columns, std::int32_t* panel) {
  const std::ptrdiff_t row = (std::ptrdiff_t)p.k / 8 * bits;
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>(q.w) + columns.begin * row;
  bool fits = true;
  for (int c = 0; c < tile_columns; c += lanes) {
    const int rest = columns.end - columns.begin - c, count = rest < lanes ? rest : lanes;
    std::int32_t* target = panel + c;
    for (int k = 0; k < p.k; k += p.group, target += factors(p) * tile_columns) {
      vint subtracted = {};
      for (int i = k; i < k + p.group; i += block) {
        vint pairs[lanes];
        get_pairs<bits>(bytes + i / 8 * bits + c * row, row, count, pairs);
        subtracted += products(pairs);
#pragma GCC unroll 16
        for (int step = 0; step < lanes; step++, target += tile_columns) {
          store_vector(target, pairs[step]);
        }
      }
      store_vector(target + tile_columns, -subtracted);
    }
    fits &= pack_factors(p, q, columns.begin + c, count, panel + c);
  }
  return fits;
}

bool pack_w(const Int16Gemm& p, const QuantizedGemm& q, Range columns, std::int32_t* panel) {
  bool fits = true;
  with_format(q, [&](auto format) { fits = pack_w<format.bits>(p, q, columns, panel); });
  return fits;
}

// Columns get integers of 13 bits, so that sums of 32 products with those of 15 bits need 32.
constexpr float column_limit = 4095, smallest_column = 0x1p-24f;

// The scales of columns with these greatest magnitudes.
inline vint column_scales(vint most, float factor) {
  return (vint)((vfloat)most * (factor / column_limit));
}

// Columns whose numbers lie behind each other, all k of them.
template <class S>
bool pack_standing(const Int16Gemm& p, Operand w, int columns, float factor, std::int32_t* panel) {
  const vint smallest = (vint)splat(smallest_column), limit = (vint)splat(largest_scale);
  for (int c = 0; c < tile_columns; c += lanes) {
    const auto* at = static_cast<const typename S::Item*>(w.data) + c * w.column;
    std::int32_t* target = panel + c;
    for (int k = 0; k < p.k; k += block, at += block) {
      const vint found = greatest<S>(at, w.column, block, columns - c);
      if (any(found >= limit)) {
        return false;
      }
      const vint most = larger(found, smallest);
      vint square[lanes];
      quantize<S>(at, w.column, columns - c, column_limit / (vfloat)most, square);
      transpose<std::int32_t>(square);
#pragma GCC unroll 16
      for (int step = 0; step < lanes; step++, target += tile_columns) {
        store_vector(target, square[step]);
      }
      store_vector(target, column_scales(most, factor));
      store_vector(target + tile_columns, -products(square));
      target += 2 * tile_columns;
    }
  }
  return true;
}

// Columns that lie side by side, of which the first k numbers exist.
template <class S>
bool pack_lying(
    const Int16Gemm& p, Operand w, int k, int columns, float factor, std::int32_t* panel) {
  const vint smallest = (vint)splat(smallest_column), limit = (vint)splat(largest_scale);
  for (int c = 0; c < tile_columns; c += lanes) {
    const auto* at = static_cast<const typename S::Item*>(w.data) + c;
    std::int32_t* target = panel + c;
    for (int first = 0; first < p.k; first += block, at += block * w.row) {
      const int rest = c < columns ? k - first : 0;
      vfloat rows[block];
      vint most = smallest;
      for (int i = 0; i < block; i++) {
        rows[i] = i < rest ? S::along(at + i * w.row) : vfloat{};
        most = larger(most, magnitude(rows[i]));
      }
      if (any(most >= limit)) {
        return false;
      }
      const vfloat inverse = column_limit / (vfloat)most;
      vint steps[lanes];
      for (int step = 0; step < lanes; step++, target += tile_columns) {
        const vint low = rounded(rows[step] * inverse);
        steps[step] = pair(low, rounded(rows[step + lanes] * inverse));
        store_vector(target, steps[step]);
      }
      store_vector(target, column_scales(most, factor));
      store_vector(target + tile_columns, -products(steps));
      target += 2 * tile_columns;
    }
  }
  return true;
}

template <class S>
bool pack_columns(
    const Int16Gemm& p, Operand w, int k, int columns, float factor, std::int32_t* panel) {
  return w.row == 1 ? pack_standing<S>(p, w, columns, factor, panel)
                    : pack_lying<S>(p, w, k, columns, factor, panel);
}

bool pack_columns(
    const Int16Gemm& p,
    Operand w,
    ElementType type,
    int k,
    int columns,
    float factor,
    std::int32_t* panel) {
  return type == ElementType::f16 ? pack_columns<dense::Half>(p, w, k, columns, factor, panel)
                                  : pack_columns<dense::Brain>(p, w, k, columns, factor, panel);
}

constexpr Int16GemmKernels functions = {
    panel_rows, tile_columns, x_panel, w_panel, pack_x, pack_w, pack_columns, multiply};
constexpr const Int16GemmKernels* table = &functions;

#else
constexpr const Int16GemmKernels* table = nullptr;
#endif

}  // namespace integers
}  // namespace
