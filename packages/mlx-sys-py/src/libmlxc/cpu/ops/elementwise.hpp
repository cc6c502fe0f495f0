// The kernels of elementwise operations, by types.
#pragma once

#include <mlx/dtype.h>

#include "cpu/kernels/elementwise/ops.hpp"

namespace mlx_c::cpu {

struct ElementwiseKernel {
  Elementwise run = nullptr;
  int cost = 0;         // of an element, in additions
  bool scalar = false;  // whether it is a loop without SIMD
};

// The kernel for operands and results of these types, with SIMD if there is one; with a null `run`
// if there is none.
ElementwiseKernel elementwise_kernel(
    const ElementwiseOp& operation, mlx::core::Dtype from, mlx::core::Dtype to);

}  // namespace mlx_c::cpu
