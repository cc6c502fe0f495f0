// GEMV, and GEMM of a few rows, with blocks of GGUF's quantized types.
//
// A part is 256 codes of a row of w, which are unpacked to bytes in the L1 cache, and what of x
// meets them. Within a group, sum(x * (scale * (q - offset) + bias)) = scale * sum(x * q) +
// (bias - scale * offset) * sum(x): scales are multiplied with whole vectors of partial sums, the
// rest with the group sums of x.
//
// Where the processor multiplies bytes (VNNI), x becomes integers of 24 bits, as in
// qgemv_int8.hpp, 32 of which share a step.
#pragma once

#include "cpu/kernels/blocks/decode.hpp"
#include "cpu/kernels/blocks/table.hpp"
#include "cpu/kernels/simd/convert.hpp"

namespace {
namespace blocks {

using mlx_c::cpu::BlockGemm;
using mlx_c::cpu::Range;

constexpr int part = 256, small_group = 16, large_group = 32;

inline int parts_of(const BlockGemm& p) {
  return (p.k + part - 1) / part;
}

// The sums of 16 and of 32 numbers that end what is packed of x for a part: 16 and 8 floats.
constexpr int sums_size = 2 * part / small_group;

#if defined(__AVX512VNNI__)
constexpr int digits = 3, chunk = 4 * lanes;
constexpr int chunks = part / chunk;
// The largest integer, whose highest digit is 127 even if it is rounded up.
constexpr float max_steps = 127 << 16;
// Of smaller groups the step would not be a normal number.
constexpr float min_magnitude = 0x1p-102f;
// Digits of 64 numbers, from the highest to the lowest, then the step of each lane.
constexpr int chunk_size = (digits + 1) * lanes;
constexpr int numbers_size = chunks * chunk_size;
#else
constexpr int numbers_size = part;
#endif

// Floats of a part of x, and of a row, which ends with a float that is 0 if all of it is finite.
constexpr int part_size = numbers_size + sums_size;

std::size_t packed_row_size(const BlockGemm& p) {
  return (std::size_t)parts_of(p) * part_size + lanes;
}

#if defined(__AVX512VNNI__)
// Packs the numbers of a part.
inline void pack_numbers(const float* x, float* packed) {
  for (int i = 0; i < part; i += large_group) {
    vfloat low = load(x + i), high = load(x + i + lanes);
    const float size = max(max_lane(max(magnitude(low), magnitude(high))), min_magnitude);
    const float step = size / max_steps, steps = max_steps / size;
    vint n[2] = {
        (vint)_mm512_cvtps_epi32((__m512)(low * steps)),
        (vint)_mm512_cvtps_epi32((__m512)(high * steps))};
    float* const at = packed + i / chunk * chunk_size;
    auto* const bytes = (std::int8_t*)at + i % chunk;
    for (int digit = digits - 1; digit >= 0; digit--) {
      for (int j = 0; j < 2; j++) {
        _mm_storeu_si128(
            (__m128i*)(bytes + digit * chunk + j * lanes), _mm512_cvtepi32_epi8((__m512i)n[j]));
        n[j] = (n[j] + 128) >> 8;
      }
    }
    float* const lane = at + digits * lanes + i % chunk / 4;
    for (int j = 0; j < large_group / 4; j++) {
      lane[j] = step;
    }
  }
}
#else
inline void pack_numbers(const float* x, float* packed) {
  std::memcpy(packed, x, sizeof(float) * part);
}
#endif

// Packs rows of x.
void pack_x(const BlockGemm& p, Range range) {
  const int parts = parts_of(p);
  for (int m = range.begin; m < range.end; m++) {
    float* packed = p.packed + (std::size_t)m * packed_row_size(p);
    const char* source = static_cast<const char*>(advance(p.x, p.x_type, (std::size_t)m * p.k));
    vfloat not_finite = {};
    for (int i = 0; i < parts; i++, packed += part_size) {
      alignas(64) float x[part];
      const int rest = p.k - i * part, count = rest < part ? rest : part;
      widen(advance(source, p.x_type, (std::size_t)i * part), p.x_type, x, (std::size_t)count);
      for (int j = count; j < part; j++) {
        x[j] = 0;
      }
      for (int j = 0; j < part; j += lanes) {
        const vfloat v = load(x + j);
        not_finite += v - v;
      }
      pack_numbers(x, packed);
      float* const sums = packed + numbers_size;
      for (int g = 0; g < part / small_group; g++) {
        float total = 0;
        for (int j = 0; j < small_group; j++) {
          total += x[g * small_group + j];
        }
        sums[g] = total;
      }
      for (int g = 0; g < part / large_group; g++) {
        sums[part / small_group + g] = sums[2 * g] + sums[2 * g + 1];
        sums[part / small_group + part / large_group + g] = 0;
      }
    }
    *packed = sum(not_finite);
  }
}

// A part of a row of w.
template <class T>
struct Part {
  alignas(64) std::uint8_t codes[part];
  // Zeros behind the groups there are.
  alignas(64) float scales[part / small_group], biases[part / small_group];

