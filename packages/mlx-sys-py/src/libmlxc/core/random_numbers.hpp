// Random numbers where MLX's have another distribution than they should.
#pragma once

#include <optional>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// A key from the random state. The state is a static of an inline function of MLX's header, of
// which this library has another instance: the key that MLX draws from its own is an input of the
// node.
mlx::core::array next_key(mlx::core::StreamOrDevice s);

// Throws std::invalid_argument for a value that is known and is no probability.
void check_probability(const mlx::core::array& p);

}  // namespace mlx_c

namespace mlx_c::random {

// MLX's function of this name, for all bounds that an integer type holds. MLX takes its numbers
// from a float32: they are the same here where that has a value for each of them.
mlx::core::array randint(
    const mlx::core::array& low,
    const mlx::core::array& high,
    const mlx::core::Shape& shape,
    mlx::core::Dtype dtype,
    const std::optional<mlx::core::array>& key,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::random
