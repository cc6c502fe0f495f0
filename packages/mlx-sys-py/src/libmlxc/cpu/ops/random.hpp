// What random numbers are made with.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlx_c::cpu {

// Converts words to normally distributed numbers in place: uniform in (-1, 1), then sqrt(2) erfinv.
void make_normal(std::uint32_t* words, std::size_t count);

}  // namespace mlx_c::cpu
