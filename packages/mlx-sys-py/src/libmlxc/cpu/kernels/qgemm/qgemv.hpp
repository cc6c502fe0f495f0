// GEMV, and GEMM of a few rows, with affine-quantized weights in their packed form.
//
// A vector of packed words, `lanes` of them with 32 / bits weights each, is a block. x is packed
// beforehand in the order that the words need, for any number of lanes; `dots` multiplies a block
// with it, in floats or, where the processor multiplies bytes (VNNI), in integers.
//
// Within a group sum(x * (scale * q + bias)) = scale * sum(x * q) + bias * sum(x), so scales are
// multiplied with whole vectors of partial sums, and biases with the group sums of x.
#pragma once

#include "cpu/kernels/simd/convert.hpp"
#include "cpu/kernels/table.hpp"
#if defined(__AVX512VNNI__)
#include "cpu/kernels/qgemm/qgemv_int8.hpp"
#else
#include "cpu/kernels/qgemm/qgemv_float.hpp"
#endif

namespace {
namespace qgemv {

using mlx_c::cpu::QuantizedGemm;
using mlx_c::cpu::Range;

constexpr int panel_rows = 32;
// How far ahead of the loads weights are prefetched, which the hardware prefetcher does too late:
// 8 KiB, more than memory sends during the latency of one line.
constexpr int prefetch_words = 2048;

// How one row of x and of the scales lies in memory, zero-padded to whole vectors.
struct Layout {
  int words;   // of one row of w
  int blocks;  // vectors of words
  int groups;  // of one row of w
  int sums;    // floats for the group sums of x
  int x_size;  // floats of x before them

  explicit Layout(const QuantizedGemm& p) {
    words = p.k * p.bits / 32;
    blocks = (words + lanes - 1) / lanes;
    x_size = blocks * lanes * (p.bits == 4 ? packed_vectors<4> : packed_vectors<8>);
    groups = p.k / p.group;
    sums = (groups + lanes - 1) / lanes * lanes;
  }

  // A row of x ends with its group sums and a float that is 0 if all of the row is finite.
  // Rows are whole vectors, so that aligned stays aligned.
  int row() const {
    return x_size + sums + lanes;
  }
};

std::size_t packed_row_size(const QuantizedGemm& p) {
  return (std::size_t)Layout(p).row();
}

std::size_t scratch_size(const QuantizedGemm& p) {
  // What is loaded behind the last scale is not used, but has to be readable.
  return (std::size_t)2 * (panel_rows * Layout(p).groups + lanes) + p.k;
}

void pack_x(const QuantizedGemm& p, Range range, float* scratch) {
  const Layout layout(p);
  for (int m = range.begin; m < range.end; m++) {
    const void* source = advance(p.x, p.x_type, (std::size_t)m * p.k);
    const float* x = static_cast<const float*>(source);
    if (p.x_type != ElementType::f32) {
      widen(source, p.x_type, scratch, p.k);
      x = scratch;
    }
    float* const packed = p.packed + (std::size_t)m * layout.row();
    p.bits == 4 ? pack_row<4>(p, x, packed) : pack_row<8>(p, x, packed);

    float* sums = packed + layout.x_size;
    std::memset(sums, 0, sizeof(float) * layout.sums);
    vfloat not_finite = {};
    for (int i = 0; i < p.k; i += p.group, sums++) {
      vfloat total = {};
      for (int j = i; j < i + p.group; j += lanes) {
        const vfloat v = load(x + j);
        total += v;
        not_finite += v - v;
      }
      *sums = sum(total);
    }
    packed[layout.row() - lanes] = sum(not_finite);
  }
}

// The upper lanes are undefined.
inline vfloat fill_up(vfloat4 v) {
#if defined(__AVX512F__)
  return (vfloat)_mm512_castps128_ps512((__m128)v);
#elif defined(__AVX2__)
  return (vfloat)_mm256_castps128_ps256((__m128)v);
#else
  return v;
#endif
}

// The scales that meet one block, `group_lanes` lanes each. Reads four of them.
template <int group_lanes, class S>
inline vfloat block_scales(const S* scales, int block) {
  if constexpr (group_lanes >= lanes) {
    return splat(load<S, 4>(scales + block / (group_lanes / lanes))[0]);
  }
  const vfloat s = fill_up(load<S, 4>(scales + block * (lanes / group_lanes)));
#if defined(__AVX512F__)
  return group_lanes == 4
      ? __builtin_shufflevector(s, s, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)
      : __builtin_shufflevector(s, s, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
#elif defined(__AVX2__)
  return __builtin_shufflevector(s, s, 0, 0, 0, 0, 1, 1, 1, 1);
#else
  return s;
#endif
}

// The results of `rows` rows of w and `columns` rows of x. All loops but the ones over groups and
// blocks must be unrolled for the arrays of vectors to be in registers.
template <int bits, int group, int rows, int columns, class S>
void tile(
    const Layout& layout,
    const std::uint32_t* w,
    const void* scales_of_w,
    const void* biases_of_w,
    const float* packed,
    float* y) {
  const S* const scales = static_cast<const S*>(scales_of_w);
  const S* const biases = static_cast<const S*>(biases_of_w);
  const float* x[columns];
  vfloat total[rows][columns];
#pragma GCC unroll 8
  for (int c = 0; c < columns; c++) {
    x[c] = packed + (std::ptrdiff_t)c * layout.row();
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      total[r][c] = vfloat{};
    }
  }
  for (int g = 0; g < layout.groups; g += lanes) {
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      const vfloat bias = first(load(biases + r * layout.groups + g), layout.groups - g);
#pragma GCC unroll 8
      for (int c = 0; c < columns; c++) {
        total[r][c] += bias * load(x[c] + layout.x_size + g);
      }
    }
  }

