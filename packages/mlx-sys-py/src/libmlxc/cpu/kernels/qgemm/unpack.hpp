// Packed weights as floats, for every encoding and width.
//
// The weights of a row are a string of bits, the first weight in the lowest ones. They are unpacked
// 16 at a time, which are a whole number of bytes of any width, and never part of two groups.
#pragma once

#include "cpu/kernels/simd/convert.hpp"

namespace {

using mlx_c::cpu::Encoding;
using mlx_c::cpu::QuantizedGemm;
using mlx_c::cpu::Range;

constexpr int chunk = 16;
constexpr int chunk_vectors = chunk / lanes;

#if defined(__AVX2__)
// An even number of bytes, at most 8, without going through memory.
template <int size>
inline std::uint64_t read(const unsigned char* bytes) {
  std::uint64_t value = 0;
  if constexpr (size == 6) {
    value = read<4>(bytes) | read<2>(bytes + 4) << 32;
  } else {
    std::memcpy(&value, bytes, size);
  }
  return value;
}

// The bytes of a chunk in the low end of a register; nothing behind them is read.
template <int bits>
inline __m128i load_chunk(const unsigned char* bytes) {
#if defined(__AVX512F__)
  return _mm_maskz_loadu_epi8((__mmask16)((1u << 2 * bits) - 1), bytes);
#else
  if constexpr (bits == 8) {
    return _mm_loadu_si128((const __m128i*)bytes);
  }
  constexpr int low = bits < 4 ? 2 * bits : 8, high = 2 * bits - low;
  return _mm_set_epi64x((long long)read<high>(bytes + low), (long long)read<low>(bytes));
#endif
}

// Where the bits of each weight of a chunk are: the bytes that hold them, two at most, to be
// shuffled into the low half of a 32-bit lane, and how far to shift these.
template <int bits>
struct ChunkLayout {
  char bytes[4 * chunk];
  int shifts[chunk];

