// How factorisations of matrices are differentiated.
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c {

// Whether a node is a factorisation with a rule here.
bool is_factorization(const mlx::core::array& node);

// The product of cotangents of all results of a factorisation with its Jacobian.
//
// Functions that read one triangle of a symmetric matrix have symmetric gradients: those along
// symmetric changes. Vectors of equal eigenvalues or singular values are not determined, and what
// depends on them has NaN for a gradient; what depends on the values alone has its own.
mlx::core::array factorization_gradient(
    mlx::core::Primitive& primitive,
    const mlx::core::array& input,
    const std::vector<mlx::core::array>& cotangents,
    const std::vector<mlx::core::array>& outputs);

}  // namespace mlx_c
