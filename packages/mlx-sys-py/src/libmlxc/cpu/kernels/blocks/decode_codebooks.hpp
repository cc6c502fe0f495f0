// Types whose codes are entries of codebooks, of eight or four numbers at a time.
#pragma once

#include "cpu/kernels/blocks/block_type.hpp"
#include "cpu/kernels/blocks/grids.hpp"

namespace {
namespace blocks {

// Bytes of 255 where bits are set.
inline uint64_t spread_bits(uint8_t bits) {
  const uint64_t each = bits * 0x0101010101010101u & 0x8040201008040201u;
  return (((each + 0x7f7f7f7f7f7f7f7fu) >> 7) & 0x0101010101010101u) * 255;
}

// Magnitudes, which are not 0, and 128, or 128 less magnitudes where the bits of `signs` are set.
inline void put_signed(uint64_t magnitudes, uint8_t signs, uint8_t* codes) {
  const uint64_t negative = spread_bits(signs);
  const uint64_t result =
      ((magnitudes + 0x7f7f7f7f7f7f7f7fu) ^ negative) + (~negative & 0x0101010101010101u);
  std::memcpy(codes, &result, sizeof result);
}

// Seven signs of eight: an even number of all of them are set.
inline uint8_t even_signs(uint32_t bits) {
  const uint32_t seven = bits & 127;
  return (uint8_t)(seven | (uint32_t)__builtin_parity(seven) << 7);
}

struct IQ2_XXS : Type<16, 256, 66, 32, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block);
    for (int i = 0; i < groups; i++) {
      const uint8_t* const indices = block + 2 + 8 * i;
      const auto rest = read<uint32_t>(indices + 4);
      scales[i] = scale * (0.5f + (float)(rest >> 28)) * 0.25f;
      for (int j = 0; j < 4; j++, codes += 8) {
        put_signed(
            mlx_c::cpu::grids::iq2_xxs.entries[indices[j]], even_signs(rest >> 7 * j), codes);
      }
    }
  }
};

struct IQ2_XS : Type<17, 256, 74, 16, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block);
    for (int i = 0; i < groups; i++) {
      const int step = block[66 + i / 2] >> 4 * (i % 2) & 15;
      scales[i] = scale * (0.5f + (float)step) * 0.25f;
    }
    for (int i = 0; i < 32; i++, codes += 8) {
      const auto entry = read<uint16_t>(block + 2 + 2 * i);
      put_signed(mlx_c::cpu::grids::iq2_xs.entries[entry & 511], even_signs(entry >> 9), codes);
    }
  }

  static constexpr bool has_steps = true;
  static float common_scale(const uint8_t* block) {
    return read_half(block) * 0.125f;
  }
  static int step(const uint8_t* block, int g) {
    return 1 + 2 * (block[66 + g / 2] >> 4 * (g % 2) & 15);
  }
};

struct IQ2_S : Type<22, 256, 82, 16, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block);
    for (int i = 0; i < groups; i++) {
      const int step = block[74 + i / 2] >> 4 * (i % 2) & 15;
      scales[i] = scale * (0.5f + (float)step) * 0.25f;
    }
    for (int i = 0; i < 32; i++, codes += 8) {
      const int index = block[2 + i] | (block[66 + i / 4] >> 2 * (i % 4) & 3) << 8;
      put_signed(mlx_c::cpu::grids::iq2_s.entries[index], block[34 + i], codes);
    }
  }

  static constexpr bool has_steps = true;
  static float common_scale(const uint8_t* block) {
    return read_half(block) * 0.125f;
  }
  static int step(const uint8_t* block, int g) {
    return 1 + 2 * (block[74 + g / 2] >> 4 * (g % 2) & 15);
  }
};

template <int count>
inline uint64_t two_entries(
    const mlx_c::cpu::grids::Grid<uint32_t, count>& grid, int first, int second) {
  return grid.entries[first] | (uint64_t)grid.entries[second] << 32;
}

struct IQ3_XXS : Type<18, 256, 98, 32, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block);
    for (int i = 0; i < groups; i++) {
      const uint8_t* const indices = block + 2 + 8 * i;
      const auto rest = read<uint32_t>(block + 66 + 4 * i);
      scales[i] = scale * (0.5f + (float)(rest >> 28)) * 0.5f;
      for (int j = 0; j < 4; j++, codes += 8) {
        put_signed(
            two_entries(mlx_c::cpu::grids::iq3_xxs, indices[2 * j], indices[2 * j + 1]),
            even_signs(rest >> 7 * j),
            codes);
      }
    }
  }
};

struct IQ3_S : Type<21, 256, 110, 32, 128> {
  static constexpr bool is_wide = true;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block);
    for (int i = 0; i < groups; i++) {
      const int step = block[106 + i / 2] >> 4 * (i % 2) & 15;
      scales[i] = scale * (float)(1 + 2 * step);
    }
    for (int i = 0; i < 32; i++, codes += 8) {
      const auto index = [&](int at) {
        return block[2 + at] | (block[66 + at / 8] >> at % 8 & 1) << 8;
      };
      put_signed(
          two_entries(mlx_c::cpu::grids::iq3_s, index(2 * i), index(2 * i + 1)),
          block[74 + i],
          codes);
    }
  }
};

// Numbers -1, 0 and 1, each an eighth more or less.
inline void put_thirds(int index, bool less, uint8_t* codes) {
  const uint64_t result =
      mlx_c::cpu::grids::iq1_s.entries[index] + (less ? 0 : 0x0202020202020202u);
  std::memcpy(codes, &result, sizeof result);
}

struct IQ1_S : Type<19, 256, 50, 32, 9> {
  static constexpr float unit = 0.125f;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    const float scale = read_half(block);
    for (int i = 0; i < groups; i++) {
      const int high = read<uint16_t>(block + 34 + 2 * i);
      scales[i] = scale * (float)(2 * (high >> 12 & 7) + 1);
      for (int j = 0; j < 4; j++, codes += 8) {
        put_thirds(block[2 + 4 * i + j] | (high >> 3 * j & 7) << 8, (high & 0x8000) != 0, codes);
      }
    }
  }
};

struct IQ1_M : Type<29, 256, 56, 16, 9> {
  static constexpr float unit = 0.125f;
  static void decode(const uint8_t* block, uint8_t* codes, float* scales, float*) {
    uint16_t words[4];
    std::memcpy(words, block + 48, sizeof words);
    // Four bits of the scale are in each.
    const int bits =
        words[0] >> 12 | (words[1] >> 8 & 0xf0) | (words[2] >> 4 & 0xf00) | (words[3] & 0xf000);
    const float scale = widen(Half{(uint16_t)bits});
    for (int i = 0; i < groups; i++) {
      scales[i] = scale * (float)(2 * (words[i / 4] >> 3 * (i % 4) & 7) + 1);
    }
    for (int i = 0; i < 32; i++, codes += 8) {
      const int high = block[32 + i / 2] >> 4 * (i % 2);
      put_thirds(block[i] | (high & 7) << 8, (high & 8) != 0, codes);
    }
  }
};

}  // namespace blocks
}  // namespace
