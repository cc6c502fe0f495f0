// Evaluation of graphs whose nodes all belong to one stream.
#pragma once

#include <functional>

#include <mlx/stream.h>

#include "cpu/graph/rewrite.hpp"

namespace mlx_c::cpu {

// Schedules the nodes of a plan, as MLX's `async_eval` would do. With `at_once`, the calling thread
// computes them itself as long as that is little work and needs no operation of MLX; whatever it
// gets to is available afterwards.
//
// Large graphs are scheduled in pieces. `between` them is called with the event of the last piece:
// to wait until there are not too many under way, to let others evaluate, even nodes of this plan.
// If it throws, nodes that are not scheduled remain so.
//
// Returns whether all is available soon, with nothing before it on the stream that lasts.
bool execute(
    const Plan& plan,
    mlx::core::Stream stream,
    bool at_once,
    const std::function<void(const mlx::core::Event&)>& between);

}  // namespace mlx_c::cpu
