// Where the elements of an array are that are not zero.
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// The first `size` indices of nonzero elements of the flattened array, and its length in the places
// left over, as uint32.
mlx::core::array positions(const mlx::core::array& a, int size, mlx::core::StreamOrDevice s);

}  // namespace mlx_c
