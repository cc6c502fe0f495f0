/* Memory in use, and its limits. */
#ifndef MLX_C_MEMORY_H
#define MLX_C_MEMORY_H

#include "mlx/c/api.h"
#include "mlx/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

MLX_C_API int mlx_clear_cache(void);
MLX_C_API int mlx_get_active_memory(size_t* res);
/* Bytes of the buffers behind evaluated arrays, as the allocator rounds them. A buffer that several
 * arrays share counts once. */
MLX_C_API int mlx_get_array_buffer_size(size_t* res, const mlx_vector_array arrays);
MLX_C_API int mlx_get_cache_memory(size_t* res);
MLX_C_API int mlx_get_memory_limit(size_t* res);
MLX_C_API int mlx_get_peak_memory(size_t* res);
MLX_C_API int mlx_reset_peak_memory(void);
MLX_C_API int mlx_set_cache_limit(size_t* res, size_t limit);
MLX_C_API int mlx_set_memory_limit(size_t* res, size_t limit);
MLX_C_API int mlx_set_wired_limit(size_t* res, size_t limit);

#ifdef __cplusplus
}
#endif

#endif
