// What the blocks of GGUF's quantized types hold.
//
// A block of any type is `size` codes of at most eight bits and a scale for each group of them, 16
// or 32 in a row, and maybe a bias: a weight is scale * (unit * (code - offset)) + bias, or less
// the bias. With these operations, in this order, in single precision, it is what the Python
// package gguf computes, bit for bit.
//
// The layouts are those of the block structs of ggml-common.h.
#pragma once

#include "cpu/kernels/blocks/block_type.hpp"
#include "cpu/kernels/blocks/decode_codebooks.hpp"

namespace {
namespace blocks {

// Each type has `decode(block, codes, scales, biases)`: it fills `size` codes, and `groups` scales
// and, if there are any, biases.

// The low and the high halves of `count` bytes, one after the other.
template <int count>
inline void split_nibbles(const uint8_t* bytes, uint8_t* codes) {
#if defined(__AVX2__)
  if constexpr (count == 16) {
    const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)bytes));
    const __m256i halves = _mm256_srlv_epi32(both, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4));
    _mm256_storeu_si256((__m256i*)codes, _mm256_and_si256(halves, _mm256_set1_epi8(15)));
    return;
  }
  if constexpr (count == 32) {
    const __m256i v = _mm256_loadu_si256((const __m256i*)bytes), mask = _mm256_set1_epi8(15);
    _mm256_storeu_si256((__m256i*)codes, _mm256_and_si256(v, mask));
    _mm256_storeu_si256((__m256i*)(codes + 32), _mm256_and_si256(_mm256_srli_epi16(v, 4), mask));
    return;
  }
#endif
  for (int i = 0; i < count; i++) {
    codes[i] = bytes[i] & 15;
    codes[count + i] = (uint8_t)(bytes[i] >> 4);
  }
}

// The same through a table.
template <int count>
inline void look_up_nibbles(const uint8_t* bytes, const uint8_t (&table)[16], uint8_t* codes) {
#if defined(__AVX2__)
  const __m128i entries = _mm_loadu_si128((const __m128i*)table), mask = _mm_set1_epi8(15);
  if constexpr (count == 16) {
    const __m128i v = _mm_loadu_si128((const __m128i*)bytes);
    const __m128i low = _mm_shuffle_epi8(entries, _mm_and_si128(v, mask));
    const __m128i high = _mm_shuffle_epi8(entries, _mm_and_si128(_mm_srli_epi16(v, 4), mask));
    _mm256_storeu_si256((__m256i*)codes, _mm256_set_m128i(high, low));
    return;
  }
#endif
  for (int i = 0; i < count; i++) {
    codes[i] = table[bytes[i] & 15];
    codes[count + i] = table[bytes[i] >> 4];
  }
}

struct Q4_0 : Type<2, 32, 18, 32, 8> {
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    scales[0] = read_half(block);
    split_nibbles<16>(block + 2, codes);
  }
};

struct Q4_1 : Type<3, 32, 20, 32, 0> {
  static constexpr bool has_biases = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float* biases) {
    scales[0] = read_half(block);
    biases[0] = read_half(block + 2);
    split_nibbles<16>(block + 4, codes);
  }
};

// Adds 16 to the codes whose bits are set.
inline void add_fifth_bits(uint32_t bits, uint8_t* codes) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  const __m256i v = _mm256_loadu_si256((const __m256i*)codes);
  _mm256_storeu_si256((__m256i*)codes, _mm256_mask_add_epi8(v, bits, v, _mm256_set1_epi8(16)));
#elif defined(__AVX2__)
  // Each byte of the bits beside each of its bits.
  const __m256i bytes = _mm256_shuffle_epi8(
      _mm256_set1_epi32((int)bits),
      _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  const __m256i each = _mm256_set1_epi64x((long long)0x8040201008040201);
  const __m256i is_set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, each), each);
  const __m256i v = _mm256_loadu_si256((const __m256i*)codes);
  _mm256_storeu_si256(
      (__m256i*)codes, _mm256_or_si256(v, _mm256_and_si256(is_set, _mm256_set1_epi8(16))));
#else
  for (int i = 0; i < 32; i++) {
    codes[i] |= (uint8_t)((bits >> i & 1) << 4);
  }
#endif
}

struct Q5_0 : Type<6, 32, 22, 32, 16> {
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    scales[0] = read_half(block);
    split_nibbles<16>(block + 6, codes);
    add_fifth_bits(read<uint32_t>(block + 2), codes);
  }
};

