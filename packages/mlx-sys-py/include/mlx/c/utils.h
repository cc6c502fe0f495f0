/* How arrays are printed, and how expressions are computed, for people to look at. */
#ifndef MLX_C_UTILS_H
#define MLX_C_UTILS_H

#include "mlx/c/api.h"
#include "mlx/c/string.h"
#include "mlx/c/vector.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The digits behind the point that mlx_array_tostring writes, for the whole process: up to
 * MLX_PRECISION_MAX, or MLX_PRECISION_DEFAULT for as many as it takes to write six in all. */
#define MLX_PRECISION_DEFAULT (-1)
#define MLX_PRECISION_MAX 1000

MLX_C_API int mlx_get_printoptions(int* precision);
MLX_C_API int mlx_set_printoptions(int precision);

/* The order in which mlx_einsum contracts its operands. Each step takes operands off the list and
 * puts their product at its end: `positions` holds those of all steps, one step after the other,
 * and `counts` how many there are in each. */
MLX_C_API int mlx_einsum_path(
    mlx_vector_int* positions,
    mlx_vector_int* counts,
    mlx_string* description,
    const char* subscripts,
    const mlx_vector_array operands);

#ifdef __cplusplus
}
#endif

#endif
