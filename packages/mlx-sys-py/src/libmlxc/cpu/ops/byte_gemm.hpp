// Matmul with quantized weights and numbers that are rounded to bytes.
#pragma once

#include <cstdint>
#include <optional>

#include "cpu/kernels/blocks/table.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

// The rows of x as bytes. Products with the same x share them.
struct ByteRows {
  std::optional<Buffer<std::uint8_t>> packed;
  int order = -1;
  bool fits = false;
};

// Computes p, whose weights are affine or these blocks; false, and y is still to be computed, if
// rows of x are not to be rounded, there is no kernel, or a number does not fit.
bool multiply_bytes(
    const Kernels& kernels, const QuantizedGemm& p, const BlockFormat* blocks, ByteRows& rows);

}  // namespace mlx_c::cpu