struct Q5_1 : Type<7, 32, 24, 32, 0> {
  static constexpr bool has_biases = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float* biases) {
    scales[0] = read_half(block);
    biases[0] = read_half(block + 2);
    split_nibbles<16>(block + 8, codes);
    add_fifth_bits(read<uint32_t>(block + 4), codes);
  }
};

// Signed bytes.
template <int count>
inline void shift_bytes(const uint8_t* bytes, uint8_t* codes) {
  for (int i = 0; i < count; i++) {
    codes[i] = bytes[i] ^ 128;
  }
}

struct Q8_0 : Type<8, 32, 34, 32, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    scales[0] = read_half(block);
    shift_bytes<32>(block + 2, codes);
  }
};

// A sum of the codes follows the scale.
struct Q8_1 : Type<9, 32, 36, 32, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    scales[0] = read_half(block);
    shift_bytes<32>(block + 4, codes);
  }
};

struct Q8_K : Type<15, 256, 292, 32, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const auto scale = read<float>(block);
    for (int i = 0; i < groups; i++) {
      scales[i] = scale;
    }
    shift_bytes<256>(block + 4, codes);
  }
};

struct Q1_0 : Type<41, 128, 18, 32, 1> {
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block);
    for (int i = 0; i < groups; i++) {
      scales[i] = scale;
    }
    for (int i = 0; i < size; i++) {
      codes[i] = (uint8_t)((block[2 + i / 8] >> i % 8 & 1) << 1);
    }
  }
};

// The bytes of four words, of less than 128, less a number. A vector that is loaded where words
// have just been stored would wait for these.
inline void bytes_to_floats(const uint32_t (&words)[4], int less, float* numbers) {
#if defined(__AVX2__)
  const __m128i bytes = _mm_set_epi32((int)words[3], (int)words[2], (int)words[1], (int)words[0]);
  const __m128i rest = _mm_sub_epi8(bytes, _mm_set1_epi8((char)less));
  _mm256_storeu_ps(numbers, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(rest)));
  _mm256_storeu_ps(
      numbers + 8, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(rest, rest))));
#else
  for (int i = 0; i < 16; i++) {
    numbers[i] = (float)((int)(words[i / 4] >> 8 * (i % 4) & 255) - less);
  }
#endif
}

#if defined(__AVX2__)
inline __m256i load_bytes(const uint8_t* at) {
  return _mm256_loadu_si256((const __m256i*)at);
}

inline void store_bytes(uint8_t* at, __m256i v) {
  _mm256_storeu_si256((__m256i*)at, v);
}

// Some bits of each byte, `right` lower or, if that is negative, higher; they stay in their byte.
template <int right>
inline __m256i bits_of(__m256i v, int mask) {
  const __m256i moved = right < 0 ? _mm256_slli_epi16(v, -right) : _mm256_srli_epi16(v, right);
  return _mm256_and_si256(moved, _mm256_set1_epi8((char)mask));
}
#endif

// Each byte has a code of every 32: the lowest two bits those of the first 32, and so on.
inline void split_pairs(const uint8_t* bytes, uint8_t* codes) {
#if defined(__AVX2__)
  const __m256i v = load_bytes(bytes);
  store_bytes(codes, bits_of<0>(v, 3));
  store_bytes(codes + 32, bits_of<2>(v, 3));
  store_bytes(codes + 64, bits_of<4>(v, 3));
  store_bytes(codes + 96, bits_of<6>(v, 3));
#else
  for (int shift = 0; shift < 8; shift += 2, codes += 32) {
    for (int i = 0; i < 32; i++) {
      codes[i] = (uint8_t)(bytes[i] >> shift & 3);
    }
  }
#endif
}

struct Q2_K : Type<10, 256, 84, 16, 0> {
  static constexpr bool has_biases = true, subtracts = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float* biases) {
    const float scale = read_half(block + 80), bias = read_half(block + 82);
    for (int i = 0; i < groups; i++) {
      scales[i] = scale * (float)(block[i] & 15);
      biases[i] = bias * (float)(block[i] >> 4);
    }
    split_pairs(block + 16, codes);
    split_pairs(block + 48, codes + 128);
  }
};

struct Q3_K : Type<11, 256, 110, 16, 4> {
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block + 108);
    uint32_t words[4];
    put_step_words(block, words);
    float numbers[16];
    bytes_to_floats(words, 32, numbers);
    for (int i = 0; i < groups; i++) {
      scales[i] = scale * numbers[i];
    }
