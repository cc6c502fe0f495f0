// The kernels for blocks of GGUF's quantized types, which exist once per instruction set as those
// of kernels/table.hpp do. They have a table of their own, as nothing else needs it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu {

// One of the types: its number in files, the weights of a block, and its bytes.
struct BlockFormat {
  int type, size, nbytes;
};

// y = x @ w.T for weights in blocks of one of GGUF's quantized types, which a number names as in
// files. k is a whole number of blocks.
struct BlockGemm {
  int type;
  int m, n, k;
  const void* x;  // [m, k], rows contiguous
  ElementType x_type;
  const std::uint8_t* w;  // n rows
  void* y;                // [m, n]
  ElementType y_type;
  float* packed;  // [m, packed_row_size()]: x as `multiply` reads it
};

struct BlockKernels {
  // The weights of `count` blocks, bit for bit as the format defines them.
  void (*dequantize)(int type, const std::uint8_t* blocks, std::size_t count, float* target);
  // The same as affine weights of 8 bits in groups of 32, with a scale and a bias for each; false,
  // and nothing is done, if the groups of the type are smaller.
  bool (*to_affine)(
      int type,
      const std::uint8_t* blocks,
      std::size_t count,
      std::uint8_t* codes,
      float* scales,
      float* biases);
  // Columns of w, of which `blocks` is the first, as a panel for int16 GEMM with groups of 32, no
  // biases and 15 bits for x, for types whose groups are smaller. False if there are none for the
  // type, which is all that is asked if `columns` is 0, or if a number does not fit.
  bool (*pack_integers)(
      const Int16Gemm&, int type, const std::uint8_t* blocks, int columns, std::int32_t* panel);
  // For few rows of x: floats that one packed row takes.
  std::size_t (*packed_row_size)(const BlockGemm&);
  void (*pack_x)(const BlockGemm&, Range rows);
  // Computes the given part of y from the packed rows.
  void (*multiply)(const BlockGemm&, Range columns, Range rows);
};

// The kernels of the level that a table is of.
const BlockKernels& block_kernels(const Kernels&);

}  // namespace mlx_c::cpu