  // Behind the whole blocks there may be a part of one.
  const int full = layout.words / lanes, left = layout.words - full * lanes;
  const auto add = [&](int b, auto part) __attribute__((always_inline)) {
    vuint word[rows];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      const std::uint32_t* p = w + (std::ptrdiff_t)r * layout.words + b * lanes;
      __builtin_prefetch(p + prefetch_words, 0, 2);
      word[r] = part.value ? load_some<std::uint32_t>(p, left) : load(p);
    }
    vfloat dot[rows][columns];
    dots<bits>(word, x, b, dot);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      vfloat scale = block_scales<group * bits / 32>(scales + r * layout.groups, b);
      if (part.value)
        scale = first(scale, left);
#pragma GCC unroll 8
      for (int c = 0; c < columns; c++) total[r][c] += scale * dot[r][c];
    }
  };
  for (int b = 0; b < full; b++) {
    add(b, std::false_type());
  }
  if (left > 0) {
    add(full, std::true_type());
  }
#pragma GCC unroll 8
  for (int c = 0; c < columns; c++, y += panel_rows) {
    if constexpr (rows == 4) {
      const vfloat4 results = sums(total[0][c], total[1][c], total[2][c], total[3][c]);
      std::memcpy(y, &results, sizeof results);
    } else {
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++) {
        y[r] = sum(total[r][c]);
      }
    }
  }
}

using Tile =
    void (*)(const Layout&, const std::uint32_t*, const void*, const void*, const float*, float*);

struct Tiles {
  Tile wide, single;  // for `rows` rows, for one
  int rows;
};

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int max_columns = 4;
constexpr int wide_rows(int columns) {
  return columns == 1 ? 4 : 2;
}
#else
constexpr int max_columns = 2;
constexpr int wide_rows(int) {
  return 2;
}
#endif

template <int bits, int group, int columns, class S = float>
constexpr Tiles tiles_of = {
    tile<bits, group, wide_rows(columns), columns, S>,
    tile<bits, group, 1, columns, S>,
    wide_rows(columns)};

// For scales of the type, which may be f16 with one column.
template <int bits, int group>
Tiles choose_columns(int columns, ElementType type) {
  if (type == ElementType::f16) {
    return tiles_of<bits, group, 1, Half>;
  }
  if (columns == 1) {
    return tiles_of<bits, group, 1>;
  }
  if constexpr (max_columns > 2) {
    if (columns == 3) {
      return tiles_of<bits, group, 3>;
    }
    if (columns == 4) {
      return tiles_of<bits, group, 4>;
    }
  }
  return tiles_of<bits, group, 2>;
}

template <int bits>
Tiles choose_group(int group, int columns, ElementType type) {
  switch (group) {
    case 32:
      return choose_columns<bits, 32>(columns, type);
    case 64:
      return choose_columns<bits, 64>(columns, type);
    default:
      return choose_columns<bits, 128>(columns, type);
  }
}

Tiles choose(const QuantizedGemm& p, int columns, ElementType type) {
  return p.bits == 4 ? choose_group<4>(p.group, columns, type)
                     : choose_group<8>(p.group, columns, type);
}

