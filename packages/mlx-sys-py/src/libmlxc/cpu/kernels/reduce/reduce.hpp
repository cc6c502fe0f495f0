// Reductions of contiguous elements, and of rows with each other.
#pragma once

#include "cpu/kernels/reduce/ops.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

Reduction find_reduction(Reduce op, ElementType type);
ArgReduction find_arg_reduction(bool max, ElementType type);

}  // namespace mlx_c::cpu::MLX_C_ISA
