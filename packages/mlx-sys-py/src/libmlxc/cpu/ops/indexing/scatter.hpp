// Scatter: updates of an array at indices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <mlx/array.h>

#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/scatter_reduce.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/ops/indexing/reader.hpp"

namespace mlx_c::cpu {

// Combines slices with an array, one after the other, so that all results are those of the given
// order. Float16 and bfloat16 are rounded once.
struct ScatterTask {
  ScatterReduce how;
  mlx::core::Dtype type;
  void* target;
  std::size_t size;                  // of the target
  std::int64_t start;                // of the slice, if there are no indices
  std::vector<AxisIndices> indices;  // where slices begin
  std::size_t count;                 // of slices
  mlx::core::Shape slice;
  mlx::core::Strides strides;  // of a slice in the target
  Copy updates;                // of all of them, in order, to nowhere yet
  bool in_order;               // whether they lie in order
  std::optional<ErrorReport> report;

  void operator()() const;
};

// Gives `y` the elements of `x`, or its memory if nobody else needs it, in order.
void start_update(const mlx::core::array& x, mlx::core::array& y, mlx::core::Stream stream);

// Puts values, in their order, where a mask is true.
Override masked_scatter(mlx::core::array& node);

}  // namespace mlx_c::cpu
