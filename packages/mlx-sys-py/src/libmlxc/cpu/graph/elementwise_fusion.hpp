// Operations on single elements, and chains of them as one step.
#pragma once

#include <mlx/array.h>

#include "cpu/ops/elementwise.hpp"

namespace mlx_c::cpu {

// Makes the node compute all in one pass that its inputs compute from single elements for nobody
// else, and itself with our kernels. Returns whether its types have a kernel.
bool fuse_elementwise(mlx::core::array& node, ElementwiseOp operation);

}  // namespace mlx_c::cpu
