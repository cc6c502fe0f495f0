// Loops of machine code for sequences of operations on floats, made when they are first run.
//
// A step of a program that runs over a block reads its operands from the first-level cache, and
// writes its result there. A loop of all steps holds them in registers, and reads each array as one
// stream, which the hardware prefetcher finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

// One operation of a program. Operands and results are numbers of values, which later steps may
// overwrite.
struct LoopStep {
  Op op;
  bool simple;  // whether loops can compute it: of floats, and one of few operations
  std::uint8_t operands[3];
  std::uint8_t operand_count;
  std::uint8_t result;
};

// What a program reads, the values before `inputs`, and writes, those behind all others.
struct LoopValues {
  int inputs;
  int outputs_from;           // the first output
  std::uint32_t scalars = 0;  // bits of the inputs that are one number each
};

// Steps `begin` to `end`, in a loop of machine code or, without one, by themselves.
struct Part {
  // A number that the loop spreads over a vector: an input, or, if that is negative, `constant`.
  struct Scalar {
    int input;
    float constant;
  };
  using Loop = void (*)(void* const* arrays, std::size_t bytes, const float* scalars);

  std::size_t begin, end;
  Loop loop = nullptr;
  // The values whose places, and the scalars whose numbers, it takes. It computes whole vectors.
  std::vector<std::uint8_t> arrays = {};
  std::vector<Scalar> scalars = {};  // fewer than `max_scalars`

  static constexpr std::size_t vector_size = 8;
  static constexpr std::size_t max_arrays = 9;
  static constexpr std::size_t max_inputs = 16, max_scalars = max_inputs + 4;
};

// The operations on floats that loops can compute, on this processor.
std::span<const Op> simple_ops();

// The steps as parts, some of which are loops; null if none is, or there are more than
// `max_inputs`. The parts are kept for programs that are the same.
const std::vector<Part>* loops_of(std::span<const LoopStep> steps, const LoopValues& values);

}  // namespace mlx_c::cpu
