// Operations on single elements, and chains of them as one step.
#pragma once

#include <optional>

#include <mlx/array.h>
#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

// The type as kernels know it; none for complex numbers.
std::optional<Type> element_type(mlx::core::Dtype type);

// Makes the node compute all in one pass that its inputs compute from single elements for nobody
// else, and itself with our kernels. Returns whether it is a node of this kind.
bool fuse_elementwise(mlx::core::array& node);

}  // namespace mlx_c::cpu
