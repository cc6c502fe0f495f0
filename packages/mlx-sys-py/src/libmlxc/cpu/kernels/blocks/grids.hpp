// The codebooks of GGUF's IQ types. An entry is eight bytes, or four, the first in the lowest bits.
#pragma once

#include <cstdint>

namespace mlx_c::cpu::grids {

template <class T, int count>
struct Grid {
  T entries[count];
};

// Magnitudes.
extern const Grid<std::uint64_t, 256> iq2_xxs;
extern const Grid<std::uint64_t, 512> iq2_xs;
extern const Grid<std::uint64_t, 1024> iq2_s;
extern const Grid<std::uint32_t, 256> iq3_xxs;
extern const Grid<std::uint32_t, 512> iq3_s;

// 8 (n + 1) for the numbers n, which are -1, 0 and 1.
extern const Grid<std::uint64_t, 2048> iq1_s;

}  // namespace mlx_c::cpu::grids
