/* Functions as files: the graphs that they build, with the constants in them.
 *
 * What an exporter writes is whole when it has been closed, or freed. */
#ifndef MLX_C_EXPORT_H
#define MLX_C_EXPORT_H

#include "mlx/c/api.h"
#include "mlx/c/export_value.h"
#include "mlx/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

MLX_C_API int mlx_export_function(
    const char* file, const mlx_closure fun, const mlx_vector_array args, bool shapeless);
MLX_C_API int mlx_export_function_kwargs(
    const char* file,
    const mlx_closure_kwargs fun,
    const mlx_vector_array args,
    const mlx_map_string_to_array kwargs,
    bool shapeless);

/* Applying an exporter records the function for arguments of those shapes and types. */
typedef struct mlx_function_exporter_ {
  void* ctx;
} mlx_function_exporter;

MLX_C_API mlx_function_exporter
mlx_function_exporter_new(const char* file, const mlx_closure fun, bool shapeless);

/* `metadata` is a text that is kept with the function. */
MLX_C_API mlx_function_exporter mlx_function_exporter_new_kwargs(
    const char* file,
    const mlx_closure_kwargs fun,
    bool shapeless,
    const char* metadata /* may be null */);

/* Gives every step of the function to a callback instead of a file: a map, whose "type" says what
 * it is. The callback returns 0, or anything else to fail; the payload is freed as a closure's. */
MLX_C_API mlx_function_exporter mlx_function_exporter_new_callback(
    int (*callback)(const mlx_export_value, void*),
    void* payload,
    void (*dtor)(void*),
    const mlx_closure_kwargs fun,
    bool shapeless);
MLX_C_API int mlx_function_exporter_free(mlx_function_exporter xfunc);
MLX_C_API int mlx_function_exporter_apply(
    const mlx_function_exporter xfunc, const mlx_vector_array args);
MLX_C_API int mlx_function_exporter_apply_kwargs(
    const mlx_function_exporter xfunc,
    const mlx_vector_array args,
    const mlx_map_string_to_array kwargs);
MLX_C_API int mlx_function_exporter_close(const mlx_function_exporter xfunc);

typedef struct mlx_imported_function_ {
  void* ctx;
} mlx_imported_function;

MLX_C_API mlx_imported_function mlx_imported_function_new(const char* file);
MLX_C_API int mlx_imported_function_free(mlx_imported_function xfunc);
MLX_C_API int mlx_imported_function_apply(
    mlx_vector_array* res, const mlx_imported_function xfunc, const mlx_vector_array args);
MLX_C_API int mlx_imported_function_apply_kwargs(
    mlx_vector_array* res,
    const mlx_imported_function xfunc,
    const mlx_vector_array args,
    const mlx_map_string_to_array kwargs);
MLX_C_API int mlx_imported_function_get_metadata(
    mlx_string* res, const mlx_imported_function xfunc);

#ifdef __cplusplus
}
#endif

#endif
