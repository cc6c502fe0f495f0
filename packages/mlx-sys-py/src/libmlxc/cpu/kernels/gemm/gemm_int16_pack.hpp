// Packs panels of 16-bit integers: of rows in half precision or floats, of packed weights, and of
// columns in half precision.
#pragma once

#include "cpu/kernels/gemm/gemm_int16.hpp"
#include "cpu/kernels/qgemm/unpack.hpp"

namespace {
namespace int16_gemm {

using mlx_c::cpu::Operand;
using mlx_c::cpu::QuantizedGemm;
using mlx_c::cpu::Range;

#if defined(__AVX512VNNI__)

// Magnitudes of x, and of the scales of w, between these have units and scales whose product is a
// normal number.
constexpr float min_x = 0x1p-60f, max_x = 0x1p60f;
constexpr float min_scale = 0x1p-40f, max_scale = 0x1p40f;

inline vint rounded(vfloat v) {
  return (vint)_mm512_cvtps_epi32((__m512)v);
}

// What the Winograd inner product subtracts for a block.
inline vint products(const vint (&steps)[lanes]) {
  vint sums = {};
#pragma GCC unroll 8
  for (int step = 0; step < lanes; step += 2) {
    sums = add_products(sums, steps[step], steps[step + 1]);
  }
  return sums;
}

// Bits of magnitudes are in the order of the numbers, those of NaN above all others.
inline vint magnitude_bits(vfloat v) {
  return (vint)magnitude(v);
}

// So many rows at a time are more than the hardware prefetcher follows.
constexpr int prefetch_items = 128;

// The bits of magnitudes of one float in each lane, or of two in half precision.
template <class T>
struct Magnitudes {
  static constexpr bool halves = sizeof(T) == 2;

  static vint get(const T* at) {
    return load_raw<vint>(at) & (halves ? 0x7fff7fff : 0x7fffffff);
  }
  static vint max(vint a, vint b) {
    if constexpr (halves) {
      using Pairs = Vec<std::uint16_t>;
      return (vint)::max((Pairs)a, (Pairs)b);
    }
    return ::max(a, b);
  }
  // The larger of the two as bits of a float.
  static vint one(vint v) {
    if constexpr (halves) {
      T items[lanes];
      const __m512i larger = (__m512i)::max(v & 0xffff, v >> 16);
      _mm256_storeu_si256((__m256i*)items, _mm512_cvtepi32_epi16(larger));
      return (vint)load(items);
    }
    return v;
  }
};

// The largest magnitude in a group of each row.
template <class T>
vint max_magnitudes(const T* x, std::ptrdiff_t row, int group, int rows) {
  using Bits = Magnitudes<T>;
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
      square[r] = Bits::max(square[r], Bits::get(x + r * row + i));
    }
  }
  // Halves of the rows become halves of vectors, until all rows are lanes of one.
#pragma GCC unroll 4
  for (int count = lanes / 2; count > 0; count /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < count; i++) {
      const vint a = square[i], b = square[i + count];
      square[i] = Bits::max(zip<0>(a, b), zip<lanes / 2>(a, b));
    }
  }
  return Bits::one(square[0]);
}

// Writes the steps of a panel of x: two parts, which are side by side in a vector.
class PanelParts {
 public:
  PanelParts(const Int16Gemm& p, int rows, std::int32_t* panel)
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
  // No more than a tile needs: whole vectors would often cross into another cache line.
  static void store(std::int32_t* at, vint v) {
    std::memcpy(at, &v, sizeof v / 2);
  }
  static_assert(tile_rows <= lanes / 2);

  std::int32_t *first_, *second_;
  const int first_rows_, second_rows_;
  vint shifted_;
};

// Numbers times the factor of their row, rounded, as pairs of a block of up to 16 rows.
template <class T>
inline void quantize(
    const T* x, std::ptrdiff_t row, int rows, vfloat factors, vint (&pairs)[lanes]) {
#pragma GCC unroll 16
  for (int r = 0; r < lanes; r++) {
    pairs[r] = vint{};
    if (r >= rows) {
      continue;
    }
    const auto* at = x + r * row;
    const vfloat factor = splat(factors[r]);
    pairs[r] = pair(rounded(load(at) * factor), rounded(load(at + lanes) * factor));
  }
}

