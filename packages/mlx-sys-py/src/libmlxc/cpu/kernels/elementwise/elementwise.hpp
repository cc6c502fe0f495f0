// Operations on single elements.
#pragma once

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

Elementwise find_elementwise(Op op, ElementType operands, ElementType result);

}  // namespace mlx_c::cpu::MLX_C_ISA
