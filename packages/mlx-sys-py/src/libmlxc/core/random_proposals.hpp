// Random numbers by rejection: one node on the CPU (cpu/ops/random_rejection.hpp), and elsewhere
// MLX's operations on all proposals at once, of which the first that is accepted is taken.
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

#include "core/graph_numbers.hpp"
#include "cpu/ops/random_rejection.hpp"

namespace mlx_c::random {

// Words of 32 random bits as numbers in (0, 1).
Node unit(const mlx::core::array& words, mlx::core::StreamOrDevice s);

// Numbers of float32, or of int32 where they are counts.
mlx::core::array draw(
    cpu::Rejection kind,
    const Node& a,
    const Node& b,
    const mlx::core::array& key,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::random
