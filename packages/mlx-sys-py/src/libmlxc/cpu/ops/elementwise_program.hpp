// Sequences of operations on single elements.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <mlx/array.h>
#include <mlx/small_vector.h>

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

// A straight-line program that is run for each element. Operands and results are indices of values:
// first the inputs, then buffers, which are reused when their value is dead, then the outputs, each
// of which one step writes, and later ones may read.
struct Program {
  struct Step {
    Elementwise run;
    std::uint8_t operands[3];
    std::uint8_t operand_count;
    std::uint8_t result;
  };

  mlx::core::SmallVector<Step, 4> steps;
  int inputs = 0;
  int buffers = 0;
  int cost = 0;         // of an element, in additions
  bool scalar = false;  // whether a step is a loop without SIMD
  int outputs = 1;

  int values() const {
    return inputs + buffers + outputs;
  }

  // Gives the outputs, which have one shape, their memory (that of donated inputs if possible) and
  // dispatches the computation.
  static void enqueue(
      std::shared_ptr<const Program> program,
      const std::vector<mlx::core::array>& inputs,
      std::span<mlx::core::array> outputs,
      mlx::core::Stream stream);
};

}  // namespace mlx_c::cpu
