/* Strings owned by the library. */
#ifndef MLX_C_STRING_H
#define MLX_C_STRING_H

#include "mlx/c/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mlx_string_ {
  void* ctx;
} mlx_string;

MLX_C_API mlx_string mlx_string_new(void);
MLX_C_API mlx_string mlx_string_new_data(const char* str);
MLX_C_API int mlx_string_set(mlx_string* str, const mlx_string src);

/* The characters of `str`, borrowed: valid until it is set or freed. */
MLX_C_API const char* mlx_string_data(mlx_string str);
MLX_C_API int mlx_string_free(mlx_string str);

#ifdef __cplusplus
}
#endif

#endif