  // `count` is how many codes there are, of whole blocks.
  void decode(const std::uint8_t* block, int count) {
    constexpr int groups = part / T::group;
    if (count < part) {
      std::memset(this, 0, sizeof *this);
    }
    float own[groups];
    const int there = count / T::size;
#pragma GCC unroll 8
    for (int i = 0; i < part / T::size; i++, block += T::nbytes) {
      if (i < there) {
        T::decode(block, codes + i * T::size, scales + i * T::groups, own + i * T::groups);
      }
    }
    for (int g = 0; g < groups; g++) {
      biases[g] = g * T::group < count ? total_bias<T>(scales[g], own[g]) : 0;
      scales[g] *= T::unit;
    }
    for (int g = groups; g < part / small_group; g++) {
      scales[g] = biases[g] = 0;
    }
  }
};

// Where the sums of x for groups of a type are.
template <class T>
constexpr int sums_at = numbers_size + (T::group == small_group ? 0 : part / small_group);

template <class T>
inline vfloat bias_products(const Part<T>& w, const float* x) {
  vfloat total = {};
#pragma GCC unroll 4
  for (int g = 0; g < part / small_group; g += lanes) {
    if (g < part / T::group) {
      total += load(w.biases + g) * load(x + sums_at<T> + g);
    }
  }
  return total;
}

#if defined(__AVX512VNNI__)
inline vint multiply_add(__m512i codes, const float* x, vint sum) {
  return (vint)_mm512_dpbusd_epi32((__m512i)sum, codes, _mm512_loadu_si512(x));
}

// The scales that meet the 64 codes of a chunk: one for each four.
template <class T>
inline vfloat chunk_scales(const Part<T>& w, int c) {
  vint lane;
  for (int i = 0; i < lanes; i++) {
    lane[i] = c * chunk / T::group + i * 4 / T::group;
  }
  return (vfloat)_mm512_permutexvar_ps((__m512i)lane, (__m512)load(w.scales));
}

template <class T, int columns>
inline void multiply_part(const Part<T>& w, const float* const (&x)[columns], vfloat* total) {
#pragma GCC unroll 4
  for (int c = 0; c < chunks; c++) {
    const __m512i codes = _mm512_load_si512(w.codes + c * chunk);
    const vfloat scale = chunk_scales(w, c);
#pragma GCC unroll 4
    for (int i = 0; i < columns; i++) {
      const float* const at = x[i] + c * chunk_size;
      vint high = multiply_add(codes, at + lanes, multiply_add(codes, at, vint{}) << 8);
      vfloat dot;
      if constexpr (T::is_wide) {
        // The sum of all digits would not fit into 32 bits.
        const vint low = multiply_add(codes, at + 2 * lanes, vint{});
        dot = __builtin_convertvector(high, vfloat) * 256 + __builtin_convertvector(low, vfloat);
      } else {
        dot = __builtin_convertvector(multiply_add(codes, at + 2 * lanes, high << 8), vfloat);
      }
      total[i] += dot * (scale * load(at + digits * lanes));
    }
  }
}
#else
// Codes as floats.
inline vfloat load_codes(const std::uint8_t* codes) {
#if defined(__AVX512F__)
  return (vfloat)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_load_si128((const __m128i*)codes)));
#elif defined(__AVX2__)
  return (vfloat)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)codes)));
#else
  return __builtin_convertvector(load_raw<Vec<std::uint8_t, lanes>>(codes), vfloat);
#endif
}

template <class T, int columns>
inline void multiply_part(const Part<T>& w, const float* const (&x)[columns], vfloat* total) {
  for (int g = 0; g < part / T::group; g++) {
    vfloat dot[columns] = {};
#pragma GCC unroll 8
    for (int j = 0; j < T::group; j += lanes) {
      const int at = g * T::group + j;
      const vfloat q = load_codes(w.codes + at);
#pragma GCC unroll 4
      for (int i = 0; i < columns; i++) {
        dot[i] += q * load(x[i] + at);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < columns; i++) {
      total[i] += splat(w.scales[g]) * dot[i];
    }
  }
}
#endif

// How far ahead of the loads weights are prefetched.
constexpr int prefetch_bytes = 4096;

// The products of `rows` rows of w with `columns` rows of x. A part is unpacked while the one
// before it is multiplied: bytes that have just been stored cannot be loaded as a wider vector yet.
template <class T, int rows, int columns>
void tile(
    const BlockGemm& p,
    const std::uint8_t* w,
    std::ptrdiff_t w_row,
    const float* packed,
    float* y) {
  constexpr int part_bytes = part / T::size * T::nbytes;
  const int parts = parts_of(p);
  const std::size_t x_row = packed_row_size(p);
  Part<T> buffers[2][rows];
  vfloat total[rows][columns] = {};
  const auto decode = [&](int i) __attribute__((always_inline)) {
    const int rest = p.k - i * part;
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      const std::uint8_t* const block = w + r * w_row + (std::ptrdiff_t)i * part_bytes;
      for (int line = 0; line < part_bytes; line += 64) {
        __builtin_prefetch(block + prefetch_bytes + line, 0, 2);
      }
      buffers[i % 2][r].decode(block, rest < part ? rest : part);
    }
  };
  decode(0);
  for (int i = 0; i < parts; i++) {
    if (i + 1 < parts) {
      decode(i + 1);
    }
    const float* x[columns];
    for (int c = 0; c < columns; c++) {
      x[c] = packed + c * x_row + (std::ptrdiff_t)i * part_size;
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      const Part<T>& from = buffers[i % 2][r];
#pragma GCC unroll 4
      for (int c = 0; c < columns; c++) {
        total[r][c] += bias_products(from, x[c]);
      }
      multiply_part<T, columns>(from, x, total[r]);
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int c = 0; c < columns; c++) {
      y[r * columns + c] = sum(total[r][c]);
    }
  }
}

