/* The kernels for the CPU: their instruction set, and what they have done. */
#ifndef MLX_C_CPU_H
#define MLX_C_CPU_H

#include "mlx/c/api.h"
#include "mlx/c/map.h"
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

/* The bits that rows of half precision are rounded to where they are multiplied with quantized
 * weights: 8, where the processor multiplies bytes or, of many rows, tiles of bfloat16; or 16,
 * which stands for not at all. */
MLX_C_API int mlx_cpu_get_activation_bits(int* res);
/* Changes them for what is evaluated from here on. */
MLX_C_API int mlx_cpu_set_activation_bits(int bits);

/* Moves arrays that are evaluated to huge pages where they fill them and the system can. */
MLX_C_API int mlx_cpu_move_to_large_pages(const mlx_map_string_to_array arrays);

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
