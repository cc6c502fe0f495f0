// The reductions that have kernels. Plain data, as elementwise_ops.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

enum class Reduce : std::uint8_t { all, any, sum, prod, min, max };

// Each can_scatter_reduce what is there with `size` contiguous elements: all of them with one
// result, or each with a result of its own. The latter for so many rows, which lie `row` bytes
// apart.
struct Reduction {
  void (*row)(const void* x, std::size_t size, void* result);
  void (*columns)(
      const void* x, std::ptrdiff_t row, std::size_t rows, std::size_t size, void* results);
};

// Functions of rows of contiguous floats of one type.
struct RowFunctions {
  void (*softmax)(const void* x, std::size_t size, void* y);
  // One float.
  void (*logsumexp)(const void* x, std::size_t size, void* y);
};

// The first index of the least or greatest element, or of the first NaN.
using ArgReduction = std::uint32_t (*)(const void* x, std::size_t size);

}  // namespace mlx_c::cpu
