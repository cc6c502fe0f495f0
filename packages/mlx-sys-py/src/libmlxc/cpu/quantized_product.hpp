// One product with one matrix of packed weights.
#pragma once

#include "kernels.hpp"

namespace mlx_c::cpu {

// Computes p, for which everything but `packed` is given and nothing is empty.
void multiply(const Kernels& kernels, QuantizedProduct p);

}  // namespace mlx_c::cpu