// One result by the definition: where x is not finite, the rearranged sums do not give what the
// weights themselves would, such as for infinity times a zero weight.
template <class T>
float exact(const BlockGemm& p, const void* x, const std::uint8_t* block) {
  float total = 0;
  for (int i = 0; i < p.k; i += T::size, block += T::nbytes) {
    std::uint8_t codes[T::size];
    float scales[T::groups], biases[T::groups], numbers[T::size];
    T::decode(block, codes, scales, biases);
    widen(advance(x, p.x_type, (std::size_t)i), p.x_type, numbers, T::size);
    for (int j = 0; j < T::size; j++) {
      const int g = j / T::group;
      total += numbers[j] * weight<T>(scales[g], codes[j], biases[g]);
    }
  }
  return total;
}

constexpr int max_columns = 4;

template <class T, int rows>
void choose_columns(
    const BlockGemm& p,
    const std::uint8_t* w,
    std::ptrdiff_t w_row,
    const float* x,
    int columns,
    float* y) {
  switch (columns) {
    case 1:
      return tile<T, rows, 1>(p, w, w_row, x, y);
    case 2:
      return tile<T, rows, 2>(p, w, w_row, x, y);
    case 3:
      return tile<T, rows, 3>(p, w, w_row, x, y);
    default:
      return tile<T, rows, 4>(p, w, w_row, x, y);
  }
}

template <class T>
void multiply(const BlockGemm& p, Range columns_of_y, Range rows_of_y) {
  const std::ptrdiff_t w_row = (std::ptrdiff_t)p.k / T::size * T::nbytes;
  const std::size_t x_row = packed_row_size(p);
  for (int n = columns_of_y.begin; n < columns_of_y.end;) {
    const int rows = columns_of_y.end - n > 1 ? 2 : 1;
    const std::uint8_t* const w = p.w + n * w_row;
    for (int m = rows_of_y.begin; m < rows_of_y.end;) {
      const int rest = rows_of_y.end - m, columns = rest < max_columns ? rest : max_columns;
      const float* const x = p.packed + m * x_row;
      float y[2 * max_columns];
      if (rows == 2) {
        choose_columns<T, 2>(p, w, w_row, x, columns, y);
      } else {
        choose_columns<T, 1>(p, w, w_row, x, columns, y);
      }
      for (int c = 0; c < columns; c++, m++) {
        const bool finite = p.packed[(m + 1) * x_row - lanes] == 0;
        for (int r = 0; r < rows; r++) {
          const float result = finite
              ? y[r * columns + c]
              : exact<T>(p, advance(p.x, p.x_type, (std::size_t)m * p.k), w + r * w_row);
          char* const target =
              static_cast<char*>(p.y) + ((std::size_t)m * p.n + n + r) * item_size(p.y_type);
          narrow(&result, target, p.y_type, 1);
        }
      }
    }
    n += rows;
  }
}

void multiply_blocks(const BlockGemm& p, Range columns, Range rows) {
  with_type(p.type, [&]<class T>(T) { multiply<T>(p, columns, rows); });
}

// Codes of eight bits, and a scale and a bias for each 32 of them.
bool to_affine(
    int type,
    const std::uint8_t* block,
    std::size_t count,
    std::uint8_t* codes,
    float* scales,
    float* biases) {
  bool possible = false;
  with_type(type, [&]<class T>(T) {
    if constexpr (T::group == large_group) {
      possible = true;
      for (std::size_t i = 0; i < count; i++, block += T::nbytes) {
        T::decode(block, codes, scales, biases);
        for (int g = 0; g < T::groups; g++) {
          biases[g] = total_bias<T>(scales[g], biases[g]);
          scales[g] *= T::unit;
        }
        codes += T::size;
        scales += T::groups;
        biases += T::groups;
      }
    }
  });
  return possible;
}

}  // namespace blocks
}  // namespace
