// The operations on single elements that have kernels, and the types that they take.
//
// Plain data: the kernels, which are compiled once per instruction set, include it too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels/element_type.hpp"

namespace mlx_c::cpu {

enum class Op : std::uint8_t {
  // of one operand
  abs,
  arccos,
  arccosh,
  arcsin,
  arcsinh,
  arctan,
  arctanh,
  bitwise_invert,
  ceil,
  conjugate,
  cos,
  cosh,
  erf,
  erfinv,
  exp,
  expm1,
  floor,
  imag,
  log,
  log10,
  log1p,
  log2,
  logical_not,
  negative,
  real,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  tan,
  tanh,
  cast,
  // of two
  add,
  arctan2,
  bitwise_and,
  bitwise_or,
  bitwise_xor,
  divide,
  equal,
  floor_divide,
  greater,
  greater_equal,
  left_shift,
  less,
  less_equal,
  logaddexp,
  logical_and,
  logical_or,
  maximum,
  minimum,
  multiply,
  nan_equal,
  not_equal,
  power,
  remainder,
  right_shift,
  subtract,
  // of a condition and two
  select,
};

// Computes `size` elements of contiguous operands. The result may lie where an operand of its item
// size does.
using Elementwise = void (*)(const void* const* operands, void* result, std::size_t size);

}  // namespace mlx_c::cpu
