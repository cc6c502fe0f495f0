// The one header of MLX brings the standard headers, as mlx-c's does: a program needs no other.

#include "mlx/c/mlx.h"

static void check(bool condition, const char* what) {
  if (!condition) {
    fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
  }
}

// The numbers 0, 1, 2, ... as an array.
static mlx_array count_to(int end) {
  float* values = malloc(end * sizeof *values);
  check(values != NULL, "out of memory");
  for (int i = 0; i < end; i++) {
    values[i] = (float)i;
  }
  mlx_array res = mlx_array_new_data(values, &end, 1, MLX_FLOAT32);
  free(values);
  return res;
}

int main(void) {
  mlx_stream stream = mlx_default_cpu_stream_new();
  mlx_array numbers = count_to(10);

  float greatest = -FLT_MAX;
  mlx_array res = mlx_array_new();
  check(mlx_max(&res, numbers, false, stream) == 0, "max");
  check(mlx_array_item_float32(&greatest, res) == 0, "item");
  check(greatest == 9, "the greatest number");

  mlx_complex64_t z = 0;
  mlx_array imaginary = mlx_array_new_complex(0, 1);
  check(mlx_multiply(&res, numbers, imaginary, stream) == 0, "multiply");
  check(mlx_sum(&res, res, false, stream) == 0, "sum");
  check(mlx_array_item_complex64(&z, res) == 0, "item");
  check(crealf(z) == 0 && cimagf(z) == 45, "the sum of imaginary numbers");

  int64_t wide = 0;
  check(mlx_astype(&res, numbers, MLX_INT64, stream) == 0, "astype");
  check(mlx_sum(&res, res, false, stream) == 0, "sum");
  check(mlx_array_item_int64(&wide, res) == 0, "item");
  check(wide == INT64_C(45), "the sum of integers");

  mlx_array_free(imaginary);
  mlx_array_free(res);
  mlx_array_free(numbers);
  mlx_stream_free(stream);
  puts("mlx_header_only: ok");
  return EXIT_SUCCESS;
}
