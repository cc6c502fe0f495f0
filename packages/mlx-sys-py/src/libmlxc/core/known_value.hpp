// The value of an array of one element that is there already, as the array of a Python number is.
#pragma once

#include <optional>

#include <mlx/array.h>

namespace mlx_c {

// None for more elements, for what is not computed yet, and for complex numbers.
std::optional<long double> known_value(const mlx::core::array& a);

}  // namespace mlx_c
