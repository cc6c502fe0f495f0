// The second half of a vmap: MLX's vmap_replace, over a tape of our own.
#pragma once

#include <vector>

#include "core/handle.hpp"

namespace mlx_c {

// What was recorded from `traced_inputs` to `traced_outputs`, on `inputs` that have one axis more,
// where `in_axes` names one. The mapped axes of the outputs go to `out_axes`; -1 stands for none in
// both.
Arrays vmap_replace(
    const Arrays& inputs,
    const Arrays& traced_inputs,
    const Arrays& traced_outputs,
    const std::vector<int>& in_axes,
    const std::vector<int>& out_axes);

}  // namespace mlx_c
