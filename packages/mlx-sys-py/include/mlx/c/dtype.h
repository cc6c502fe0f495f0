/* Type promotion, and scalars of any type: what a binding needs to treat the
 * numbers of its own language as weakly typed.  Not in mlx-c. */

#ifndef MLX_C_DTYPE_H
#define MLX_C_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "mlx/c/api.h"
#include "mlx/c/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Groups of types, as `numpy.number` and its kin are. */
typedef enum mlx_dtype_category_ MLX_C_ENUM {
  MLX_COMPLEXFLOATING,
  MLX_FLOATING,
  MLX_INEXACT,
  MLX_SIGNEDINTEGER,
  MLX_UNSIGNEDINTEGER,
  MLX_INTEGER,
  MLX_NUMBER,
  MLX_GENERIC
} mlx_dtype_category;

/** The type that an operation on `a` and `b` computes in. */
MLX_C_API int mlx_promote_types(mlx_dtype* res, mlx_dtype a, mlx_dtype b);

/** Whether `dtype` belongs to `category`. */
MLX_C_API int mlx_dtype_is_in_category(bool* res, mlx_dtype dtype, mlx_dtype_category category);

/** A 0-dimensional array of `dtype` with the value `val`, converted as C does. */
MLX_C_API mlx_array mlx_array_new_int64_as(int64_t val, mlx_dtype dtype);
MLX_C_API mlx_array mlx_array_new_uint64_as(uint64_t val, mlx_dtype dtype);
MLX_C_API mlx_array mlx_array_new_double_as(double val, mlx_dtype dtype);

#ifdef __cplusplus
}
#endif

#endif
