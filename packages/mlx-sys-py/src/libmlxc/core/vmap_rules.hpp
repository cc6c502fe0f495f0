// How operations are mapped by vmap, where MLX's rules do not do.
#pragma once

#include <memory>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c {

// A primitive that maps the operation of a node (see LentPrimitives).
//
// MLX's vmap of a Reshape, Broadcast or Transpose writes the new shape or axes into the primitive.
// Its rules of gathers, scatters and updates of slices map wrongly what is not mapped along the
// first axis, or not mapped at all. Operations that have no rule here are mapped by MLX's if that
// gives results of the right shapes, else one by one, and stacked.
std::shared_ptr<mlx::core::Primitive> vmap_rule(mlx::core::array& node);

}  // namespace mlx_c
