/* Kernels of GPUs: their configs anywhere, and what fails without the backend. */
#include "check.h"

#define TEST_CONFIG(prefix)                                                                     \
  do {                                                                                          \
    const int shape[] = {2, 3}, negative[] = {-1};                                              \
    prefix##_config config = prefix##_config_new();                                             \
    CHECK_OK(prefix##_config_add_output_arg(config, shape, 2, MLX_FLOAT32));                    \
    CHECK_FAILS(                                                                                \
        prefix##_config_add_output_arg(config, negative, 1, MLX_FLOAT32),                       \
        MLX_ERROR_INVALID_ARGUMENT,                                                             \
        "shape");                                                                               \
    CHECK_OK(prefix##_config_set_grid(config, 6, 1, 1));                                        \
    CHECK_FAILS(prefix##_config_set_grid(config, 6, 0, 1), MLX_ERROR_INVALID_ARGUMENT, "grid"); \
    CHECK_OK(prefix##_config_set_thread_group(config, 6, 1, 1));                                \
    CHECK_OK(prefix##_config_set_init_value(config, 0));                                        \
    CHECK_OK(prefix##_config_set_verbose(config, false));                                       \
    CHECK_OK(prefix##_config_add_template_arg_dtype(config, "T", MLX_FLOAT16));                 \
    CHECK_OK(prefix##_config_add_template_arg_int(config, "N", 3));                             \
    CHECK_OK(prefix##_config_add_template_arg_bool(config, "B", true));                         \
    CHECK_FAILS(                                                                                \
        prefix##_config_add_template_arg_int(config, NULL, 3),                                  \
        MLX_ERROR_INVALID_ARGUMENT,                                                             \
        "name");                                                                                \
    prefix none = {NULL};                                                                       \
    mlx_vector_array inputs = mlx_vector_array_new(), outputs = {NULL};                         \
    CHECK_FAILS(                                                                                \
        prefix##_apply(&outputs, none, inputs, config, default_stream),                         \
        MLX_ERROR_INVALID_ARGUMENT,                                                             \
        "cls");                                                                                 \
    mlx_vector_array_free(inputs);                                                              \
    prefix##_free(none);                                                                        \
    prefix##_config_free(config);                                                               \
  } while (0)

static void test_backends(void) {
  bool metal = true, cuda = true;
  CHECK_OK(mlx_metal_is_available(&metal));
  CHECK_OK(mlx_cuda_is_available(&cuda));
  CHECK(!(metal && cuda));
  CHECK_FAILS(mlx_cuda_is_available(NULL), MLX_ERROR_INVALID_ARGUMENT, "res");
  mlx_vector_string names = mlx_vector_string_new_value("x");
  if (!metal) {
    CHECK_FAILS(mlx_metal_start_capture("x.gputrace"), MLX_ERROR_RUNTIME, "not available");
    CHECK_FAILS(mlx_metal_stop_capture(), MLX_ERROR_RUNTIME, "not available");
  }
  if (!cuda) {
    CHECK(!mlx_fast_cuda_kernel_new("k", names, names, "", "", true, 0).ctx);
    CHECK(mlx_last_error_kind() == MLX_ERROR_RUNTIME);
    mlx_fast_cuda_kernel_config config = mlx_fast_cuda_kernel_config_new();
    CHECK_OK(mlx_fast_cuda_kernel_config_add_scalar_bool(config, true));
    CHECK_OK(mlx_fast_cuda_kernel_config_add_scalar_int(config, 1));
    CHECK_OK(mlx_fast_cuda_kernel_config_add_scalar_float(config, 1));
    mlx_vector_array inputs = mlx_vector_array_new(), res = {NULL};
    CHECK(
        mlx_fast_precompiled_cuda_kernel(
            &res, "k", "source", 6, inputs, config, 0, false, default_stream) != 0);
    mlx_vector_array_free(inputs);
    mlx_fast_cuda_kernel_config_free(config);
  }
  CHECK(!mlx_fast_metal_kernel_new(NULL, names, names, "", "", true, false).ctx);
  CHECK(mlx_last_error_kind() == MLX_ERROR_INVALID_ARGUMENT);
  mlx_vector_string_free(names);
}

int main(void) {
  TEST_CONFIG(mlx_fast_metal_kernel);
  TEST_CONFIG(mlx_fast_cuda_kernel);
  test_backends();
  return 0;
}
