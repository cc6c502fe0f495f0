// Elementwise operations without a SIMD kernel.
#pragma once

#include <mlx/dtype.h>

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

// Scalar loops over the C++ library: functions of doubles and complex numbers, and true division of
// integers. Null if there is no such operation.
Elementwise scalar_elementwise(Op op, mlx::core::Dtype operands, mlx::core::Dtype result);

}  // namespace mlx_c::cpu
