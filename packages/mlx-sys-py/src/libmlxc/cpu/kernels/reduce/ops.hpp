// The reductions that have kernels. Plain data, as elementwise/ops.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

enum class Reduce : std::uint8_t { all, any, sum, prod, min, max };

// Both reduce contiguous elements into what is there.
struct Reduction {
  // All `size` elements into one result.
  void (*row)(const void* x, std::size_t size, void* result);
  // Each of `size` columns into a result of its own, from `rows` rows that are `row` bytes apart.
  void (*columns)(
      const void* x, std::ptrdiff_t row, std::size_t rows, std::size_t size, void* results);
};

// Functions of rows of contiguous floats of one type.
struct RowFunctions {
  void (*softmax)(const void* x, std::size_t size, void* y);
  // One float.
  void (*logsumexp)(const void* x, std::size_t size, void* y);
};

// The first index of the min or max, or of the first NaN.
using ArgReduction = std::uint32_t (*)(const void* x, std::size_t size);

}  // namespace mlx_c::cpu
