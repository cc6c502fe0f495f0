// Softmax and logsumexp of rows.
#pragma once

#include "cpu/kernels/reduce/ops.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

RowFunctions find_row_functions(ElementType type);
void softmax(float* x, int size);
void softmax_gradients(const float* y, float* gradient, int size);
float exponentials(float* x, int size, float& max);

}  // namespace mlx_c::cpu::MLX_C_ISA
