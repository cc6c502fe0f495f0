// Packed weights as floats, for every encoding and width.
//
// The weights of a row are a string of bits, the first weight in the lowest ones. They are unpacked
// 16 at a time, which are a whole number of bytes of any width, and never part of two groups.
#pragma once

#include "convert.hpp"

namespace {

using mlx_c::cpu::Encoding;
using mlx_c::cpu::QuantizedProduct;
using mlx_c::cpu::Range;

constexpr int chunk = 16;
constexpr int chunk_vectors = chunk / lanes;

#if defined(__AVX2__)
typedef std::int32_t vint4 __attribute__((vector_size(16)));

// The bytes of a chunk in the low end of a register; nothing behind them is read.
template <int bits>
inline __m128i load_chunk(const unsigned char* bytes) {
#if defined(__AVX512F__)
  return _mm_maskz_loadu_epi8((__mmask16)((1u << 2 * bits) - 1), bytes);
#else
  constexpr int size = 2 * bits;
  if constexpr (size == 16) return _mm_loadu_si128((const __m128i*)bytes);
  std::uint64_t low = 0, high = 0;
  std::memcpy(&low, bytes, size < 8 ? size : 8);
  if constexpr (size > 8) std::memcpy(&high, bytes + 8, size - 8);
  return _mm_set_epi64x((long long)high, (long long)low);
#endif
}

// Where the bits of each weight of a chunk are: the bytes that hold them, two at most, to be put in
// the low half of a 32-bit lane, and how far to shift these.
template <int bits>
struct Places {
  char bytes[4 * chunk];
  int shifts[chunk];

  constexpr Places() : bytes(), shifts() {
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
  static constexpr Places<bits> places;
  const auto packed = (vint4)load_chunk<bits>(bytes);
#if defined(__AVX512F__)
  const vint copies =
      __builtin_shufflevector(packed, packed, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
#else
  const vint copies = __builtin_shufflevector(packed, packed, 0, 1, 2, 3, 0, 1, 2, 3);
#endif
#pragma GCC unroll 2
  for (int v = 0; v < chunk_vectors; v++) {
    vuint index, shift;
    std::memcpy(&index, places.bytes + 4 * lanes * v, sizeof index);
    std::memcpy(&shift, places.shifts + lanes * v, sizeof shift);
#if defined(__AVX512F__)
    const vuint spread = (vuint)_mm512_shuffle_epi8((__m512i)copies, (__m512i)index);
#else
    const vuint spread = (vuint)_mm256_shuffle_epi8((__m256i)copies, (__m256i)index);
#endif
    q[v] = (vint)(spread >> shift & ((1u << bits) - 1));
  }
#else
  std::int32_t values[chunk];
  for (int half = 0; half < 2; half++) {
    std::uint64_t word = 0;
    for (int i = 0; i < bits; i++) word |= (std::uint64_t)bytes[half * bits + i] << 8 * i;
    for (int i = 0; i < 8; i++)
      values[half * 8 + i] = (std::int32_t)(word >> i * bits & ((1u << bits) - 1));
  }
  std::memcpy(q, values, sizeof values);
#endif
}

// What the integers stand for, but for the scale. The small floats become large ones by moving
// their exponents, which leaves those in need of a factor: it gets subnormal numbers right as well.
template <Encoding encoding>
inline vfloat decode(vint q) {
  if constexpr (encoding == Encoding::affine) return to_float((vuint)q);
  if constexpr (encoding == Encoding::fp4)
    return (vfloat)((q & 7) << 22 | (q & 8) << 28) * 0x1p126f;
  const vint magnitude = q & 127, nan = magnitude == 127;
  return (vfloat)((vint)((vfloat)(magnitude << 20 | (q & 128) << 24) * 0x1p120f) | nan);
}

inline float scale_at(const QuantizedProduct& p, std::size_t i) {
  if (p.encoding == Encoding::affine) {
    float scale;
    widen(advance(p.scales, p.scales_type, i), p.scales_type, &scale, 1);
    return scale;
  }
  const int code = static_cast<const unsigned char*>(p.scales)[i];
  // Groups of 16 have a small float, those of 32 a power of two, the smallest of which is
  // subnormal.
  if (p.group == 16) return decode<Encoding::fp8>(vint{} + code)[0];
  return bits_to_float(code == 0 ? 1u << 22 : (std::uint32_t)code << 23);
}

inline float bias_at(const QuantizedProduct& p, std::size_t i) {
  float bias = 0;
  if (p.encoding == Encoding::affine)
    widen(advance(p.biases, p.biases_type, i), p.biases_type, &bias, 1);
  return bias;
}

// Columns `begin` ... `end` - 1 of one row.
template <Encoding encoding, int bits>
void dequantize_row(const QuantizedProduct& p, int row, Range columns, float* out) {
  const int length = p.transposed ? p.k : p.n;
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>(p.w);
  bytes += (std::size_t)row * length / 8 * bits + columns.begin / 8 * bits;
  const std::size_t groups = (std::size_t)row * (length / p.group);
  for (int i = columns.begin; i < columns.end;) {
    const int g = i / p.group, group_end = (g + 1) * p.group;
    const vfloat scale = splat(scale_at(p, groups + g)), bias = splat(bias_at(p, groups + g));
    for (; i < columns.end && i < group_end; i += chunk, bytes += 2 * bits, out += chunk) {
      vint q[chunk_vectors];
      unpack<bits>(bytes, q);
#pragma GCC unroll 4
      for (int v = 0; v < chunk_vectors; v++)
        store(out + v * lanes, scale * decode<encoding>(q[v]) + bias);
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
void with_format(const QuantizedProduct& p, F f) {
  if (p.encoding == Encoding::fp4) return f(Format<Encoding::fp4, 4>{});
  if (p.encoding == Encoding::fp8) return f(Format<Encoding::fp8, 8>{});
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

void dequantize(const QuantizedProduct& p, Range rows, Range columns, float* target) {
  with_format(p, [&](auto format) {
    for (int row = rows.begin; row < rows.end; row++, target += columns.end - columns.begin)
      dequantize_row<format.encoding, format.bits>(p, row, columns, target);
  });
}

}  // namespace
