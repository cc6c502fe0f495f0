// Arrays, one operation, and what an error looks like from C.

#include <string.h>

#include "check.h"
#include "mlx/c/mlx.h"

int main(void) {
  mlx_stream stream = mlx_default_cpu_stream_new();

  float values[] = {1, 2, 3, 4, 5, 6};
  int shape[] = {2, 3};
  mlx_array a = mlx_array_new_data(values, shape, 2, MLX_FLOAT32);
  mlx_array ones = mlx_array_new_float32(1);
  CHECK(mlx_array_ndim(a) == 2 && mlx_array_size(a) == 6 && mlx_array_dtype(a) == MLX_FLOAT32);

  mlx_array b = mlx_array_new();
  CHECK(mlx_add(&b, a, ones, stream) == 0);
  CHECK(mlx_array_eval(b) == 0);
  CHECK(mlx_array_shape(b)[0] == 2 && mlx_array_shape(b)[1] == 3);
  for (int i = 0; i < 6; i++) {
    CHECK(mlx_array_data_float32(b)[i] == values[i] + 1);
  }

  // An inner dimension that does not fit: a status, a kind and a message, and the program goes on.
  mlx_array product = mlx_array_new();
  CHECK(mlx_matmul(&product, a, b, stream) != 0);
  CHECK(product.ctx == NULL);
  CHECK(mlx_last_error_kind() == MLX_ERROR_INVALID_ARGUMENT);
  CHECK(strstr(mlx_last_error_message(), "matmul") != NULL);

  // An empty handle is no array, and no crash either.
  mlx_array empty = mlx_array_new();
  CHECK(mlx_add(&product, a, empty, stream) != 0);
  CHECK(mlx_last_error_kind() == MLX_ERROR_INVALID_ARGUMENT);

  // An empty stream handle means the default stream.
  mlx_stream none = mlx_stream_new();
  mlx_array total = mlx_array_new();
  float sum = 0;
  CHECK(mlx_sum(&total, b, false, none) == 0);
  CHECK(mlx_array_item_float32(&sum, total) == 0);
  CHECK(sum == 27);

  mlx_array_free(total);
  mlx_array_free(product);
  mlx_array_free(b);
  mlx_array_free(ones);
  mlx_array_free(a);
  mlx_stream_free(stream);
  puts("arrays: ok");
  return 0;
}
