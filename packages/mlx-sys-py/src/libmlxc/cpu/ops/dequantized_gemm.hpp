// Matmul with quantized weights that are dequantized, a block at a time, for many rows of x.
#pragma once

#include <cstdint>
#include <optional>

#include "cpu/kernels/blocks/table.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

// The rows of x as bfloat16. Products with the same x share them.
using RoundedRows = std::optional<Buffer<std::uint16_t>>;

// Computes p in float32; its weights are `blocks`, or packed as it says if that is null.
void multiply_dequantized(
    const Kernels& kernels, const QuantizedGemm& p, const BlockFormat* blocks);

// Computes p from weights and rows that are rounded to bfloat16, in tiles; false, and y is still to
// be computed, if they are not to be rounded, the rows are few, or the processor has no tiles.
bool multiply_rounded(
    const Kernels& kernels, const QuantizedGemm& p, const BlockFormat* blocks, RoundedRows& rows);

// The blocks of a row of w, and of those behind it.
const std::uint8_t* blocks_at(const QuantizedGemm& p, const BlockFormat& blocks, int column);

}  // namespace mlx_c::cpu
