// Rows of x as integers of eight bits.
//
// Each 32 numbers, a group, become integers of -127 to 127 and a scale, the magnitude of the
// largest over 127. A packed row is all integers, then the scales of groups, then the sums of
// groups and of their halves, in floats: scale * sum(integers).
#pragma once

#include "cpu/kernels/bytes/table.hpp"
#include "cpu/kernels/simd/convert.hpp"

namespace {
namespace bytes {

using mlx_c::cpu::ByteGemm;
using mlx_c::cpu::Range;

constexpr int group_size = 32;
// Codes of a row that are unpacked at a time, and their groups.
constexpr int part = 256, part_groups = part / group_size;

inline int padded(int size, int multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

// Where what is in a packed row lies, in bytes.
struct Layout {
  int groups;  // as many as whole parts have; behind those of x are zeros
  std::ptrdiff_t scales, sums, half_sums, size;

  explicit Layout(int k) : groups(padded(k, part) / group_size) {
    scales = (std::ptrdiff_t)groups * group_size;
    sums = scales + groups * 4;
    half_sums = sums + groups * 4;
    size = half_sums + groups * 8;
  }
};

// A packed row.
struct Row {
  const std::int8_t* integers;
  const float *scales, *sums, *half_sums;

  Row() = default;
  Row(const Layout& layout, const std::uint8_t* packed)
      : integers((const std::int8_t*)packed),
        scales((const float*)(packed + layout.scales)),
        sums((const float*)(packed + layout.sums)),
        half_sums((const float*)(packed + layout.half_sums)) {}

  // From the k-th number on, which begins a group.
  Row from(int k) const {
    Row rest = *this;
    rest.integers += k;
    rest.scales += k / group_size;
    rest.sums += k / group_size;
    rest.half_sums += 2 * (k / group_size);
    return rest;
  }
};

// Numbers beyond this are left to the exact products, lest sums be infinite.
constexpr float max_number = 0x1p60f;
// A group of smaller ones is zeros: their scale would not be a normal number.
constexpr float min_number = 0x1p-100f;

// 32 integers as bytes. Order 1 has the even ones before the odd ones, as the halves of 16 bytes
// are unpacked.
inline __m256i narrow_integers(const std::int32_t* integers, int order) {
  const auto at = [&](int i) { return _mm256_loadu_si256((const __m256i*)(integers + 8 * i)); };
  const __m256i words[] = {_mm256_packs_epi32(at(0), at(1)), _mm256_packs_epi32(at(2), at(3))};
  const __m256i mixed = _mm256_packs_epi16(words[0], words[1]);
  const __m256i bytes =
      _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  if (order == 0) {
    return bytes;
  }
  const __m256i apart = _mm256_shuffle_epi8(
      bytes,
      _mm256_broadcastsi128_si256(
          _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15)));
  return _mm256_permute4x64_epi64(apart, 0xd8);
}

// Returns whether the numbers fit.
inline bool pack_group(const float* x, int order, int group, const Layout& at, uint8_t* packed) {
  constexpr int vectors = group_size / lanes;
  vfloat v[vectors], size = {}, not_finite = {};
  for (int i = 0; i < vectors; i++) {
    v[i] = load(x + i * lanes);
    size = max(magnitude(v[i]), size);
    not_finite += v[i] - v[i];
  }
  const float largest = max_lane(size);
  if (!(sum(not_finite) == 0) || largest > max_number) {
    return false;
  }
  const bool is_zero = largest < min_number;
  const float scale = is_zero ? 0 : largest / 127, inverse = is_zero ? 0 : 127 / largest;
  std::int32_t integers[group_size];
  for (int i = 0; i < vectors; i++) {
    // Adding 1.5 * 2^23 rounds to the nearest integer, which is then in the lowest bits.
    constexpr float rounder = 0x1.8p23f;
    const vint rounded = (vint)(v[i] * inverse + rounder) - (vint)splat(rounder);
    std::memcpy(integers + i * lanes, &rounded, sizeof rounded);
  }
  const __m256i bytes = narrow_integers(integers, order);
  _mm256_storeu_si256((__m256i*)(packed + group * group_size), bytes);
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
  const auto quads = (Vec<std::int32_t, 8>)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  const int sums[] = {
      quads[0] + quads[1] + quads[2] + quads[3], quads[4] + quads[5] + quads[6] + quads[7]};
  ((float*)(packed + at.scales))[group] = scale;
  ((float*)(packed + at.sums))[group] = scale * (float)(sums[0] + sums[1]);
  for (int half = 0; half < 2; half++) {
    ((float*)(packed + at.half_sums))[2 * group + half] = scale * (float)sums[half];
  }
  return true;
}

inline int order_of(const ByteGemm& p) {
  return p.type == ByteGemm::affine && p.bits == 4 ? 1 : 0;
}

inline std::size_t row_size(const ByteGemm& p) {
  return (std::size_t)Layout(p.k).size;
}

inline bool pack_x(const ByteGemm& p, Range rows, std::uint8_t* packed) {
  const Layout layout(p.k);
  const int order = order_of(p);
  bool fits = true;
  packed += (std::size_t)rows.begin * layout.size;
  for (int m = rows.begin; m < rows.end; m++, packed += layout.size) {
    const void* const source = advance(p.x, p.x_type, (std::size_t)m * p.k);
    std::memset(packed + p.k / part * part, 0, (std::size_t)(layout.scales - p.k / part * part));
    std::memset(packed + layout.scales, 0, (std::size_t)(layout.size - layout.scales));
    for (int i = 0; i < p.k; i += group_size) {
      float x[group_size];
      widen(advance(source, p.x_type, (std::size_t)i), p.x_type, x, group_size);
      fits &= pack_group(x, order, i / group_size, layout, packed);
    }
  }
  return fits;
}

}  // namespace bytes
}  // namespace
