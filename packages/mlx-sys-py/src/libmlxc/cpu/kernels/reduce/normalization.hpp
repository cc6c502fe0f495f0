// Normalisation of rows of floats, and its gradients.
#pragma once

#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

void normalize(const NormArgs&, const float* x, const float* weight, const float* bias, float* y);
void normalize_gradients(
    const NormArgs&,
    const NormGradientRow* rows,
    int count,
    const float* weight,
    float* of_weight,
    float* of_bias);

}  // namespace mlx_c::cpu::MLX_C_ISA
