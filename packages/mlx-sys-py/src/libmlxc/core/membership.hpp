// Which elements of an array are among those of another.
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// Whether each element is among the values, which are of the same type and of which there is at
// least one.
mlx::core::array isin(
    const mlx::core::array& element, const mlx::core::array& values, mlx::core::StreamOrDevice s);

}  // namespace mlx_c
