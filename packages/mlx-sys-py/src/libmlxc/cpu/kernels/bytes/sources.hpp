// Quantized weights as codes of eight bits with scales and biases, part by part.
//
// A weight is scale * code + bias. Codes that need all eight bits are signed: sums of two products
// of bytes would not fit into 16 bits otherwise.
#pragma once

#include "cpu/kernels/blocks/decode.hpp"
#include "cpu/kernels/bytes/pack.hpp"

namespace {
namespace bytes {

// What 256 codes of a row are unpacked to. Of parts with fewer, what is behind them is not set.
struct Part {
  alignas(64) std::uint8_t codes[part];
  // Of groups of 32 or of 16.
  alignas(64) float scales[part / 16];
  alignas(64) float biases[part / 16];
  // Of weights whose scales are integers times one of the part.
  alignas(64) std::int16_t steps[part / 16];
  float common_scale;
};

// The largest code, where it is less than what six bits hold.
template <class T>
constexpr int largest_code = T::is_wide ? 255 : 63;
template <>
constexpr int largest_code<blocks::Q4_0> = 15;
template <>
constexpr int largest_code<blocks::Q4_1> = 15;
template <>
constexpr int largest_code<blocks::Q4_K> = 15;
template <>
constexpr int largest_code<blocks::Q2_K> = 15;
template <>
constexpr int largest_code<blocks::Q3_K> = 15;
template <>
constexpr int largest_code<blocks::Q5_0> = 31;
template <>
constexpr int largest_code<blocks::Q5_1> = 31;
template <>
constexpr int largest_code<blocks::Q5_K> = 31;

// The numbers in half precision that begin eight blocks.
template <int nbytes>
inline vfloat8 gather_halves(const std::uint8_t* block) {
  __m128i halves = _mm_setzero_si128();
  const auto put = [&]<int... i>(std::integer_sequence<int, i...>) {
    ((halves = _mm_insert_epi16(halves, blocks::read<std::int16_t>(block + i * nbytes), i)), ...);
  };
  put(std::make_integer_sequence<int, 8>());
  return (vfloat8)_mm256_cvtph_ps(halves);
}

// Of GGUF.
template <class T>
struct Blocks {
  static constexpr int group = T::group;
  static constexpr bool is_signed = T::is_wide;
  static constexpr int largest = largest_code<T>;
  static constexpr bool has_biases = T::has_biases || T::offset != (is_signed ? 128 : 0);

  static constexpr bool has_steps = requires { &T::steps; };
  static constexpr bool may_have_rests = T::size == group_size;
  static constexpr int part_bytes = part / T::size * T::nbytes;

  std::ptrdiff_t row_bytes;
  const std::uint8_t* w;

  explicit Blocks(const ByteGemm& p)
      : row_bytes((std::ptrdiff_t)p.k / T::size * T::nbytes), w(p.w) {}

  const std::uint8_t* codes_of(int row, int first) const {
    return w + row * row_bytes + (std::ptrdiff_t)first * part_bytes;
  }

  // `count` is how many codes there are from the `first`-th part on: for speed a constant, if all.
  inline __attribute__((always_inline)) void decode(int row, int first, int count, Part& to) const {
    const std::uint8_t* block = codes_of(row, first);
    float own[part / T::group];
#pragma GCC unroll 8
    for (int i = 0; i < count / T::size; i++) {
      decode_block(
          block + i * T::nbytes,
          to.codes + i * T::size,
          to.scales + i * T::groups,
          own + i * T::groups);
    }
    if (T::groups == 1 && count == part) {
      // Eight numbers that are stored one by one could not be loaded as a vector yet.
      const vfloat8 scales = gather_halves<T::nbytes>(block);
      std::memcpy(to.scales, &scales, sizeof scales);
      if constexpr (T::has_biases) {
        const vfloat8 biases = gather_halves<T::nbytes>(block + 2);
        std::memcpy(own, &biases, sizeof biases);
      }
    }
    if constexpr (has_steps) {
      put_steps(block, to);
    }
    for (int g = 0; g < part / T::group; g += 8) {
      const auto scales = load_raw<vfloat8>(to.scales + g);
      if constexpr (has_biases) {
        const vfloat8 biases =
            biases_of(scales, T::has_biases ? load_raw<vfloat8>(own + g) : scales);
        std::memcpy(to.biases + g, &biases, sizeof biases);
      }
      if constexpr (T::unit != 1) {
        const vfloat8 units = scales * T::unit;
        std::memcpy(to.scales + g, &units, sizeof units);
      }
    }
  }

