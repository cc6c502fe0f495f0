// The table of kernels: what is known of each primitive that the CPU evaluates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include <mlx/array.h>

#include "cpu/kernels/elementwise/ops.hpp"
#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c::cpu {

// Which bytes a primitive touches, at most.
enum class Traffic : std::uint8_t {
  inputs_and_outputs,
  // Of what elements are taken from, no more is read than is written.
  twice_the_outputs,
};

// What the time of a primitive that computes more than it touches depends on.
enum class Work : std::uint8_t { memory, matmul, convolution, attention, factorization };

struct KernelRow {
  // What becomes of a node; null if nothing does: it is a view, or a primitive of our own.
  Override (*make)(mlx::core::array& node) = nullptr;
  // An elementwise operation, which is fused with others; null for other primitives.
  const ElementwiseOp* elementwise = nullptr;
  // Whether `make` is asked as well where MLX's kernels are wanted, as it keeps from them what
  // crashes them.
  bool guards_mlx = false;
  // Whether it fails for what its inputs hold, such as an index out of range.
  bool checks_values = false;
  // Whether it does so in its tasks alone, so that it can be a part of a graph that is repeated.
  bool checks_late = false;
  // Whether the kernel asks its result for the size alone, so that it can make the result of the
  // Squeeze behind it.
  bool any_output_shape = false;
  // Whether it gives its input another shape or other strides, and moves nothing.
  bool is_view = false;
  // Whether its tasks do the same when they are run again, and hold no memory of their own: those
  // of a graph that is repeated are kept (repeated_graph.hpp). Elementwise ones do.
  bool repeats = false;
  Traffic traffic = Traffic::inputs_and_outputs;
  Work work = Work::memory;
};

// By the names of primitives.
const std::unordered_map<std::string_view, KernelRow>& kernel_rows();

// Null if there is no row.
const KernelRow* find_row(std::string_view primitive);

// Whether a node leaves nothing to the stream's thread of MLX. `row` may be null.
bool uses_task_queue(const mlx::core::array& node, const KernelRow* row);

// That evaluating a node touches, at most. `row` may be null.
std::size_t bytes_touched(const mlx::core::array& node, const KernelRow* row);

// Of numbers, if that is what takes the time; else 0.
double multiplications(const mlx::core::array& node, const KernelRow* row);

}  // namespace mlx_c::cpu
