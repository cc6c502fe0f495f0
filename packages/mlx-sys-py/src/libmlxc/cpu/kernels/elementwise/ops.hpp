// The operations on single elements that have kernels.
//
// Plain data: the kernels, which are compiled once per instruction set, include it too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels/element_type.hpp"

namespace mlx_c::cpu {

enum class Op : std::uint8_t {
#define MLX_C_OP(name, primitive, operands, cost) name,
#include "cpu/kernels/elementwise/ops.def"
#undef MLX_C_OP
};

struct ElementwiseOp {
  Op op;
  const char* primitive;  // MLX's name
  int operands;
  int cost;  // of an element, in additions
};

constexpr ElementwiseOp elementwise_ops[] = {
#define MLX_C_OP(name, primitive, operands, cost) {Op::name, primitive, operands, cost},
#include "cpu/kernels/elementwise/ops.def"
#undef MLX_C_OP
};

// Computes `size` elements of contiguous operands. The result may lie where an operand of its item
// size does.
using Elementwise = void (*)(const void* const* operands, void* result, std::size_t size);

}  // namespace mlx_c::cpu
