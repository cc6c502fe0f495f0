// The frequencies of a Fourier transform, in any floating-point type.
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// MLX's fftfreq and rfftfreq, which know float32 alone.
mlx::core::array frequencies(int n, double d, mlx::core::Dtype dtype, mlx::core::StreamOrDevice s);
mlx::core::array half_frequencies(
    int n, double d, mlx::core::Dtype dtype, mlx::core::StreamOrDevice s);

}  // namespace mlx_c
