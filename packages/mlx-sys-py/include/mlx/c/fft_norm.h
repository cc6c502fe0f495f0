/* How the Fourier transforms of fft.h are scaled. */
#ifndef MLX_C_FFT_NORM_H
#define MLX_C_FFT_NORM_H

#include "mlx/c/api.h"

typedef enum mlx_fft_norm_ MLX_C_ENUM {
  MLX_FFT_NORM_BACKWARD, /* the inverse by 1/n */
  MLX_FFT_NORM_ORTHO,    /* both by 1/sqrt(n) */
  MLX_FFT_NORM_FORWARD,  /* the forward transform by 1/n */
} mlx_fft_norm;

#endif
