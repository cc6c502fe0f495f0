// Elementwise nodes that read the same arrays, or each other, as one node of several outputs.
#pragma once

#include <vector>

#include <mlx/array.h>

#include "cpu/graph/registry.hpp"

namespace mlx_c::cpu {

// A node to evaluate.
struct PlannedNode {
  mlx::core::array array;
  const KernelRow* row;  // of its primitive, or null
};

// Makes one node of elementwise ones wherever that saves reading an array again, such as those of
// an optimizer's update: gradient, averages and parameter are then read once and written in place.
// What they compute stays the same, bit for bit. `nodes` are in topological order, and stay so.
void fuse_outputs(std::vector<PlannedNode>& nodes);

}  // namespace mlx_c::cpu
