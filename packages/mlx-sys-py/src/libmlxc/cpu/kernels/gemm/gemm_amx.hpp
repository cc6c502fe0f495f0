// GEMM of bfloat16 in the tile registers of Intel AMX.
//
// A tile is 16 rows of 64 bytes: of y, 16 floats; of b, the pairs of 16 columns, as a panel has
// them; of a, 16 pairs along k, as memory has them where rows are contiguous. Four tiles of y stay
// in registers while two of a are multiplied with two of b.
#pragma once

#include "cpu/kernels/gemm/gemm_blocked.hpp"

namespace {
namespace gemm {

#if defined(__AVX512BF16__)

struct BFloat16Tiles : BFloat16Pair {};

constexpr int tile_side = 16, tiles_side = 2 * tile_side;
static_assert(panel_width<float> == tiles_side && block_steps % tile_side == 0);

// The tile configuration of a thread.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

inline int padded_steps(int items) {
  return ceil_div(BFloat16Tiles::steps(items), tile_side) * tile_side;
}

// Packs rows of a one after the other, with zeros behind their end and in place of missing rows.
// `available` rows can be read.
void pack_rows_of_a(const Operand& a, Range rows, Range depth, int available, float* target) {
  const auto* source = items<BFloat16Tiles>(a.data) + rows.begin * a.row + depth.begin * a.column;
  const int size = depth.end - depth.begin, steps = padded_steps(size);
  const int count = rows.end - rows.begin;
  std::memset(target, 0, sizeof(float) * tiles_side * (std::size_t)steps);
  if (a.column == 1) {
    for (int i = 0; i < count; i++) {
      std::memcpy(target + i * steps, source + i * a.row, sizeof(*source) * (std::size_t)size);
    }
    return;
  }
  for (int i = 0; i < count; i += tile_side) {
    const bool whole = a.row == 1 && i + tile_side <= available;
    for (int p = 0; BFloat16Tiles::items(p) < size; p += tile_side) {
      const auto* at = source + i * a.row + BFloat16Tiles::items(p) * a.column;
      const int left = size - BFloat16Tiles::items(p);
      float* const corner = target + i * steps + p;
      if (whole) {
        vfloat square[tile_side];
#pragma GCC unroll 16
        for (int s = 0; s < tile_side; s++) {
          square[s] = 2 * s < left
              ? BFloat16Tiles::across(at + 2 * s * a.column, a.column, left - 2 * s)
              : vfloat{};
        }
        transpose(square);
        for (int r = 0; r < tile_side; r++) {
          store(corner + r * steps, square[r]);
        }
      } else {
        for (int r = 0; r < min(tile_side, count - i); r++) {
          for (int s = 0; s < tile_side && 2 * s < left; s++) {
            corner[r * steps + s] =
                BFloat16Tiles::get(at + r * a.row + 2 * s * a.column, a.column, left - 2 * s);
          }
        }
      }
    }
  }
}

#define MLX_C_TILES __attribute__((target("amx-tile,amx-bf16")))

// Computes the tiles of y from rows of a, which are `a_row` bytes apart, and a panel of b.
MLX_C_TILES void multiply_tiles(
    int steps,
    const void* a,
    std::ptrdiff_t a_row,
    const float* b,
    float* y,
    std::ptrdiff_t y_row,
    bool add) {
  const char *upper = static_cast<const char*>(a), *lower = upper + tile_side * a_row;
  float* const second = y + tile_side * y_row;
  const std::ptrdiff_t b_row = sizeof(float) * tiles_side;
  y_row *= sizeof(float);
  // The intrinsics do not say that they read memory.
  asm volatile("" ::: "memory");
  if (add) {
    _tile_loadd(0, y, y_row);
    _tile_loadd(1, y + tile_side, y_row);
    _tile_loadd(2, second, y_row);
    _tile_loadd(3, second + tile_side, y_row);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int p = 0; p < steps; p += tile_side) {
    _tile_loadd(6, b, b_row);
    _tile_loadd(7, b + tile_side, b_row);
    _tile_loadd(4, upper, a_row);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, lower, a_row);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    upper += sizeof(float) * tile_side;
    lower += sizeof(float) * tile_side;
    b += tile_side * tiles_side;
  }
  _tile_stored(0, y, y_row);
  _tile_stored(1, y + tile_side, y_row);
  _tile_stored(2, second, y_row);
  _tile_stored(3, second + tile_side, y_row);
  asm volatile("" ::: "memory");
}

template <>
std::size_t blocked_scratch<BFloat16Tiles, float>(const Gemm& p, int most_columns) {
  const int steps = min(padded_steps(p.k), block_steps);
  const int columns = ceil_div(most_columns, tiles_side) * tiles_side;
  return (std::size_t)steps * (columns + tiles_side) + tiles_side * tiles_side;
}

template <>
MLX_C_TILES void multiply_blocked<BFloat16Tiles, float>(
    const Gemm& p, Range columns, float* y, std::ptrdiff_t y_row, float* scratch) {
  TileConfig config;
  for (int i = 0; i < 8; i++) {
    config.rows[i] = tile_side;
    config.row_bytes[i] = sizeof(float) * tile_side;
  }
  _tile_loadconfig(&config);
  const int n = columns.end - columns.begin;
  float* const some = scratch;
  float* const panels = some + tiles_side * tiles_side;
  for (int k = 0; k < p.k; k += BFloat16Tiles::items(block_steps)) {
    const Range depth{k, min(k + BFloat16Tiles::items(block_steps), p.k)};
    const int size = depth.end - depth.begin, steps = padded_steps(size);
    for (int j = 0; j < n; j += tiles_side) {
      const int begin = columns.begin + j;
      const Range panel{begin, min(begin + tiles_side, columns.end)};
      float* const target = panels + (std::ptrdiff_t)j * steps;
      pack_b<BFloat16Tiles>(p.b, depth, panel, p.n - begin, tiles_side, target);
      const int packed = BFloat16Tiles::steps(size);
      std::memset(target + packed * tiles_side, 0, sizeof(float) * tiles_side * (steps - packed));
    }
    float* const packed_a = panels + (std::ptrdiff_t)ceil_div(n, tiles_side) * tiles_side * steps;
    for (int i = 0; i < p.m; i += tiles_side) {
      const int count = min(tiles_side, p.m - i);
      const void* a = items<BFloat16Tiles>(p.a.data) + i * p.a.row + k * p.a.column;
      std::ptrdiff_t a_row = sizeof(BFloat16Tiles::Item) * p.a.row;
      if (p.a.column != 1 || count < tiles_side || size != BFloat16Tiles::items(steps)) {
        pack_rows_of_a(p.a, {i, i + count}, depth, p.m - i, packed_a);
        a = packed_a;
        a_row = sizeof(float) * steps;
      }
      for (int j = 0; j < n; j += tiles_side) {
        const int left = min(n - j, tiles_side);
        const float* const b = panels + (std::ptrdiff_t)j * steps;
        float* const target = y + i * y_row + j;
        if (count == tiles_side && left == tiles_side) {
          multiply_tiles(steps, a, a_row, b, target, y_row, k > 0);
        } else {
          multiply_tiles(steps, a, a_row, b, some, tiles_side, false);
          put_some(some, tiles_side, count, target, y_row, left, k > 0);
        }
      }
    }
  }
  _tile_release();
}

#undef MLX_C_TILES

#endif

}  // namespace gemm
}  // namespace
