#include "cpu/kernels/random/threefry.hpp"

#include "cpu/kernels/simd/vector.hpp"

namespace {

template <class V>
inline V rotated(V x, int bits) {
  return x << bits | x >> (32 - bits);
}

template <class V>
inline void four_rounds(V& x, V& y, int a, int b, int c, int d) {
  x += y, y = rotated(y, a) ^ x;
  x += y, y = rotated(y, b) ^ x;
  x += y, y = rotated(y, c) ^ x;
  x += y, y = rotated(y, d) ^ x;
}

// Threefry of 2 × 32 bits and 20 rounds: encrypts the counters x and y.
template <class V>
inline void encrypt(const std::uint32_t* key, V& x, V& y) {
  const std::uint32_t keys[] = {key[0], key[1], 0x1bd11bda ^ key[0] ^ key[1]};
  x += keys[0];
  y += keys[1];
#pragma GCC unroll 5
  for (int i = 0; i < 5; i++) {
    if (i % 2 == 0) {
      four_rounds(x, y, 13, 15, 26, 6);
    }
    if (i % 2 == 1) {
      four_rounds(x, y, 17, 29, 16, 24);
    }
    x += keys[(i + 1) % 3];
    y += keys[(i + 2) % 3] + i + 1;
  }
}

}  // namespace

namespace mlx_c::cpu::MLX_C_ISA {

void threefry(
    const std::uint32_t* key,
    std::uint32_t x,
    std::uint32_t y,
    std::size_t count,
    std::uint32_t* first,
    std::uint32_t* second) {
  vuint steps;
  for (int i = 0; i < lanes; i++) {
    steps[i] = i;
  }
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    vuint a = steps + (x + (std::uint32_t)i), b = steps + (y + (std::uint32_t)i);
    encrypt(key, a, b);
    std::memcpy(first + i, &a, sizeof a);
    std::memcpy(second + i, &b, sizeof b);
  }
  for (; i < count; i++) {
    std::uint32_t a = x + (std::uint32_t)i, b = y + (std::uint32_t)i;
    encrypt(key, a, b);
    first[i] = a;
    second[i] = b;
  }
}

}  // namespace mlx_c::cpu::MLX_C_ISA
