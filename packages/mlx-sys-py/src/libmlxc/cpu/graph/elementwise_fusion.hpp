// Elementwise fusion.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <mlx/array.h>

#include "cpu/kernels/elementwise/ops.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/ops/elementwise_program.hpp"

namespace mlx_c::cpu {

// Gives an elementwise node its kernel, and fuses into it the elementwise nodes that only it uses,
// so that all are computed in one pass. Returns whether there is a kernel for its types.
bool fuse_elementwise(mlx::core::array& node, const ElementwiseOp& operation);

// What an elementwise node of this library computes; null if it is none.
const Program* elementwise_program(const mlx::core::Primitive& primitive);

// The primitive of a node that computes a program. `names` are those of its operations, as in
// Multiply+Add, for the verbose mode.
std::shared_ptr<KernelPrimitive> elementwise_node(
    mlx::core::Stream stream, Program program, std::string names);

}  // namespace mlx_c::cpu
