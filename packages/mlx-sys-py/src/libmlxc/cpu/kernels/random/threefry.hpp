// Random bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlx_c::cpu::MLX_C_ISA {

void threefry(
    const std::uint32_t* key,
    std::uint32_t x,
    std::uint32_t y,
    std::size_t count,
    std::uint32_t* first,
    std::uint32_t* second);

}  // namespace mlx_c::cpu::MLX_C_ISA
