// Products of rows with matrices of quantized weights that indices choose, as of experts.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu {

// One product: a matrix of x, one of the weights, and its place among the results.
struct GatheredItem {
  std::size_t x, w, y;
};

// Products that have everything in common but their operands.
struct GatheredGemm {
  // Of one item: all but the operands; y is where the first result begins.
  QuantizedGemm one;
  // The `item`-th matrix of x.
  std::function<const void*(std::size_t item)> x;
  // Computes a product of which the operands x and y are set, and m, with columns of a matrix of
  // weights: n is their number. In the calling thread, if it is one of several tasks.
  std::function<void(QuantizedGemm, std::size_t w, Range columns)> multiply;
  // Whether columns can be computed by themselves.
  bool divides = true;
};

// Computes all items. Those that share weights become one product, so that each matrix is read once
// and those that nothing chose not at all; threads share matrices and parts of these out.
void multiply_gathered(const GatheredGemm& products, std::vector<GatheredItem> items);

}  // namespace mlx_c::cpu
