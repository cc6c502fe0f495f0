// Matmul with one matrix of quantized weights.
#pragma once

#include <memory>
#include <optional>

#include <mlx/array.h>

#include "cpu/kernels/blocks/table.hpp"
#include "cpu/ops/byte_gemm.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

// The rows of x packed for int16 GEMM, and as bytes. Products with the same x share them; the first
// one that needs them packs.
struct IntegerRows {
  std::optional<Buffer<std::int32_t>> panels;
  int group = 0, bits = 0;
  bool fits = false;
  ByteRows bytes;
};

// The state that consecutive products with the same x share.
std::shared_ptr<IntegerRows> rows_of(const mlx::core::array& x);

// Computes p, of which everything but `packed` is set. No operand is empty.
void multiply(const Kernels& kernels, QuantizedGemm p, IntegerRows& rows);

// The same where w are blocks: it has neither scales nor biases, and is transposed.
void multiply(
    const Kernels& kernels, QuantizedGemm p, const BlockFormat& blocks, IntegerRows& rows);

}  // namespace mlx_c::cpu
