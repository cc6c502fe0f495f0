/* CUDA, NVIDIA's interface to GPUs. */
#ifndef MLX_C_CUDA_H
#define MLX_C_CUDA_H

#include "mlx/c/api.h"
#include "mlx/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

MLX_C_API int mlx_cuda_is_available(bool* res);

#ifdef __cplusplus
}
#endif

#endif