  constexpr ChunkLayout() : bytes(), shifts() {
    for (int i = 0; i < chunk; i++) {
      const int byte = i * bits / 8;
      bytes[4 * i] = (char)byte;
      bytes[4 * i + 1] = (char)(byte == 15 ? -1 : byte + 1);
      bytes[4 * i + 2] = bytes[4 * i + 3] = -1;
      shifts[i] = i * bits % 8;
    }
  }
};
#endif

// The integers of a chunk.
template <int bits>
inline void unpack(const unsigned char* bytes, vint (&q)[chunk_vectors]) {
#if defined(__AVX2__)
  static constexpr ChunkLayout<bits> layout;
#if defined(__AVX512F__)
  // The intrinsic for which GCC neither warns nor goes through memory.
  const __m512i copies = _mm512_maskz_broadcast_i32x4((__mmask16)-1, load_chunk<bits>(bytes));
#else
  const __m256i copies = _mm256_broadcastsi128_si256(load_chunk<bits>(bytes));
#endif
#pragma GCC unroll 2
  for (int v = 0; v < chunk_vectors; v++) {
    vuint index, shift;
    std::memcpy(&index, layout.bytes + 4 * lanes * v, sizeof index);
    std::memcpy(&shift, layout.shifts + lanes * v, sizeof shift);
#if defined(__AVX512F__)
    const vuint spread = (vuint)_mm512_shuffle_epi8(copies, (__m512i)index);
#else
    const vuint spread = (vuint)_mm256_shuffle_epi8(copies, (__m256i)index);
#endif
    q[v] = (vint)(spread >> shift & ((1u << bits) - 1));
  }
#else
  std::int32_t values[chunk];
  for (int half = 0; half < 2; half++) {
    std::uint64_t word = 0;
    for (int i = 0; i < bits; i++) {
      word |= (std::uint64_t)bytes[half * bits + i] << 8 * i;
    }
    for (int i = 0; i < 8; i++) {
      values[half * 8 + i] = (std::int32_t)(word >> i * bits & ((1u << bits) - 1));
    }
  }
  std::memcpy(q, values, sizeof values);
#endif
}

// What the integers stand for, but for the scale. Normal numbers of a small float are those of
// float32 with another exponent; subnormal floats are avoided on the way, as they take long.
template <Encoding encoding>
inline vfloat decode(vint q) {
  if constexpr (encoding == Encoding::affine) {
    return to_float((vuint)q);
  }
  constexpr bool wide = encoding == Encoding::fp8;
  constexpr int sign = wide ? 1 << 7 : 1 << 3, mantissa_bits = wide ? 3 : 1;
  constexpr int exponent = wide ? 127 - 7 : 127 - 1;
  const vint magnitude = q & (sign - 1);
  const vfloat normal = (vfloat)((magnitude << (23 - mantissa_bits)) + (exponent << 23));
  const vfloat subnormal = to_float((vuint)magnitude) * (wide ? 0x1p-9f : 0x1p-1f);
  vint value = (vint)(magnitude < 1 << mantissa_bits ? subnormal : normal);
  if constexpr (wide) {
    value |= magnitude == sign - 1;  // NaN
  }
  return (vfloat)(value | (q & sign) << (wide ? 24 : 28));
}

// Groups whose scales are converted at a time.
constexpr int scale_block = 64;

// The scales of `count` groups from the `at`-th one on, as floats.
inline void get_scales(const QuantizedGemm& p, std::size_t at, int count, float* target) {
  if (p.encoding == Encoding::affine) {
    return widen(advance(p.scales, p.scales_type, at), p.scales_type, target, count);
  }
  const unsigned char* codes = static_cast<const unsigned char*>(p.scales) + at;
  if (p.group == 16) {
    for (int i = 0; i < count; i++) {
      target[i] = decode<Encoding::fp8>(vint{} + codes[i])[0];
    }
  } else {
    // Powers of two, the smallest of which is subnormal.
    for (int i = 0; i < count; i++) {
      target[i] = bits_to_float(codes[i] == 0 ? 1u << 22 : (std::uint32_t)codes[i] << 23);
    }
  }
}

inline void get_biases(const QuantizedGemm& p, std::size_t at, int count, float* target) {
  if (p.encoding == Encoding::affine) {
    return widen(advance(p.biases, p.biases_type, at), p.biases_type, target, count);
  }
  for (int i = 0; i < count; i++) {
    target[i] = 0;
  }
}

// Columns `begin` ... `end` - 1 of one row.
template <Encoding encoding, int bits>
void dequantize_row(const QuantizedGemm& p, int row, Range columns, float* out) {
  const int length = p.transposed ? p.k : p.n;
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>(p.w);
  bytes += (std::size_t)row * length / 8 * bits + columns.begin / 8 * bits;
  const int end_of_groups = (columns.end + p.group - 1) / p.group;
  float scales[scale_block], biases[scale_block];
  int i = columns.begin;
  for (int first = i / p.group; first < end_of_groups; first += scale_block) {
    const int rest = end_of_groups - first, count = rest < scale_block ? rest : scale_block;
    const std::size_t at = (std::size_t)row * (length / p.group) + first;
    get_scales(p, at, count, scales);
    get_biases(p, at, count, biases);
    for (int g = 0; g < count; g++) {
      const int group_end = (first + g + 1) * p.group;
      const int end = group_end < columns.end ? group_end : columns.end;
      const vfloat scale = splat(scales[g]), bias = splat(biases[g]);
      for (; i < end; i += chunk, bytes += 2 * bits, out += chunk) {
        vint q[chunk_vectors];
        unpack<bits>(bytes, q);
#pragma GCC unroll 4
        for (int v = 0; v < chunk_vectors; v++) {
          store(out + v * lanes, scale * decode<encoding>(q[v]) + bias);
        }
      }
    }
  }
}

// Calls f with the encoding and the width as types.
template <Encoding e, int b>
struct Format {
  static constexpr Encoding encoding = e;
  static constexpr int bits = b;
};

template <class F>
void with_format(const QuantizedGemm& p, F f) {
  if (p.encoding == Encoding::fp4) {
    return f(Format<Encoding::fp4, 4>{});
  }
  if (p.encoding == Encoding::fp8) {
    return f(Format<Encoding::fp8, 8>{});
  }
  switch (p.bits) {
    case 1:
      return f(Format<Encoding::affine, 1>{});
    case 2:
      return f(Format<Encoding::affine, 2>{});
    case 3:
      return f(Format<Encoding::affine, 3>{});
    case 4:
      return f(Format<Encoding::affine, 4>{});
    case 5:
      return f(Format<Encoding::affine, 5>{});
    case 6:
      return f(Format<Encoding::affine, 6>{});
    default:
      return f(Format<Encoding::affine, 8>{});
  }
}

void dequantize(const QuantizedGemm& p, Range rows, Range columns, float* target) {
  with_format(p, [&](auto format) {
    for (int row = rows.begin; row < rows.end; row++, target += columns.end - columns.begin) {
      dequantize_row<format.encoding, format.bits>(p, row, columns, target);
    }
  });
}

}  // namespace
