// The frequencies of a Fourier transform, in any floating-point type.
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c::fft {

// MLX's functions of these names, which know float32 alone.
mlx::core::array fftfreq(int n, double d, mlx::core::Dtype dtype, mlx::core::StreamOrDevice s);
mlx::core::array rfftfreq(int n, double d, mlx::core::Dtype dtype, mlx::core::StreamOrDevice s);

}  // namespace mlx_c::fft