template <class T>
bool pack_x(const Int16Gemm& p, const T* x, std::ptrdiff_t row, int rows, PanelParts parts) {
  const vint min_bits = (vint)splat(min_x), limit = (vint)splat(max_x);
  for (int k = 0; k < p.k; k += p.group, x += p.group) {
    const vint max_bits = max_magnitudes(x, row, p.group, rows);
    const vint small = max_bits < min_bits;
    if (any(max_bits >= limit) || (!p.flushes && any(small & (max_bits != 0)))) {
      return false;
    }
    // Numbers next to the end of 16 bits get a larger unit: they are added to those of w.
    const vint power = ((small ? min_bits : max_bits) + 0x20000) & 0x7f800000;
    const vint exponent = power - ((127 + p.x_bits - 2) << 23);
    const vfloat inverse = (vfloat)((127 << 23) - exponent);
    vint sums = {}, subtracted = {};
    for (int i = 0; i < p.group; i += block) {
      vint square[lanes];
      quantize(x + i, row, rows, inverse, square);
      transpose(square);
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
  const PanelParts parts(p, rows, panel);
  return with_float_type(
      type, [&]<class T>(T) { return pack_x(p, static_cast<const T*>(x), row, rows, parts); });
}

// The pairs of a block of up to 16 columns.
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
  transpose(pairs);
}

// With 4 bits, a block is four words, and a pair is at the same place in two of them. Transposing
// the words is a quarter of the work.
template <>
inline void get_pairs<4>(
    const unsigned char* bytes, std::ptrdiff_t row, int count, vint (&pairs)[lanes]) {
  // Each of every fourth column.
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

// A scale of zero has no exponent to add to. The integers of its group, and what is made of them,
// become zero instead.
void clear(std::int32_t* group, int vectors, vint columns) {
  for (int i = 0; i < vectors; i++, group += tile_columns) {
    store(group, load(group) & ~columns);
  }
}

// Writes the scales and biases of up to 16 columns behind the pairs of their groups.
bool pack_factors(
    const Int16Gemm& p, const QuantizedGemm& q, int column, int count, std::int32_t* panel) {
  const int groups = p.k / p.group, steps = p.group / 2;
  const vint min_bits = (vint)splat(min_scale), limit = (vint)splat(max_scale);
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
      transpose(scale);
      transpose(bias);
      for (int i = 0; i < lanes && g + i < some; i++) {
        std::int32_t* const group =
            panel + (std::ptrdiff_t)(first + g + i) * (steps + factors(p)) * tile_columns;
        const vint size = magnitude_bits((vfloat)scale[i]), zero = size == 0;
        unfit |= (~zero & (size < min_bits)) | (size >= limit);
        unfit |= magnitude_bits((vfloat)bias[i]) >= (vint)splat(max_x);
        if (any(zero)) {
          clear(group, steps + 2, zero);
        }
        store(group + steps * tile_columns, zero ? (vint)splat(1) : scale[i]);
        store(group + (steps + 2) * tile_columns, bias[i]);
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
          store(target, pairs[step]);
        }
      }
      store(target + tile_columns, -subtracted);
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
constexpr float column_limit = 4095, min_column = 0x1p-24f;

// The scales of columns with these max magnitudes.
inline vint column_scales(vint max_bits, float factor) {
  return (vint)((vfloat)max_bits * (factor / column_limit));
}

// Columns whose numbers lie behind each other, all k of them.
template <class T>
bool pack_standing(const Int16Gemm& p, Operand w, int columns, float factor, std::int32_t* panel) {
  const vint min_bits = (vint)splat(min_column), limit = (vint)splat(max_scale);
  for (int c = 0; c < tile_columns; c += lanes) {
    const auto* at = static_cast<const T*>(w.data) + c * w.column;
    std::int32_t* target = panel + c;
    for (int k = 0; k < p.k; k += block, at += block) {
      const vint found = max_magnitudes(at, w.column, block, columns - c);
      if (any(found >= limit)) {
        return false;
      }
      const vint max_bits = max(found, min_bits);
      vint square[lanes];
      quantize(at, w.column, columns - c, column_limit / (vfloat)max_bits, square);
      transpose(square);
#pragma GCC unroll 16
      for (int step = 0; step < lanes; step++, target += tile_columns) {
        store(target, square[step]);
      }
      store(target, column_scales(max_bits, factor));
      store(target + tile_columns, -products(square));
      target += 2 * tile_columns;
    }
  }
  return true;
}

// Columns that lie side by side, of which the first k numbers exist.
template <class T>
bool pack_lying(
    const Int16Gemm& p, Operand w, int k, int columns, float factor, std::int32_t* panel) {
  const vint min_bits = (vint)splat(min_column), limit = (vint)splat(max_scale);
  for (int c = 0; c < tile_columns; c += lanes) {
    const auto* at = static_cast<const T*>(w.data) + c;
    std::int32_t* target = panel + c;
    for (int first = 0; first < p.k; first += block, at += block * w.row) {
      const int rest = c < columns ? k - first : 0;
      vfloat rows[block];
      vint max_bits = min_bits;
      for (int i = 0; i < block; i++) {
        rows[i] = i < rest ? load(at + i * w.row) : vfloat{};
        max_bits = max(max_bits, magnitude_bits(rows[i]));
      }
      if (any(max_bits >= limit)) {
        return false;
      }
      const vfloat inverse = column_limit / (vfloat)max_bits;
      vint steps[lanes];
      for (int step = 0; step < lanes; step++, target += tile_columns) {
        const vint low = rounded(rows[step] * inverse);
        steps[step] = pair(low, rounded(rows[step + lanes] * inverse));
        store(target, steps[step]);
      }
      store(target, column_scales(max_bits, factor));
      store(target + tile_columns, -products(steps));
      target += 2 * tile_columns;
    }
  }
  return true;
}

template <class T>
bool pack_columns(
    const Int16Gemm& p, Operand w, int k, int columns, float factor, std::int32_t* panel) {
  return w.row == 1 ? pack_standing<T>(p, w, columns, factor, panel)
                    : pack_lying<T>(p, w, k, columns, factor, panel);
}

bool pack_columns(
    const Int16Gemm& p,
    Operand w,
    ElementType type,
    int k,
    int columns,
    float factor,
    std::int32_t* panel) {
  return type == ElementType::f16 ? pack_columns<Half>(p, w, k, columns, factor, panel)
                                  : pack_columns<BFloat16>(p, w, k, columns, factor, panel);
}

constexpr Int16GemmKernels kernels = {
    .rows = panel_rows,
    .columns = tile_columns,
    .x_panel_size = x_panel_size,
    .w_panel_size = w_panel_size,
    .pack_x = pack_x,
    .pack_w = pack_w,
    .pack_columns = pack_columns,
    .multiply = multiply,
};
constexpr const Int16GemmKernels* table = &kernels;

#else
constexpr const Int16GemmKernels* table = nullptr;
#endif

}  // namespace int16_gemm
}  // namespace
