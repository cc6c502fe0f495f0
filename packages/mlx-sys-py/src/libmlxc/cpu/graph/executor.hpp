// Evaluation of graphs whose nodes all belong to one stream.
#pragma once

#include <functional>

#include <mlx/stream.h>

#include "cpu/graph/rewrite.hpp"

namespace mlx_c::cpu {

// Schedules the nodes of a plan, as MLX's `async_eval` does. With `inline_first`, the calling
// thread evaluates nodes itself while they are small and need no kernel of MLX; these are available
// afterwards.
//
// Large graphs are scheduled in pieces. `between` two pieces is called with the event of the first:
// to wait until few pieces are in flight, or none if the other argument says so, and to let other
// threads evaluate, even nodes of this plan. If it throws, nodes that are not scheduled yet stay
// so.
//
// `waits` says that the caller will wait for the outputs.
//
// Returns whether all nodes will be available soon: they are few and small, and so is all that was
// scheduled before.
bool execute(
    const Plan& plan,
    mlx::core::Stream stream,
    bool waits,
    bool inline_first,
    const std::function<void(const mlx::core::Event&, bool drain)>& between);

}  // namespace mlx_c::cpu
