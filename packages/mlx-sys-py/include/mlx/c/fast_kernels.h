/* Kernels in the language of a GPU, compiled as the program runs.
 *
 * A kernel has a name, the names of its inputs and outputs, and a source: the body of a function,
 * whose head MLX writes. A config says how to run it: on how many threads, in groups of how many,
 * and with which outputs and template arguments. Where its backend is not there, making a kernel
 * fails, or applying it. */
#ifndef MLX_C_FAST_KERNELS_H
#define MLX_C_FAST_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "mlx/c/api.h"
#include "mlx/c/dtype.h"
#include "mlx/c/stream.h"
#include "mlx/c/vector.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mlx_fast_metal_kernel_config_ {
  void* ctx;
} mlx_fast_metal_kernel_config;

MLX_C_API mlx_fast_metal_kernel_config mlx_fast_metal_kernel_config_new(void);
MLX_C_API void mlx_fast_metal_kernel_config_free(mlx_fast_metal_kernel_config cls);
MLX_C_API int mlx_fast_metal_kernel_config_add_output_arg(
    mlx_fast_metal_kernel_config cls, const int* shape, size_t size, mlx_dtype dtype);
MLX_C_API int mlx_fast_metal_kernel_config_set_grid(
    mlx_fast_metal_kernel_config cls, int grid1, int grid2, int grid3);
MLX_C_API int mlx_fast_metal_kernel_config_set_thread_group(
    mlx_fast_metal_kernel_config cls, int thread1, int thread2, int thread3);
MLX_C_API int mlx_fast_metal_kernel_config_set_init_value(
    mlx_fast_metal_kernel_config cls, float value);
MLX_C_API int mlx_fast_metal_kernel_config_set_verbose(
    mlx_fast_metal_kernel_config cls, bool verbose);
MLX_C_API int mlx_fast_metal_kernel_config_add_template_arg_dtype(
    mlx_fast_metal_kernel_config cls, const char* name, mlx_dtype dtype);
MLX_C_API int mlx_fast_metal_kernel_config_add_template_arg_int(
    mlx_fast_metal_kernel_config cls, const char* name, int value);
MLX_C_API int mlx_fast_metal_kernel_config_add_template_arg_bool(
    mlx_fast_metal_kernel_config cls, const char* name, bool value);

typedef struct mlx_fast_metal_kernel_ {
  void* ctx;
} mlx_fast_metal_kernel;

MLX_C_API mlx_fast_metal_kernel mlx_fast_metal_kernel_new(
    const char* name,
    const mlx_vector_string input_names,
    const mlx_vector_string output_names,
    const char* source,
    const char* header,
    bool ensure_row_contiguous,
    bool atomic_outputs);

/* How exactly the Metal compiler computes with floating-point numbers; exactly by default. */
typedef enum mlx_metal_math_mode_ MLX_C_ENUM {
  MLX_METAL_MATH_MODE_SAFE,
  MLX_METAL_MATH_MODE_RELAXED,
  MLX_METAL_MATH_MODE_FAST,
} mlx_metal_math_mode;

MLX_C_API mlx_fast_metal_kernel mlx_fast_metal_kernel_new_math_mode(
    const char* name,
    const mlx_vector_string input_names,
    const mlx_vector_string output_names,
    const char* source,
    const char* header,
    bool ensure_row_contiguous,
    bool atomic_outputs,
    mlx_metal_math_mode math_mode);
MLX_C_API void mlx_fast_metal_kernel_free(mlx_fast_metal_kernel cls);
MLX_C_API int mlx_fast_metal_kernel_apply(
    mlx_vector_array* outputs,
    mlx_fast_metal_kernel cls,
    const mlx_vector_array inputs,
    const mlx_fast_metal_kernel_config config,
    const mlx_stream stream);

typedef struct mlx_fast_cuda_kernel_config_ {
  void* ctx;
} mlx_fast_cuda_kernel_config;

MLX_C_API mlx_fast_cuda_kernel_config mlx_fast_cuda_kernel_config_new(void);
MLX_C_API void mlx_fast_cuda_kernel_config_free(mlx_fast_cuda_kernel_config cls);
MLX_C_API int mlx_fast_cuda_kernel_config_add_output_arg(
    mlx_fast_cuda_kernel_config cls, const int* shape, size_t size, mlx_dtype dtype);
MLX_C_API int mlx_fast_cuda_kernel_config_set_grid(
    mlx_fast_cuda_kernel_config cls, int grid1, int grid2, int grid3);
MLX_C_API int mlx_fast_cuda_kernel_config_set_thread_group(
    mlx_fast_cuda_kernel_config cls, int thread1, int thread2, int thread3);
MLX_C_API int mlx_fast_cuda_kernel_config_set_init_value(
    mlx_fast_cuda_kernel_config cls, float value);
MLX_C_API int mlx_fast_cuda_kernel_config_set_verbose(
    mlx_fast_cuda_kernel_config cls, bool verbose);
MLX_C_API int mlx_fast_cuda_kernel_config_add_template_arg_dtype(
    mlx_fast_cuda_kernel_config cls, const char* name, mlx_dtype dtype);
MLX_C_API int mlx_fast_cuda_kernel_config_add_template_arg_int(
    mlx_fast_cuda_kernel_config cls, const char* name, int value);
MLX_C_API int mlx_fast_cuda_kernel_config_add_template_arg_bool(
    mlx_fast_cuda_kernel_config cls, const char* name, bool value);

/* The arguments after the arrays of a kernel that is compiled already, in order. */
MLX_C_API int mlx_fast_cuda_kernel_config_add_scalar_bool(
    mlx_fast_cuda_kernel_config cls, bool value);
MLX_C_API int mlx_fast_cuda_kernel_config_add_scalar_int(
    mlx_fast_cuda_kernel_config cls, int value);
MLX_C_API int mlx_fast_cuda_kernel_config_add_scalar_float(
    mlx_fast_cuda_kernel_config cls, float value);

typedef struct mlx_fast_cuda_kernel_ {
  void* ctx;
} mlx_fast_cuda_kernel;

MLX_C_API mlx_fast_cuda_kernel mlx_fast_cuda_kernel_new(
    const char* name,
    const mlx_vector_string input_names,
    const mlx_vector_string output_names,
    const char* source,
    const char* header,
    bool ensure_row_contiguous,
    int shared_memory);
MLX_C_API void mlx_fast_cuda_kernel_free(mlx_fast_cuda_kernel cls);
MLX_C_API int mlx_fast_cuda_kernel_apply(
    mlx_vector_array* outputs,
    mlx_fast_cuda_kernel cls,
    const mlx_vector_array inputs,
    const mlx_fast_cuda_kernel_config config,
    const mlx_stream stream);

/* Runs a kernel of a compiled source (PTX or cubin), without template arguments. */
MLX_C_API int mlx_fast_precompiled_cuda_kernel(
    mlx_vector_array* outputs,
    const char* name,
    const char* compiled_source,
    size_t compiled_source_num,
    const mlx_vector_array inputs,
    const mlx_fast_cuda_kernel_config config,
    int shared_memory,
    bool ensure_row_contiguous,
    const mlx_stream stream);

#ifdef __cplusplus
}
#endif

#endif
