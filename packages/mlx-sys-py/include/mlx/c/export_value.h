/* What an exporter tells its callback: values of several kinds, in lists, tuples and maps.
 *
 * All is lent for the time of the callback, strings and entries too. A getter of another kind than
 * the value's is an error. */
#ifndef MLX_C_EXPORT_VALUE_H
#define MLX_C_EXPORT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlx/c/api.h"
#include "mlx/c/array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mlx_export_kind_ MLX_C_ENUM {
  MLX_EXPORT_NONE,
  MLX_EXPORT_BOOL,
  MLX_EXPORT_INT,
  MLX_EXPORT_FLOAT,
  MLX_EXPORT_STRING,
  MLX_EXPORT_DTYPE,
  MLX_EXPORT_ARRAY,
  MLX_EXPORT_LIST,
  MLX_EXPORT_TUPLE,
  MLX_EXPORT_MAP,
} mlx_export_kind;

typedef struct mlx_export_value_ {
  void* ctx;
} mlx_export_value;

MLX_C_API int mlx_export_value_get_kind(mlx_export_kind* res, const mlx_export_value value);
MLX_C_API int mlx_export_value_get_bool(bool* res, const mlx_export_value value);
MLX_C_API int mlx_export_value_get_int(int64_t* res, const mlx_export_value value);
MLX_C_API int mlx_export_value_get_float(double* res, const mlx_export_value value);
MLX_C_API int mlx_export_value_get_string(const char** res, const mlx_export_value value);
MLX_C_API int mlx_export_value_get_dtype(mlx_dtype* res, const mlx_export_value value);

/* The array is not lent: it is the caller's to free. */
MLX_C_API int mlx_export_value_get_array(mlx_array* res, const mlx_export_value value);

/* The entries of a list, a tuple or a map, and their keys in a map. */
MLX_C_API int mlx_export_value_get_size(size_t* res, const mlx_export_value value);
MLX_C_API int mlx_export_value_get_entry(
    mlx_export_value* res, const mlx_export_value value, size_t index);
MLX_C_API int mlx_export_value_get_key(
    const char** res, const mlx_export_value value, size_t index);

#ifdef __cplusplus
}
#endif

#endif
