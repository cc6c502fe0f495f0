// Operations on single elements, and chains of them as one step.
#pragma once

#include <mlx/array.h>

namespace mlx_c::cpu {

// Makes the node compute all in one pass that its inputs compute from single elements for nobody
// else, and itself with our kernels. Returns whether it is a node of this kind.
bool fuse_elementwise(mlx::core::array& node);

}  // namespace mlx_c::cpu
