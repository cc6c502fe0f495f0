// Elementwise fusion.
#pragma once

#include <mlx/array.h>

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

// Gives an elementwise node its kernel, and fuses into it the elementwise nodes that only it uses,
// so that all are computed in one pass. Returns whether there is a kernel for its types.
bool fuse_elementwise(mlx::core::array& node, const ElementwiseOp& operation);

}  // namespace mlx_c::cpu
