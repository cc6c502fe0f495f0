// Empty results of other devices.
#pragma once

#include <memory>

#include <mlx/array.h>

#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c::cpu {

// The override of a node of another device all of whose results are empty, null for other nodes.
// MLX's kernels of GPUs leave such results without a buffer, which MLX's readers and writers, and
// its kernels for the CPU, take for granted.
std::shared_ptr<KernelOverride> empty_results(mlx::core::array& node);

// Gives an empty array that has been left without a buffer one.
void give_buffer(mlx::core::array& array);

}  // namespace mlx_c::cpu
