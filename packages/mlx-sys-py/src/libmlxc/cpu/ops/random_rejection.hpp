// Random numbers by rejection: proposals are drawn until one is accepted.
//
// Proposal k of element i of n comes from the two words that Threefry makes of the counters (i, n +
// i) with the k-th key, so that it is the same however the work is done: element by element here,
// or all proposals of all elements at once where numbers are drawn by MLX's operations.
#pragma once

#include <cstdint>

#include <mlx/array.h>
#include <mlx/utils.h>

#include "cpu/nodes/fused.hpp"

namespace mlx_c::cpu {

enum class Rejection : std::uint8_t {
  gamma,     // of shape a, 1 or more, and scale 1, by Marsaglia and Tsang's method
  poisson,   // of mean a: by inversion below 10, else by Hörmann's method PTRS
  binomial,  // of a trials with probability b: by inversion below 10 successes, else by BTRS
  vonmises,  // of concentration a, around 0, by Best and Fisher's method
};

// How many proposals are drawn at most. Then the last one is taken, which happens once in 10^7
// numbers at most.
int proposals(Rejection kind);

// Numbers of float32, or of int32 where they are counts. `a` and `b` are float32 and of one shape;
// `keys` has the shape (proposals, 2). They have no gradient.
mlx::core::array rejection(
    Rejection kind,
    const mlx::core::array& a,
    const mlx::core::array& b,
    const mlx::core::array& keys,
    Function definition,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::cpu
