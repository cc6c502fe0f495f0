// Arrays that get another value in part.
#pragma once

#include <mlx/array.h>
#include <mlx/stream.h>

namespace mlx_c::cpu {

// Gives `y` the elements of `x`: its buffer if nobody else needs that, as a cache that grows, else
// a copy.
void copy_on_write(const mlx::core::array& x, mlx::core::array& y, mlx::core::Stream stream);

}  // namespace mlx_c::cpu
