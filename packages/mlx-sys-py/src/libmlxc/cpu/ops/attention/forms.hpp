// Attention, one way for each number of queries.
#pragma once

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

  // How many keys query i sees.
  int visible(int i) const {
    return causal ? i + 1 + keys - queries : keys;
  }
};

// Of one query for each head, as a language model asks them when it makes one token. Reads keys
// and values where they lie, as they are: a cache of half precision is not converted.
class DecodeAttention {
 public:
  DecodeAttention(
      const mlx::core::array& queries,
      const mlx::core::array& keys,
      const mlx::core::array& values);

  // Whether the keys and values lie as they should.
  static bool reads(const mlx::core::array& keys, const mlx::core::array& values);

  void attend(const Kernels& kernels, const Attention& p, void* y) const;

 private:
  const View queries_;
  const MatrixView keys_, values_;
};

// Results of shape [items, queries, value_width] at y. False where that is not worth it or the
// numbers are not fit for it; then y is still to be computed.
bool attend_in_integers(
    const Kernels& kernels,
    const Attention& p,
    const View& queries,
    const View& keys,
    const View& values,
    void* y);

}  // namespace mlx_c::cpu
