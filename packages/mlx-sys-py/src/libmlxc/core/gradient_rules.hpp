// How operations are differentiated.
#pragma once

#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// The products of cotangents of all results of a node, `outputs`, with its Jacobians by the inputs
// `argnums`.
//
// Where one element is written to more than once, the last value stays, and it alone has a
// gradient; MLX gives each of them the whole cotangent. It has no gradient of a scatter that
// multiplies, nor of factorisations of matrices, and that of a convolution of a dilated input has
// the wrong shape; that of a quotient divides by a square, which half precision has not. Everything
// else is MLX's rule.
std::vector<mlx::core::array> node_vjp(
    const mlx::core::array& node,
    const std::vector<mlx::core::array>& cotangents,
    const std::vector<int>& argnums,
    const std::vector<mlx::core::array>& outputs);

// The products of the Jacobians of a node by the inputs `argnums` with their tangents.
//
// An operation without a JVP gets that of its VJP, which is linear in the cotangents: the VJP of
// that once more.
std::vector<mlx::core::array> node_jvp(
    const mlx::core::array& node,
    const std::vector<mlx::core::array>& tangents,
    const std::vector<int>& argnums);

}  // namespace mlx_c
