// Arrays whose shapes a recording depends on.
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// `a`; in the recording of a function for all shapes, with nodes that refuse another shape than
// that of `a`. They are for functions of MLX that put the shape into constants.
mlx::core::array fixed_shape(const mlx::core::array& a, mlx::core::StreamOrDevice s);

// The same for the length of the last axis alone.
mlx::core::array fixed_last_axis(const mlx::core::array& a, mlx::core::StreamOrDevice s);

// MLX's function of this name, whose target a recording knows the shape of: if the slice is all of
// it, MLX records the update alone.
mlx::core::array slice_update(
    const mlx::core::array& src,
    const mlx::core::array& update,
    const mlx::core::Shape& start,
    const mlx::core::Shape& stop,
    const mlx::core::Shape& strides,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c
