// Derivatives of functions: MLX's transformations of these names, over a tape of our own.
//
// MLX's walks through the graph by recursive functions and hash tables, which for small functions
// takes longer than the rules of the operations. It also asks the primitives for these rules, where
// ours (gradient_rules.hpp) are asked first.
#pragma once

#include <utility>
#include <vector>

#include "core/handle.hpp"

namespace mlx_c {

// The outputs of a function, and the products of cotangents with its Jacobian, one for each primal.
// Outputs of stop_gradient have no cotangent.
std::pair<Arrays, Arrays> vjp(const Function& fun, const Arrays& primals, const Arrays& cotangents);

// The outputs of a function, and the products of its Jacobian with tangents, one for each output.
std::pair<Arrays, Arrays> jvp(const Function& fun, const Arrays& primals, const Arrays& tangents);

// The outputs of a function, and the gradients of the first of them, which has to be a scalar, by
// the inputs with these numbers, in ascending order. The other outputs are constants to gradients.
std::pair<Arrays, Arrays> value_and_grad(
    const Function& fun, const Arrays& inputs, const std::vector<int>& argnums);

}  // namespace mlx_c
