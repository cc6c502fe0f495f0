// A step of decoding for sequences of any lengths.
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// Each of n sequences gets a position, and attends to all that it has. Queries of shape
// (n, heads, 1, width), keys and values of shape (n, kv_heads, 1, ...), the buffers of keys and
// then those of values, each of shape (1, kv_heads, room, ...) with the room of its sequence, and
// how many positions they hold.
// The results, of shape (n, heads, 1, value width), and the buffers with the new positions. Throws
// std::invalid_argument if an argument does not fit.
std::vector<mlx::core::array> attention_step(
    const mlx::core::array& queries,
    const mlx::core::array& keys,
    const mlx::core::array& values,
    const std::vector<mlx::core::array>& buffers,
    const mlx::core::array& offsets,
    float scale,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c