#if defined(__AVX2__)
    const __m256i high_bits = load_bytes(block);
    put_codes<0>(block + 32, high_bits, codes);
    put_codes<4>(block + 64, high_bits, codes + 128);
#else
    split_pairs(block + 32, codes);
    split_pairs(block + 64, codes + 128);
    for (int bit = 0; bit < 8; bit++) {
      for (int i = 0; i < 32; i++) {
        codes[32 * bit + i] |= (uint8_t)((block[i] >> bit & 1) << 2);
      }
    }
#endif
  }

  static constexpr bool has_steps = true;
  static float common_scale(const uint8_t* block) {
    return read_half(block + 108);
  }
  // The steps, and 32, as bytes.
  static void put_step_words(const uint8_t* block, uint32_t (&words)[4]) {
    const auto a = read<uint32_t>(block + 96), b = read<uint32_t>(block + 100);
    const auto high = read<uint32_t>(block + 104);
    words[0] = (a & 0x0f0f0f0f) | (high << 4 & 0x30303030);
    words[1] = (b & 0x0f0f0f0f) | (high << 2 & 0x30303030);
    words[2] = (a >> 4 & 0x0f0f0f0f) | (high & 0x30303030);
    words[3] = (b >> 4 & 0x0f0f0f0f) | (high >> 2 & 0x30303030);
  }
#if defined(__AVX2__)
  static __m128i steps(const uint8_t* block) {
    uint32_t words[4];
    put_step_words(block, words);
    return _mm_sub_epi8(
        _mm_set_epi32((int)words[3], (int)words[2], (int)words[1], (int)words[0]),
        _mm_set1_epi8(32));
  }
#endif
  static int step(const uint8_t* block, int g) {
    const int low = block[96 + g % 8] >> 4 * (g / 8) & 15;
    return (low | (block[104 + g % 4] >> 2 * (g / 4) & 3) << 4) - 32;
  }

#if defined(__AVX2__)
  // Of half a block, whose third bits begin with the `bit`-th.
  template <int bit>
  static void put_codes(const uint8_t* bytes, __m256i high, uint8_t* codes) {
    const __m256i v = load_bytes(bytes);
    store_bytes(codes, _mm256_or_si256(bits_of<0>(v, 3), bits_of<bit - 2>(high, 4)));
    store_bytes(codes + 32, _mm256_or_si256(bits_of<2>(v, 3), bits_of<bit - 1>(high, 4)));
    store_bytes(codes + 64, _mm256_or_si256(bits_of<4>(v, 3), bits_of<bit>(high, 4)));
    store_bytes(codes + 96, _mm256_or_si256(bits_of<6>(v, 3), bits_of<bit + 1>(high, 4)));
  }
#endif
};

// Eight scales and eight mins of six bits, in 12 bytes, times those of the block.
inline void decode_k_scales(const uint8_t* block, float* scales, float* biases) {
  const float scale = read_half(block), bias = read_half(block + 2);
  const auto a = read<uint32_t>(block + 4), b = read<uint32_t>(block + 8);
  const auto rest = read<uint32_t>(block + 12);
  const uint32_t words[] = {
      a & 0x3f3f3f3f,
      (rest & 0x0f0f0f0f) | (a >> 2 & 0x30303030),
      b & 0x3f3f3f3f,
      (rest >> 4 & 0x0f0f0f0f) | (b >> 2 & 0x30303030),
  };
  float numbers[16];
  bytes_to_floats(words, 0, numbers);
  for (int i = 0; i < 8; i++) {
    scales[i] = scale * numbers[i];
    biases[i] = bias * numbers[8 + i];
  }
}

struct Q4_K : Type<12, 256, 144, 32, 0> {
  static constexpr bool has_biases = true, subtracts = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float* biases) {
    decode_k_scales(block, scales, biases);
    for (int i = 0; i < 4; i++) {
      split_nibbles<32>(block + 16 + 32 * i, codes + 64 * i);
    }
  }
};