  // Of groups with these scales, and biases of the file, which not all types have.
  template <class V>
  static inline V biases_of(V scales, V others) {
    V biases = scales * -(T::unit * (float)T::offset);
    if constexpr (T::has_biases) {
      biases += T::subtracts ? -others : others;
    }
    if constexpr (is_signed) {
      biases += scales * (128 * T::unit);
    }
    return biases;
  }

  // The group that is the `block`-th of a row, where blocks are groups.
  inline __attribute__((always_inline)) void decode_group(
      int row, int block, std::uint8_t* codes, float& scale, float& bias) const {
    float own = 0;
    decode_block(w + row * row_bytes + (std::ptrdiff_t)block * T::nbytes, codes, &scale, &own);
    bias = biases_of(scale, own);
    scale *= T::unit;
  }

  static inline __attribute__((always_inline)) void put_steps(const std::uint8_t* block, Part& to) {
    to.common_scale = T::common_scale(block);
    const __m256i steps = _mm256_cvtepi8_epi16(T::steps(block));
    std::memcpy(to.steps, &steps, sizeof steps);
    const __m256i halves[] = {
        _mm256_cvtepi16_epi32(_mm256_castsi256_si128(steps)),
        _mm256_cvtepi16_epi32(_mm256_extracti128_si256(steps, 1))};
    for (int i = 0; i < 2; i++) {
      const vfloat8 scales = (vfloat8)_mm256_cvtepi32_ps(halves[i]) * to.common_scale;
      std::memcpy(to.scales + 8 * i, &scales, sizeof scales);
    }
  }

  static inline __attribute__((always_inline)) void decode_block(
      const std::uint8_t* block, std::uint8_t* codes, float* scales, float* biases) {
    if constexpr (std::is_same_v<T, blocks::Q8_0> && is_signed) {
      scales[0] = blocks::read_half(block);
      const auto v = load_raw<Vec<std::uint8_t, T::size>>(block + 2);
      std::memcpy(codes, &v, sizeof v);
      return;
    }
    T::decode(block, codes, scales, biases);
    if constexpr (is_signed) {
#pragma GCC unroll 8
      for (int i = 0; i < T::size; i += group_size) {
        using V = Vec<std::uint8_t, group_size>;
        const V v = load_raw<V>(codes + i) ^ 128;
        std::memcpy(codes + i, &v, sizeof v);
      }
    }
  }
};

// Of MLX.
template <int bits>
struct Affine {
  static constexpr int group = group_size;
  static constexpr bool is_signed = bits == 8;
  static constexpr int largest = (1 << bits) - 1;
  static constexpr bool has_biases = true, has_steps = false, may_have_rests = true;
  static constexpr int part_bytes = part * bits / 8;

  const ByteGemm& p;
  std::ptrdiff_t row_bytes;
  int row_scales, share;
  Vec<std::int32_t, 8> lane;

  explicit Affine(const ByteGemm& product)
      : p(product),
        row_bytes((std::ptrdiff_t)p.k * bits / 8),
        row_scales(p.k / p.group),
        share(p.group / group_size) {
    for (int i = 0; i < 8; i++) {
      lane[i] = i / share;
    }
  }

  const std::uint8_t* codes_of(int row, int first) const {
    return p.w + row * row_bytes + (std::ptrdiff_t)first * part_bytes;
  }

