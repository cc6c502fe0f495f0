// Products with matrices in blocks of GGUF's quantized types that indices choose, as one node.
#pragma once

#include <optional>

#include <mlx/array.h>

#include "cpu/kernels/blocks/table.hpp"
#include "cpu/nodes/fused.hpp"

namespace mlx_c::cpu {

// x[lhs] @ w[rhs].T of x in half or single precision, of shape (matrices, m, k), and blocks of
// shape (experts, n, bytes), for indices of one shape, of type uint32 or int64, of which those
// below zero count from the end. Without lhs the matrices of x are in the order of rhs, each for
// the same number of its indices. Transformations apply to the definition, a function of the inputs
// that are given.
mlx::core::array gathered_blocks(
    const mlx::core::array& x,
    const mlx::core::array& blocks,
    const std::optional<mlx::core::array>& lhs,
    const mlx::core::array& rhs,
    const BlockFormat& format,
    Function definition,
    mlx::core::Stream stream);

}  // namespace mlx_c::cpu
