// Operations on blocks of GGUF's quantized types: bytes, of which a row is a whole number of
// blocks.
#pragma once

#include <optional>
#include <string>

#include <mlx/array.h>
#include <mlx/utils.h>

#include "cpu/kernels/blocks/table.hpp"

namespace mlx_c {

// Throws std::invalid_argument unless `type` names a quantized type whose blocks can be read.
cpu::BlockFormat block_format(const std::string& type);

// The weights along the last axis. All of these throw std::invalid_argument if an argument does not
// fit.
mlx::core::array dequantize_blocks(
    const mlx::core::array& blocks,
    const std::string& type,
    mlx::core::Dtype dtype,
    mlx::core::StreamOrDevice s);

// x @ w.T for blocks of w; axes before the last two broadcast.
mlx::core::array blocks_matmul(
    const mlx::core::array& x,
    const mlx::core::array& blocks,
    const std::string& type,
    mlx::core::StreamOrDevice s);

// The same for matrices that are picked by indices along the flattened leading axes; all of them in
// their order where there are no indices.
mlx::core::array gather_blocks_matmul(
    const mlx::core::array& x,
    const mlx::core::array& blocks,
    const std::string& type,
    const std::optional<mlx::core::array>& lhs_indices,
    const std::optional<mlx::core::array>& rhs_indices,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c