  // One for each 32 codes.
  inline vfloat8 spread(const void* from, ElementType type, std::size_t at, int groups) const {
    const void* const source = advance(from, type, at);
    const int count = groups / share;
    vfloat8 own = {};
    if (type == ElementType::f16) {
      __m128i halves = _mm_setzero_si128();
      switch (count) {
        case 8:
          halves = _mm_loadu_si128((const __m128i*)source);
          break;
        case 4:
          halves = _mm_loadl_epi64((const __m128i*)source);
          break;
        case 2:
          halves = _mm_cvtsi32_si128(blocks::read<std::int32_t>((const std::uint8_t*)source));
          break;
        default:
          std::memcpy(&halves, source, 2 * (std::size_t)count);
      }
      own = (vfloat8)_mm256_cvtph_ps(halves);
    } else {
      float floats[part_groups] = {};
      widen(source, type, floats, (std::size_t)count);
      own = load_raw<vfloat8>(floats);
    }
    return share == 1 ? own : (vfloat8)_mm256_permutevar8x32_ps((__m256)own, (__m256i)lane);
  }

  static inline float number_at(const void* from, ElementType type, std::size_t at) {
    const void* const source = advance(from, type, at);
    if (type == ElementType::f16) {
      return blocks::read_half((const std::uint8_t*)source);
    }
    float number;
    widen(source, type, &number, 1);
    return number;
  }

  inline __attribute__((always_inline)) void decode_group(
      int row, int group, std::uint8_t* codes, float& scale, float& bias) const {
    const std::size_t at = (std::size_t)row * row_scales + group / share;
    scale = number_at(p.scales, p.scales_type, at);
    bias = number_at(p.biases, p.biases_type, at);
    if constexpr (is_signed) {
      bias += 128 * scale;
    }
    put_codes(codes_of(row, 0) + (std::ptrdiff_t)group * group_size * bits / 8, codes);
  }

  static inline __attribute__((always_inline)) void put_codes(
      const std::uint8_t* w, std::uint8_t* codes) {
    if constexpr (bits == 4) {
      blocks::split_nibbles<group_size / 2>(w, codes);
    } else {
      using V = Vec<std::uint8_t, group_size>;
      const V v = load_raw<V>(w) ^ (std::uint8_t)(is_signed ? 128 : 0);
      std::memcpy(codes, &v, sizeof v);
    }
  }

  inline __attribute__((always_inline)) void decode(int row, int first, int count, Part& to) const {
    const std::uint8_t* const w = codes_of(row, first);
    const int groups = count / group_size;
    // Groups of 128 may go beyond the end of a last part of 64 codes, but none does: they divide k.
    const std::size_t at = (std::size_t)row * row_scales + first * part_groups / share;
    const vfloat8 scales = spread(p.scales, p.scales_type, at, groups);
    vfloat8 biases = spread(p.biases, p.biases_type, at, groups);
    if constexpr (is_signed) {
      biases += 128 * scales;
    }
    std::memcpy(to.scales, &scales, sizeof scales);
    std::memcpy(to.biases, &biases, sizeof biases);
#pragma GCC unroll 8
    for (int g = 0; g < groups; g++) {
      put_codes(w + g * group_size * bits / 8, to.codes + g * group_size);
    }
  }
};

// The same for any part.
template <class Source>
inline void unpack(const Source& w, int row, int first, int count, Part& to) {
  if (count == part) {
    w.decode(row, first, part, to);
  } else {
    w.decode(row, first, count, to);
  }
}

// Calls f with the weights of p; false if there is no kernel for them.
template <class F>
inline bool with_weights(const ByteGemm& p, F f) {
  if (p.type != ByteGemm::affine) {
    const auto try_types = [&]<class... T>(T...) {
      return ((T::id == p.type && (f(Blocks<T>(p)), true)) || ...);
    };
    return try_types(
        blocks::Q4_0(),
        blocks::Q4_1(),
        blocks::Q5_0(),
        blocks::Q5_1(),
        blocks::Q8_0(),
        blocks::Q2_K(),
        blocks::Q3_K(),
        blocks::Q4_K(),
        blocks::Q5_K(),
        blocks::Q6_K(),
        blocks::IQ4_NL(),
        blocks::IQ4_XS());
  }
  if (p.group != 32 && p.group != 64 && p.group != 128) {
    return false;
  }
  if (p.bits == 4) {
    f(Affine<4>(p));
    return true;
  }
  if (p.bits == 8) {
    f(Affine<8>(p));
    return true;
  }
  return false;
}

}  // namespace bytes
}  // namespace
