/* The kernels for the CPU: their instruction set, and what they have done. */
#ifndef MLX_C_CPU_H
#define MLX_C_CPU_H

#include "mlx/c/api.h"
#include "mlx/c/string.h"
#include "mlx/c/vector.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The levels that this machine can run, the best one first: instruction sets, and "stock", which
 * leaves all to MLX's own kernels that they can do. */
MLX_C_API int mlx_cpu_get_levels(mlx_vector_string* res);
MLX_C_API int mlx_cpu_get_level(mlx_string* res);
/* Changes the level of what is evaluated from here on. */
MLX_C_API int mlx_cpu_set_level(const char* level);

/* While a log exists, a line is added to it for each node that the CPU evaluates, as with
 * MLX_SYS_PY_CPU_VERBOSE=1, with these fields between commas:
 *
 *   mlx_sys_py,exec,cpu,<primitive>,<inputs>,<outputs>,<kernel>,<reason>,<microseconds> */
typedef struct mlx_cpu_log_ {
  void* ctx;
} mlx_cpu_log;

MLX_C_API mlx_cpu_log mlx_cpu_log_new(void);
MLX_C_API int mlx_cpu_log_free(mlx_cpu_log log);
/* The lines of the nodes that are done. */
MLX_C_API int mlx_cpu_log_get(mlx_string* res, const mlx_cpu_log log);

/* The names of the primitives that the table of kernels has a row for. */
MLX_C_API int _mlx_cpu_get_kernels(mlx_vector_string* res);

#ifdef __cplusplus
}
#endif

#endif
