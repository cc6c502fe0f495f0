// Operations on single elements: their kernels by types, and the types that these take.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>

#include <mlx/dtype.h>

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

struct ElementwiseOp {
  Op op;
  int cost;  // in additions
};

// By the names of MLX's primitives.
const std::unordered_map<std::string_view, ElementwiseOp>& elementwise_ops();

struct ElementwiseKernel {
  Elementwise run = nullptr;
  int cost = 0;  // of an element, in additions
};

// The kernel for operands and results of these types; with a null `run` if there is none.
ElementwiseKernel elementwise_kernel(
    ElementwiseOp operation, mlx::core::Dtype from, mlx::core::Dtype to);

// The type as kernels know it; none for complex numbers.
std::optional<Type> element_type(mlx::core::Dtype type);

}  // namespace mlx_c::cpu