struct Q5_K : Type<13, 256, 176, 32, 0> {
  static constexpr bool has_biases = true, subtracts = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float* biases) {
    decode_k_scales(block, scales, biases);
#if defined(__AVX2__)
    const __m256i high = load_bytes(block + 16);
    put_codes<0>(block + 48, high, codes);
    put_codes<2>(block + 80, high, codes + 64);
    put_codes<4>(block + 112, high, codes + 128);
    put_codes<6>(block + 144, high, codes + 192);
#else
    const uint8_t* const high = block + 16;
    for (int i = 0; i < 4; i++) {
      const uint8_t* const low = block + 48 + 32 * i;
      for (int j = 0; j < 32; j++) {
        codes[64 * i + j] = (uint8_t)((low[j] & 15) | (high[j] >> 2 * i & 1) << 4);
        codes[64 * i + 32 + j] = (uint8_t)(low[j] >> 4 | (high[j] >> (2 * i + 1) & 1) << 4);
      }
    }
#endif
  }

#if defined(__AVX2__)
  // Of a quarter of a block, whose fifth bits are the `bit`-th and the next.
  template <int bit>
  static void put_codes(const uint8_t* bytes, __m256i high, uint8_t* codes) {
    const __m256i v = load_bytes(bytes);
    store_bytes(codes, _mm256_or_si256(bits_of<0>(v, 15), bits_of<bit - 4>(high, 16)));
    store_bytes(codes + 32, _mm256_or_si256(bits_of<4>(v, 15), bits_of<bit - 3>(high, 16)));
  }
#endif
};

struct Q6_K : Type<14, 256, 210, 16, 32> {
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block + 208);
    for (int i = 0; i < groups; i++) {
      scales[i] = scale * (float)(std::int8_t)block[192 + i];
    }
    for (int half = 0; half < 2; half++, codes += 128) {
      const uint8_t* const low = block + 64 * half;
      const uint8_t* const high = block + 128 + 32 * half;
#if defined(__AVX2__)
      const __m256i first = load_bytes(low), second = load_bytes(low + 32);
      const __m256i v = load_bytes(high);
      store_bytes(codes, _mm256_or_si256(bits_of<0>(first, 15), bits_of<-4>(v, 48)));
      store_bytes(codes + 32, _mm256_or_si256(bits_of<0>(second, 15), bits_of<-2>(v, 48)));
      store_bytes(codes + 64, _mm256_or_si256(bits_of<4>(first, 15), bits_of<0>(v, 48)));
      store_bytes(codes + 96, _mm256_or_si256(bits_of<4>(second, 15), bits_of<2>(v, 48)));
#else
      for (int i = 0; i < 32; i++) {
        codes[i] = (uint8_t)((low[i] & 15) | (high[i] & 3) << 4);
        codes[32 + i] = (uint8_t)((low[32 + i] & 15) | (high[i] >> 2 & 3) << 4);
        codes[64 + i] = (uint8_t)(low[i] >> 4 | (high[i] >> 4 & 3) << 4);
        codes[96 + i] = (uint8_t)(low[32 + i] >> 4 | high[i] >> 6 << 4);
      }
#endif
    }
  }

  static constexpr bool has_steps = true;
  static float common_scale(const uint8_t* block) {
    return read_half(block + 208);
  }
  static int step(const uint8_t* block, int g) {
    return (std::int8_t)block[192 + g];
  }
#if defined(__AVX2__)
  static __m128i steps(const uint8_t* block) {
    return _mm_loadu_si128((const __m128i*)(block + 192));
  }
#endif
};

// A byte is a fraction of 256 whose digits to the base 3 are codes, the highest one first.
template <int digits, int count>
inline void split_thirds(const uint8_t* bytes, uint8_t* codes) {
  int power = 1;
  for (int digit = 0; digit < digits; digit++, power *= 3, codes += count) {
    for (int i = 0; i < count; i++) {
      codes[i] = (uint8_t)((uint8_t)(bytes[i] * power) * 3 >> 8);
    }
  }
}

struct TQ1_0 : Type<34, 256, 54, 32, 1> {
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block + 52);
    for (int i = 0; i < groups; i++) {
      scales[i] = scale;
    }
    split_thirds<5, 32>(block, codes);
    split_thirds<5, 16>(block + 32, codes + 160);
    split_thirds<4, 4>(block + 48, codes + 240);
  }
};

struct TQ2_0 : Type<35, 256, 66, 32, 1> {
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block + 64);
    for (int i = 0; i < groups; i++) {
      scales[i] = scale;
    }
    split_pairs(block, codes);
    split_pairs(block + 32, codes + 128);
  }
};

