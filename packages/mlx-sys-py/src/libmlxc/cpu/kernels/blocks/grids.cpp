#include "cpu/kernels/blocks/grids.hpp"

#include "cpu/kernels/blocks/grid_indices.hpp"

namespace mlx_c::cpu::grids {

namespace {

// The entries whose bytes have an index of `bits` bits each among `bytes`.
template <class T, int count, int size>
constexpr Grid<T, count> make_grid(
    const std::uint16_t (&indices)[count], int bits, const std::uint8_t (&bytes)[size]) {
  Grid<T, count> grid{};
  for (int i = 0; i < count; i++) {
    for (unsigned byte = 0; byte < sizeof(T); byte++) {
      const unsigned index = indices[i] >> bits * byte & ((1u << bits) - 1);
      grid.entries[i] |= static_cast<T>(bytes[index]) << 8 * byte;
    }
  }
  return grid;
}

constexpr std::uint8_t three[] = {8, 25, 43};
constexpr std::uint8_t eight_apart[] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr std::uint8_t odd[] = {1, 3, 5, 7, 9, 11, 13, 15};
constexpr std::uint8_t steps[] = {0, 8, 16};

}  // namespace

constexpr Grid<std::uint64_t, 256> iq2_xxs = make_grid<std::uint64_t>(iq2_xxs_indices, 2, three);
constexpr Grid<std::uint64_t, 512> iq2_xs = make_grid<std::uint64_t>(iq2_xs_indices, 2, three);
constexpr Grid<std::uint64_t, 1024> iq2_s = make_grid<std::uint64_t>(iq2_s_indices, 2, three);
constexpr Grid<std::uint32_t, 256> iq3_xxs =
    make_grid<std::uint32_t>(iq3_xxs_indices, 4, eight_apart);
constexpr Grid<std::uint32_t, 512> iq3_s = make_grid<std::uint32_t>(iq3_s_indices, 4, odd);
constexpr Grid<std::uint64_t, 2048> iq1_s = make_grid<std::uint64_t>(iq1_s_indices, 2, steps);

}  // namespace mlx_c::cpu::grids
