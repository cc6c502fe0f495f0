// One product with one matrix of packed weights.
#pragma once

#include <optional>

#include "cpu/kernels/table.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

// The rows of x as panels of integers, which products with the same x have in common: the first of
// them that needs it makes it.
struct IntegerRows {
  std::optional<Buffer<std::int32_t>> panels;
  int group = 0;
  bool fits = false;
};

// Computes p, for which everything but `packed` is given and nothing is empty.
void multiply(const Kernels& kernels, QuantizedGemm p, IntegerRows& rows);

}  // namespace mlx_c::cpu
