// The elements of arrays of integers.
#pragma once

#include <optional>

#include <mlx/array.h>

#include "core/growable.hpp"

namespace mlx_c {

// Of an array that has its values, row by row; nothing if they are no integers.
std::optional<Numbers> integers_of(const mlx::core::array& a);

// An array of the shape and type of another one. Throws std::invalid_argument if a number does not
// fit.
mlx::core::array array_of(const Numbers& numbers, const mlx::core::array& like);

}  // namespace mlx_c
