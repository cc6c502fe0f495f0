// Nodes that read blocks of GGUF's quantized types: bytes, of which a row is a whole number of
// blocks. They are evaluated on the CPU, whatever computes with the results.
#pragma once

#include <string>
#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

#include "cpu/kernels/blocks/table.hpp"
#include "cpu/nodes/fused.hpp"

namespace mlx_c::cpu {

// The array with its rows one after the other: itself, without a node, where it is known to lie so.
// Steps of a model have a product for each of its matrices, which do.
mlx::core::array rows_in_order(const mlx::core::array& a, mlx::core::Stream stream);

// The weights, along the last axis, in a floating type: bit for bit as the format defines them in
// float32, rounded to others.
mlx::core::array dequantize_blocks(
    const mlx::core::array& blocks,
    const BlockFormat& format,
    mlx::core::Dtype dtype,
    mlx::core::StreamOrDevice s);

// Q4_0, Q4_1 and Q8_0 as MLX's affine weights in groups of 32: packed, scales and biases, as MLX's
// reader of GGUF makes them. A scale whose bias no float16 holds is an error of
// reading `label`.
std::vector<mlx::core::array> blocks_to_affine(
    const mlx::core::array& blocks,
    const BlockFormat& format,
    std::string label,
    mlx::core::StreamOrDevice s);

// x @ w.T of x in half or single precision and a matrix w of blocks, as one node; transformations
// apply to its definition.
mlx::core::array blocks_matmul(
    const mlx::core::array& x,
    const mlx::core::array& blocks,
    const BlockFormat& format,
    Function definition,
    mlx::core::Stream stream);

}  // namespace mlx_c::cpu
