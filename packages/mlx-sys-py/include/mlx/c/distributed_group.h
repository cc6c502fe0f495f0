/* Groups of processes that compute together. */
#ifndef MLX_C_DISTRIBUTED_GROUP_H
#define MLX_C_DISTRIBUTED_GROUP_H

#include <stdbool.h>

#include "mlx/c/api.h"
#include "mlx/c/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mlx_distributed_group_ {
  void* ctx;
} mlx_distributed_group;

/* An empty handle, which stands for the group of all processes. */
MLX_C_API mlx_distributed_group mlx_distributed_group_new(void);
MLX_C_API int mlx_distributed_group_free(mlx_distributed_group group);

/* The group of all processes over a backend: "mpi", "ring", "nccl", "jaccl", or "any" (or NULL)
 * for the first that works. Where none does, an error if `strict`, else a group of one. */
MLX_C_API int mlx_distributed_init(
    mlx_distributed_group* res, bool strict, const char* bk /* may be null */);

/* Both 0 for an empty handle, which is an error. */
MLX_C_API int mlx_distributed_group_rank(mlx_distributed_group group);
MLX_C_API int mlx_distributed_group_size(mlx_distributed_group group);

/* The processes of one color form a group, in the order of their keys; a negative key is the rank
 * in `group`. */
MLX_C_API int mlx_distributed_group_split(
    mlx_distributed_group* res, mlx_distributed_group group, int color, int key);

/* Whether MLX was built with a backend, which says nothing of whether a group can be made. */
MLX_C_API bool mlx_distributed_is_available(const char* bk /* may be null */);

/* Lets go of the backends that are in use. */
MLX_C_API int mlx_distributed_clear_backends(void);

#ifdef __cplusplus
}
#endif

#endif
