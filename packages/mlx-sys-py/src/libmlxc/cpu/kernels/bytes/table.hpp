// Products of quantized weights with numbers that are rounded to bytes, which exist once per
// instruction set as the kernels of kernels/table.hpp do.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu {

// y = x @ w.T, where each 32 numbers of a row of x become integers of eight bits times a scale that
// they share, and w is quantized: blocks of one of GGUF's types, or affine weights of MLX.
struct ByteGemm {
  static constexpr int affine = -1;

  int m, n, k;    // k is a multiple of 32, and of the numbers in a block or a group
  const void* x;  // [m, k], rows contiguous
  ElementType x_type;
  int type;               // the number of the type in files, or `affine`
  const std::uint8_t* w;  // n rows
  // Of affine weights: 4 or 8 bits, groups of 32, 64 or 128, and what groups have.
  int bits, group;
  const void *scales, *biases;
  ElementType scales_type, biases_type;
  void* y;  // [m, n]
  ElementType y_type;
};

struct ByteKernels {
  // Whether there is a kernel for the type of the weights that takes less time than floats do.
  bool (*takes)(const ByteGemm&);
  // Whether x is packed in another order of its numbers than theirs; 0, 1 ... are the orders.
  int (*order)(const ByteGemm&);
  // Bytes, a multiple of 64, of a packed row of x.
  std::size_t (*row_size)(const ByteGemm&);
  // False if a number is not finite or too large.
  bool (*pack_x)(const ByteGemm&, Range rows, std::uint8_t* packed);
  // Bytes of scratch, aligned to 64, that `multiply` needs for so many rows.
  std::size_t (*scratch_size)(const ByteGemm&, int rows);
  // Computes a part of y, of which `packed` has all rows of x.
  void (*multiply)(
      const ByteGemm&, Range columns, Range rows, const std::uint8_t* packed, void* scratch);
};

// Those of the level that a table is of; null where bytes are not multiplied faster than floats.
const ByteKernels* byte_kernels(const Kernels&);

}  // namespace mlx_c::cpu