// One result by the definition: where x is not finite, the rearranged sums do not give what the
// weights themselves would, such as for infinity times a zero weight.
float exact(
    const QuantizedGemm& p,
    const float* x,
    const std::uint32_t* w,
    const float* scales,
    const float* biases) {
  const int per_word = 32 / p.bits;
  float total = 0;
  for (int i = 0; i < p.k; i++) {
    const std::uint32_t q = w[i / per_word] >> (i % per_word * p.bits) & ((1u << p.bits) - 1);
    total += x[i] * (scales[i / p.group] * (float)q + biases[i / p.group]);
  }
  return total;
}

// The `count` scales from the `at`-th one on, behind which memory can be read: in place if they are
// of the type that is `wanted`, else as floats in `target`. Prefetches the scales that come next.
const void* get_scales(
    const void* source,
    ElementType type,
    std::size_t at,
    std::size_t count,
    ElementType wanted,
    bool last,
    float* target) {
  const char* here = static_cast<const char*>(advance(source, type, at));
  const char* next = static_cast<const char*>(advance(source, type, at + count));
  for (std::ptrdiff_t i = 0; i < next - here; i += 64) {
    __builtin_prefetch(next + i, 0, 2);
  }
  if (type == wanted && !last) {
    return here;
  }
  widen(here, type, target, count);
  return target;
}

// A panel is some rows of w with their scales. With one row of x, each scale is needed once, and
// half-precision scales are converted only then.
void multiply(const QuantizedGemm& p, Range columns_of_y, Range rows_of_y, float* scratch) {
  const Layout layout(p);
  const int groups = p.k / p.group;
  float* const widened = scratch;
  float* const widened_biases = widened + panel_rows * groups + lanes;
  float* const x = widened_biases + panel_rows * groups + lanes;
  const auto is_finite = [&](int m) {
    return p.packed[(std::size_t)(m + 1) * layout.row() - lanes] == 0;
  };
  const bool half_scales = p.scales_type == ElementType::f16 && p.biases_type == ElementType::f16 &&
      rows_of_y.end - rows_of_y.begin == 1 && is_finite(rows_of_y.begin);

  for (int n = columns_of_y.begin; n < columns_of_y.end; n += panel_rows) {
    const int rest = columns_of_y.end - n;
    const int rows = rest < panel_rows ? rest : panel_rows;
    const std::uint32_t* w = p.w + (std::size_t)n * layout.words;
    const std::size_t at = (std::size_t)n * groups;
    const std::size_t count = (std::size_t)rows * groups;
    // Whole vectors of scales are read, which may not go beyond those of the last row.
    const bool last = p.n - n < panel_rows + lanes;
    const ElementType type = half_scales && !last ? ElementType::f16 : ElementType::f32;
    const void* const scales = get_scales(p.scales, p.scales_type, at, count, type, last, widened);
    const void* const biases =
        get_scales(p.biases, p.biases_type, at, count, type, last, widened_biases);
    for (int m = rows_of_y.begin; m < rows_of_y.end;) {
      const int left = rows_of_y.end - m;
      const int columns = left < max_columns ? left : max_columns;
      const Tiles tiles = choose(p, columns, type);
      const float* const packed = p.packed + (std::size_t)m * layout.row();
      float y[max_columns * panel_rows];
      for (int r = 0; r < rows;) {
        const bool wide = rows - r >= tiles.rows;
        (wide ? tiles.wide : tiles.single)(
            layout,
            w + (std::size_t)r * layout.words,
            advance(scales, type, (std::size_t)r * layout.groups),
            advance(biases, type, (std::size_t)r * layout.groups),
            packed,
            y + r);
        r += wide ? tiles.rows : 1;
      }
      for (int c = 0; c < columns; c++, m++) {
        if (!is_finite(m)) {
          widen(advance(p.x, p.x_type, (std::size_t)m * p.k), p.x_type, x, p.k);
          for (int r = 0; r < rows; r++) {
            y[c * panel_rows + r] = exact(
                p,
                x,
                w + (std::size_t)r * layout.words,
                static_cast<const float*>(scales) + r * layout.groups,
                static_cast<const float*>(biases) + r * layout.groups);
          }
        }
        char* target = static_cast<char*>(p.y);
        target += ((std::size_t)m * p.n + n) * item_size(p.y_type);
        narrow(y + c * panel_rows, target, p.y_type, rows);
      }
    }
  }
}

}  // namespace qgemv
}  // namespace