// Twice the numbers of four bits that "OCP Microscaling Formats" has (e2m1), and 12.
inline constexpr uint8_t fp4_codes[16] = {
    12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

struct MXFP4 : Type<39, 32, 17, 32, 12> {
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    // Half the power of two (e8m0), which is subnormal for 0 and 1.
    const uint32_t power = block[0];
    scales[0] = bits_to_float(power < 2 ? 0x00200000u << power : (power - 1) << 23);
    look_up_nibbles<16>(block + 1, fp4_codes, codes);
  }
};

// Halves of the floats of four exponent and three fraction bits (e4m3), whose sign is ignored. NaN
// is 0, but not with a sign.
struct HalvedSmallFloats {
  float values[256];

  constexpr HalvedSmallFloats() : values() {
    for (int bits = 0; bits < 256; bits++) {
      const int exponent = bits >> 3 & 15, fraction = bits & 7;
      float value = (float)(exponent == 0 ? fraction : 8 + fraction) * 0x1p-10f;
      for (int i = 1; i < exponent; i++) {
        value *= 2;
      }
      values[bits] = bits == 0x7f ? 0 : value;
    }
  }
};

inline constexpr HalvedSmallFloats halved_small_floats;

struct NVFP4 : Type<40, 64, 36, 16, 12> {
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    for (int i = 0; i < groups; i++) {
      scales[i] = halved_small_floats.values[block[i]];
    }
#if defined(__AVX2__)
    const __m128i entries = _mm_loadu_si128((const __m128i*)fp4_codes), mask = _mm_set1_epi8(15);
    for (int i = 0; i < groups; i += 2) {
      const __m128i v = _mm_loadu_si128((const __m128i*)(block + 4 + 8 * i));
      const __m128i low = _mm_shuffle_epi8(entries, _mm_and_si128(v, mask));
      const __m128i high = _mm_shuffle_epi8(entries, _mm_and_si128(_mm_srli_epi16(v, 4), mask));
      const __m256i both =
          _mm256_set_m128i(_mm_unpackhi_epi64(low, high), _mm_unpacklo_epi64(low, high));
      _mm256_storeu_si256((__m256i*)(codes + 16 * i), both);
    }
#else
    for (int i = 0; i < groups; i++) {
      look_up_nibbles<8>(block + 4 + 8 * i, fp4_codes, codes + 16 * i);
    }
#endif
  }
};

// The numbers that four bits stand for in IQ4, and 128.
inline constexpr uint8_t iq4_codes[16] = {
    1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

struct IQ4_NL : Type<20, 32, 18, 32, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    scales[0] = read_half(block);
    look_up_nibbles<16>(block + 2, iq4_codes, codes);
  }
};

struct IQ4_XS : Type<23, 256, 136, 32, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block);
    const auto high = read<uint16_t>(block + 2);
    for (int i = 0; i < groups; i++) {
      const int low = block[4 + i / 2] >> 4 * (i % 2) & 15;
      scales[i] = scale * (float)((low | (high >> 2 * i & 3) << 4) - 32);
      look_up_nibbles<16>(block + 8 + 16 * i, iq4_codes, codes + 32 * i);
    }
  }
};

// A weight of a group.
template <class T>
inline float weight(float scale, uint8_t code, float bias) {
  const float product = scale * (T::unit * (float)(code - T::offset));
  if constexpr (T::has_biases) {
    return T::subtracts ? product - bias : product + bias;
  }
  return product;
}

// What a group of weights adds to its codes' products with the scale.
template <class T>
inline float total_bias(float scale, float bias) {
  const float offset = scale * -(T::unit * (float)T::offset);
  if constexpr (T::has_biases) {
    return T::subtracts ? offset - bias : offset + bias;
  }
  return offset;
}

// Calls f with the type of a number, as a value of it; false if there is none.
template <class F>
inline bool with_type(int id, F f) {
  const auto try_types = [&]<class... T>(T...) { return ((T::id == id && (f(T()), true)) || ...); };
  return try_types(
      Q4_0(),
      Q4_1(),
      Q5_0(),
      Q5_1(),
      Q8_0(),
      Q8_1(),
      Q2_K(),
      Q3_K(),
      Q4_K(),
      Q5_K(),
      Q6_K(),
      Q8_K(),
      IQ2_XXS(),
      IQ2_XS(),
      IQ3_XXS(),
      IQ1_S(),
      IQ4_NL(),
      IQ3_S(),
      IQ2_S(),
      IQ4_XS(),
      IQ1_M(),
      TQ1_0(),
      TQ2_0(),
      MXFP4(),
      NVFP4(),
      Q1_0());
}

}  // namespace blocks
}  // namespace
