// How operations are differentiated, where MLX's rules do not do.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

#include "core/lent_primitives.hpp"

namespace mlx_c {

// Primitives for LentPrimitives.
//
// Where one element is written to more than once, the last value stays, and it alone has a
// gradient; MLX gives each of them the whole cotangent. It has no gradient of a scatter that
// multiplies, nor of factorisations of matrices.
std::shared_ptr<mlx::core::Primitive> vjp_rule(mlx::core::array& node);

// An operation without a JVP gets that of its VJP, which is linear in the cotangents: the VJP of
// that once more.
std::shared_ptr<mlx::core::Primitive> jvp_rule(mlx::core::array& node);

// `function`, after which primitives are lent to what it recorded of the inputs with these numbers;
// of all without.
std::function<std::vector<mlx::core::array>(const std::vector<mlx::core::array>&)> lending(
    LentPrimitives& lent,
    std::function<std::vector<mlx::core::array>(const std::vector<mlx::core::array>&)> function,
    std::optional<std::vector<int>> argnums = std::nullopt);

}  // namespace mlx_c
