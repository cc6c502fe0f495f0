// Every failure is a status, a kind and a message; a handler hears of each.

#include <string.h>

#include "check.h"
#include "mlx/c/mlx.h"

static int heard;

static void handler(const char* message, void* data) {
  CHECK(strlen(message) > 0);
  CHECK(*(int*)data == 42);
  heard++;
}

static int failing(mlx_vector_array* res, const mlx_vector_array inputs) {
  (void)res;
  (void)inputs;
  return 1;
}

int main(void) {
  mlx_stream stream = mlx_default_cpu_stream_new();
  int two[] = {2}, three[] = {3}, data = 42;
  float values[] = {1.0f, 2.0f, 3.0f};
  mlx_array a = mlx_array_new_data(values, two, 1, MLX_FLOAT32);
  mlx_array b = mlx_array_new_data(values, three, 1, MLX_FLOAT32);
  mlx_array empty = mlx_array_new(), res = mlx_array_new();

  CHECK(mlx_add(&res, a, b, stream) != 0);
  CHECK(mlx_last_error_kind() == MLX_ERROR_INVALID_ARGUMENT);
  CHECK(strstr(mlx_last_error_message(), "broadcast") != NULL);
  CHECK(res.ctx == NULL);

  mlx_set_error_handler(handler, &data, NULL);
  CHECK(mlx_add(&res, a, empty, stream) != 0 && heard == 1);
  CHECK(strstr(mlx_last_error_message(), "b is an empty array handle") != NULL);
  CHECK(mlx_load(&res, "no %s such %n file.npy", stream) != 0 && heard == 2);
  CHECK(mlx_last_error_kind() == MLX_ERROR_FILE_NOT_FOUND);

  mlx_closure closure = mlx_closure_new_func(failing);
  mlx_vector_array inputs = mlx_vector_array_new_value(a), outputs = mlx_vector_array_new();
  CHECK(mlx_closure_apply(&outputs, closure, inputs) != 0 && heard == 3);
  CHECK(mlx_last_error_kind() == MLX_ERROR_CALLBACK);

  // After any failure the library works on.
  mlx_set_error_handler(NULL, NULL, NULL);
  CHECK(mlx_add(&res, a, a, stream) == 0 && mlx_array_eval(res) == 0);
  CHECK(mlx_array_data_float32(res)[1] == 4.0f);

  mlx_vector_array_free(outputs);
  mlx_vector_array_free(inputs);
  mlx_closure_free(closure);
  mlx_array_free(res);
  mlx_array_free(empty);
  mlx_array_free(b);
  mlx_array_free(a);
  mlx_stream_free(stream);
  puts("errors: ok");
  return 0;
}
