// Operations on single elements that the vector kernels do not have.
#pragma once

#include <mlx/dtype.h>

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

// One element after the other, by the C++ library: the functions of doubles, complex numbers, and
// what integers divide to. Null if there is no such operation.
Elementwise scalar_elementwise(Op op, mlx::core::Dtype operands, mlx::core::Dtype result);

}  // namespace mlx_c::cpu
