// How operations are mapped by vmap.
#pragma once

#include <utility>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// The results of a node's operation on inputs that have one axis more, where `axes` names one (-1
// where not), and the mapped axes of the results, -1 for those that are the same for all.
//
// MLX's vmap of a Reshape, Broadcast or Transpose writes the new shape or axes into the primitive,
// which other nodes may share (node_cache.hpp, the graphs of compiled functions). Its rules of
// gathers, scatters and updates of slices map wrongly what is not mapped along the first axis, or
// not mapped at all. Operations that have no rule here are mapped by MLX's if that gives results of
// the right shapes, else one by one, and stacked.
std::pair<std::vector<mlx::core::array>, std::vector<int>> node_vmap(
    const mlx::core::array& node,
    const std::vector<mlx::core::array>& inputs,
    const std::vector<int>& axes);

}  // namespace mlx_c
