// Makes one loop of machine code.
#pragma once

#include <cstddef>
#include <span>

#include "cpu/code/loops.hpp"

namespace mlx_c::cpu {

// A part that begins with a step: a loop of as many steps as fit into one, or the step alone.
Part make_part(std::span<const LoopStep> steps, const LoopValues& values, std::size_t begin);

}  // namespace mlx_c::cpu
