// A step of decoding for sequences of any lengths, as one node.
#pragma once

#include <vector>

#include <mlx/array.h>

#include "cpu/nodes/fused.hpp"

namespace mlx_c::cpu {

// Inputs are queries, keys, values and offsets, then the buffers of keys of all sequences, then
// those of values, as of `attention_step` (core/attention_step.hpp). Transformations apply to the
// definition, a function of the same inputs.
std::vector<mlx::core::array> attention_step(
    float scale,
    std::vector<mlx::core::array> inputs,
    Function definition,
    mlx::core::Stream stream);

}  // namespace mlx_c::cpu
