// The evaluation of nodes.
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/stream.h>

#include "cpu/graph/multi_output_fusion.hpp"

namespace mlx_c::cpu {

// Calls the kernel of `node`, whose outputs these are, so that it may write into inputs which
// nothing else holds.
void evaluate_node(mlx::core::array& node, std::vector<mlx::core::array>& outputs);

// Evaluates nodes one after the other on `stream`, some of which are left to MLX. Each is as good
// as available for what is scheduled behind it.
void evaluate_nodes(std::vector<PlannedNode>& nodes, mlx::core::Stream stream);

}  // namespace mlx_c::cpu
