// Blocks of GGUF's quantized types as numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlx_c::cpu::MLX_C_ISA {

// The weights of blocks as the Python package gguf computes them, bit for bit.
void dequantize_blocks(int type, const std::uint8_t* blocks, std::size_t count, float* target);

}  // namespace mlx_c::cpu::MLX_C_ISA
