// The operations on single elements that have kernels, and the types that they take.
//
// Plain data: the kernels, which are compiled once per instruction set, include it too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlx_c::cpu {

enum class Type : std::uint8_t { b8, u8, u16, u32, u64, i8, i16, i32, i64, f16, bf16, f32, f64 };

enum class Op : std::uint8_t {
  // of one operand
  abs,
  ceil,
  cos,
  erf,
  erfinv,
  exp,
  expm1,
  floor,
  log,
  log10,
  log1p,
  log2,
  logical_not,
  negative,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  tanh,
  cast,
  // of two
  add,
  bitwise_and,
  bitwise_or,
  bitwise_xor,
  divide,
  equal,
  greater,
  greater_equal,
  less,
  less_equal,
  logaddexp,
  logical_and,
  logical_or,
  maximum,
  minimum,
  multiply,
  not_equal,
  power,
  remainder,
  subtract,
  // of a condition and two
  select,
};

// Computes `size` elements of contiguous operands. The result may lie where an operand of its item
// size does.
using Elementwise = void (*)(const void* const* operands, void* result, std::size_t size);

}  // namespace mlx_c::cpu
