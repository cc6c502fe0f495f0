// Matmul with one matrix of quantized weights.
#pragma once

#include <memory>
#include <optional>

#include <mlx/array.h>

#include "cpu/kernels/blocks/table.hpp"
#include "cpu/ops/byte_gemm.hpp"
#include "cpu/ops/dequantized_gemm.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

// The rows of x packed for int16 GEMM, as bytes, and rounded to bfloat16. Products with the same x
// share them; the first one that needs them packs.
struct IntegerRows {
  std::optional<Buffer<std::int32_t>> panels;
  int group = 0, bits = 0;
  bool fits = false;
  ByteRows bytes;
  RoundedRows rounded;

  // Makes them those of no x.
  void forget() {
    panels.reset();
    bytes.packed.reset();
    rounded.reset();
  }
};

// The state that consecutive products with the same x share, as a task of one of them holds it.
class SharedRows {
 public:
  // Those of `x`, for a product that is scheduled now.
  explicit SharedRows(const mlx::core::array& x);

  // Calls `multiply` with the rows.
  template <class F>
  void with(F multiply) const {
    if (repeats_ && is_first_) {
      rows_->forget();  // They are of the repetition before.
    }
    multiply(*rows_);
    if (!repeats_) {
      rows_.reset();  // Others may live longer than its last reader.
    }
  }

 private:
  mutable std::shared_ptr<IntegerRows> rows_;
  bool is_first_, repeats_;
};

// Computes p, of which everything but `packed` is set. No operand is empty.
void multiply(const Kernels& kernels, QuantizedGemm p, IntegerRows& rows);

// The same where w are blocks: it has neither scales nor biases, and is transposed.
void multiply(
    const Kernels& kernels, QuantizedGemm p, const BlockFormat& blocks, IntegerRows& rows);

}  // namespace mlx_c::cpu
