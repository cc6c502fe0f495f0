// Matmul with one matrix of quantized weights.
#pragma once

#include <optional>

#include "cpu/kernels/table.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

// The rows of x packed for int16 GEMM. Products with the same x share them; the first one that
// needs them packs.
struct IntegerRows {
  std::optional<Buffer<std::int32_t>> panels;
  int group = 0;
  bool fits = false;
};

// Computes p, of which everything but `packed` is set. No operand is empty.
void multiply(const Kernels& kernels, QuantizedGemm p, IntegerRows& rows);

}  // namespace mlx_c::cpu
