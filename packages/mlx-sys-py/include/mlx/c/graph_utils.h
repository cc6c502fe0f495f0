/* The graph of operations behind arrays, as text. */
#ifndef MLX_C_GRAPH_UTILS_H
#define MLX_C_GRAPH_UTILS_H

#include "mlx/c/api.h"
#include "mlx/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names of arrays. One that was given no name gets the next of A, B, C... when it is asked for.
 * Names are borrowed until the namer changes or is freed. */
typedef struct mlx_node_namer_ {
  void* ctx;
} mlx_node_namer;

MLX_C_API mlx_node_namer mlx_node_namer_new(void);
MLX_C_API int mlx_node_namer_free(mlx_node_namer namer);
MLX_C_API int mlx_node_namer_set_name(mlx_node_namer namer, const mlx_array arr, const char* name);
MLX_C_API int mlx_node_namer_get_name(const char** name, mlx_node_namer namer, const mlx_array arr);

/* Both write what is not evaluated yet. The namer may be an empty handle. A graph that is too deep
 * for MLX to walk is an MLX_ERROR_INVALID_ARGUMENT. */
MLX_C_API int mlx_export_to_dot(
    FILE* os, const mlx_node_namer namer, const mlx_vector_array outputs);
MLX_C_API int mlx_print_graph(FILE* os, const mlx_node_namer namer, const mlx_vector_array outputs);

#ifdef __cplusplus
}
#endif

#endif
