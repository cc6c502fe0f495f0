/* A gradient in one call and the two halves of vmap, for language bindings. */
#ifndef MLX_C_TRANSFORMS_IMPL_H
#define MLX_C_TRANSFORMS_IMPL_H

#include "mlx/c/api.h"
#include "mlx/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What mlx_value_and_grad of all inputs gives, applied at once: a function that is differentiated
   once needs no other closure. */
MLX_C_API int mlx_detail_value_and_grad(
    mlx_vector_array* res_0,
    mlx_vector_array* res_1,
    const mlx_closure fun,
    const mlx_vector_array inputs);
MLX_C_API int mlx_detail_vmap_replace(
    mlx_vector_array* res,
    const mlx_vector_array inputs,
    const mlx_vector_array s_inputs,
    const mlx_vector_array s_outputs,
    const int* in_axes,
    size_t in_axes_num,
    const int* out_axes,
    size_t out_axes_num);
MLX_C_API int mlx_detail_vmap_trace(
    mlx_vector_array* res_0,
    mlx_vector_array* res_1,
    const mlx_closure fun,
    const mlx_vector_array inputs,
    const int* in_axes,
    size_t in_axes_num);

#ifdef __cplusplus
}
#endif

#endif
