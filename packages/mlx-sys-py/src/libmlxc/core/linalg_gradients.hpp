// How factorisations of matrices are differentiated.
#pragma once

#include <memory>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c {

// A primitive with the VJP of a node's, as in gradient_rules.hpp; null if the node is no
// factorisation.
//
// Functions that read one triangle of a symmetric matrix have symmetric gradients: those along
// symmetric changes. Vectors of equal eigenvalues or singular values are not determined, and what
// depends on them has NaN for a gradient; what depends on the values alone has its own.
std::shared_ptr<mlx::core::Primitive> factorization_rule(mlx::core::array& node);

}  // namespace mlx_c
