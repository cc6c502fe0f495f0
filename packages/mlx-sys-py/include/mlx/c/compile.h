/* Compilation of functions. */
#ifndef MLX_C_COMPILE_H
#define MLX_C_COMPILE_H

#include "mlx/c/api.h"
#include "mlx/c/types.h"
#include "mlx/c/vector.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mlx_compile_mode_ MLX_C_ENUM {
  MLX_COMPILE_MODE_DISABLED,
  MLX_COMPILE_MODE_NO_SIMPLIFY,
  MLX_COMPILE_MODE_NO_FUSE,
  MLX_COMPILE_MODE_ENABLED,
} mlx_compile_mode;

MLX_C_API int mlx_compile(mlx_closure* res, const mlx_closure fun, bool shapeless);

/* Every thread has a cache of its own. `fun_id` and `constants` are the key in it: an id stands
 * for one function until it is erased in every thread that has called it. */
MLX_C_API int mlx_detail_compile(
    mlx_closure* res,
    const mlx_closure fun,
    uintptr_t fun_id,
    bool shapeless,
    const uint64_t* constants,
    size_t constants_num);
MLX_C_API int mlx_detail_compile_clear_cache(void);
MLX_C_API int mlx_detail_compile_erase(uintptr_t fun_id);
MLX_C_API int mlx_disable_compile(void);
MLX_C_API int mlx_enable_compile(void);
MLX_C_API int mlx_set_compile_mode(mlx_compile_mode mode);

/* A function that does what `fun` would do in `*length` calls that follow each other: each call is
 * the next one. `fun` is called three times, as for the first, the second and the last of them,
 * with arrays that have the shapes and types of `inputs` and no values; when it is called first, it
 * may set the length. These calls must make the same graph of the same constants, except that
 * shapes, bounds of slices, offsets of rope and constant integers grow evenly. */
MLX_C_API int _mlx_record_steps(
    mlx_closure* res, const mlx_closure fun, const mlx_vector_array inputs, const int* length);

/* The names of the primitives whose inputs are checked where a function for all shapes is repeated.
 */
MLX_C_API int _mlx_compile_get_checked_primitives(mlx_vector_string* res);

#ifdef __cplusplus
}
#endif

#endif
