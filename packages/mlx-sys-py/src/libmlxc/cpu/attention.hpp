// Attention of single queries, as a language model asks them when it makes one token.
#pragma once

#include "kernels.hpp"
#include "mlx/array.h"
#include "products.hpp"
#include "view.hpp"

namespace mlx_c::cpu {

struct Attention {
  int items, repeats;  // heads of queries in all batches, and how many share keys and values
  int queries, keys, width, value_width;
  float scale;
  bool causal;
};

// Reads keys and values where they lie, as they are: a cache of half precision is not converted.
class SingleQueries {
 public:
  SingleQueries(
      const mlx::core::array& queries,
      const mlx::core::array& keys,
      const mlx::core::array& values);

  // Whether the keys and values lie as they should.
  static bool reads(const mlx::core::array& keys, const mlx::core::array& values);

  void attend(const Kernels& kernels, const Attention& p, void* y) const;

 private:
  const View queries_;
  const Matrices keys_, values_;
};

}  // namespace mlx_c::cpu
