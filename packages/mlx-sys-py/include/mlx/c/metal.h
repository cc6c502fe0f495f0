/* Metal, Apple's interface to GPUs. */
#ifndef MLX_C_METAL_H
#define MLX_C_METAL_H

#include "mlx/c/api.h"
#include "mlx/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

MLX_C_API int mlx_metal_is_available(bool* res);

/* Records what the GPU does, to be looked at in Xcode, in a new file with a name in .gputrace.
 * Fails where Metal is not available. */
MLX_C_API int mlx_metal_start_capture(const char* path);
MLX_C_API int mlx_metal_stop_capture(void);

#ifdef __cplusplus
}
#endif

#endif
