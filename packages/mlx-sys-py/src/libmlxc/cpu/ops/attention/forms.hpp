// The implementations of attention, by the number of queries.
#pragma once

#include <span>

#include <mlx/array.h>

#include "cpu/arrays/matrix_view.hpp"
#include "cpu/arrays/view.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/parallel/parallel_gemm.hpp"

namespace mlx_c::cpu {

struct Attention {
  int items, repeats;  // heads of queries in all batches, and how many share keys and values
  int queries, keys, width, value_width;
  float scale;
  bool causal;

  // Keys that query i sees.
  int visible(int i) const {
    return causal ? i + 1 + keys - queries : keys;
  }
};

// Keys and values that `repeats` heads share, the rows of which are contiguous.
struct SharedKeys {
  Operand keys, values;
  int count;
};

// Decoding: one query per head, each group of heads with as many keys as it has, so `p.keys` is not
// read. Writes results of shape [items, value_width] to y.
void attend_groups(
    const Kernels& kernels,
    const Attention& p,
    const View& queries,
    std::span<const SharedKeys> groups,
    void* y);

// Decoding of heads that all see as many keys. Reads keys and values in place: a cache in half
// precision is not converted.
class DecodeAttention {
 public:
  DecodeAttention(
      const mlx::core::array& queries,
      const mlx::core::array& keys,
      const mlx::core::array& values);

  // Whether it takes the layout of these keys and values.
  static bool reads(const mlx::core::array& keys, const mlx::core::array& values);

  void attend(const Kernels& kernels, const Attention& p, void* y) const;

 private:
  const View queries_;
  const MatrixView keys_, values_;
};

// By int16 GEMM. Writes results of shape [items, queries, value_width] to y. False if it does not
// pay or a number is out of range; then y is still to be computed.
bool attend_in_integers(
    const Kernels& kernels,
    const Attention& p,
    const View& queries,
    const View& keys,
    const View& values,
    void* y);

}  // namespace mlx_c::cpu
