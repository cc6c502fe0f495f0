/* Arrays: construction, description, items, data, evaluation. */
#include "check.h"

static int freed = 0;

static void count_freed(void* payload) {
  *(int*)payload += 1;
}

static void test_scalars(void) {
  mlx_array arr = mlx_array_new_int(7);
  int32_t value = 0;
  CHECK_OK(mlx_array_item_int32(&value, arr));
  CHECK(value == 7 && mlx_array_ndim(arr) == 0 && mlx_array_size(arr) == 1);
  CHECK(mlx_array_dtype(arr) == MLX_INT32 && mlx_array_itemsize(arr) == 4);

  /* Set in place: every copy of the handle sees it. */
  mlx_array copy = arr;
  CHECK_OK(mlx_array_set_float(&arr, 1.5f));
  float single = 0;
  CHECK_OK(mlx_array_item_float32(&single, copy));
  CHECK(single == 1.5f);

  CHECK_OK(mlx_array_set_double(&arr, 0.1));
  double full = 0;
  CHECK_OK(mlx_array_item_float64(&full, arr));
  CHECK(full == 0.1);

  CHECK_OK(mlx_array_set_bool(&arr, true));
  bool truth = false;
  CHECK_OK(mlx_array_item_bool(&truth, arr));
  CHECK(truth);

  CHECK_OK(mlx_array_set_complex(&arr, 1, -2));
  float parts[2];
  mlx_complex64_t number;
  CHECK_OK(mlx_array_item_complex64(&number, arr));
  memcpy(parts, &number, sizeof(parts));
  CHECK(parts[0] == 1 && parts[1] == -2);
  mlx_array_free(arr);
}

static void test_data(void) {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const int shape[] = {2, 3};
  mlx_array arr = mlx_array_new_data(values, shape, 2, MLX_FLOAT32);
  CHECK(mlx_array_ndim(arr) == 2 && mlx_array_nbytes(arr) == sizeof(values));
  CHECK(mlx_array_shape(arr)[0] == 2 && mlx_array_strides(arr)[0] == 3);
  CHECK(mlx_array_dim(arr, -1) == 3);
  CHECK(mlx_array_dim(arr, 2) == 0 && mlx_last_error_kind() == MLX_ERROR_OUT_OF_RANGE);
  CHECK(memcmp(mlx_array_data_float32(arr), values, sizeof(values)) == 0);
  CHECK(memcmp(mlx_array_data_uint8(arr), values, sizeof(values)) == 0);

  bool contiguous = false;
  CHECK_OK(_mlx_array_is_row_contiguous(&contiguous, arr));
  CHECK(contiguous);
  CHECK(!mlx_array_is_traced(arr));

  mlx_string text = mlx_string_new();
  CHECK_OK(mlx_array_tostring(&text, arr));
  CHECK(strstr(mlx_string_data(text), "[4, 5, 6]"));
  mlx_string_free(text);
  mlx_array_free(arr);

  const int none[] = {0, 3};
  arr = mlx_array_new_data(NULL, none, 2, MLX_INT8);
  CHECK(arr.ctx && mlx_array_size(arr) == 0);
  mlx_array_free(arr);
}

static void test_half(void) {
  const uint16_t bits[] = {0x3c00};
  const int one = 1;
  mlx_array arr = mlx_array_new_data(bits, &one, 1, MLX_FLOAT16);
  uint16_t read = 0;
  CHECK_OK(mlx_array_item_uint16(&read, arr));
  CHECK(read == 0x3c00);
  float16_t half;
  CHECK_OK(mlx_array_item_float16(&half, arr));
  CHECK(memcmp(&half, bits, 2) == 0);
  bfloat16_t brain;
  CHECK_FAILS(mlx_array_item_bfloat16(&brain, arr), MLX_ERROR_INVALID_ARGUMENT, "float16");
  mlx_array_free(arr);
}

static void test_managed(void) {
  float* values = malloc(4 * sizeof(float));
  const int shape[] = {4};
  for (int i = 0; i < 4; ++i) {
    values[i] = (float)i;
  }
  mlx_array arr =
      mlx_array_new_data_managed_payload(values, shape, 1, MLX_FLOAT32, &freed, count_freed);
  const float expected[] = {0, 1, 2, 3};
  check_floats(arr, expected, 4);
  mlx_array_free(arr);
  CHECK(freed == 1);

  const int negative[] = {-4};
  arr = mlx_array_new_data_managed_payload(values, negative, 1, MLX_FLOAT32, &freed, count_freed);
  CHECK(!arr.ctx && freed == 1);
  free(values);
}

static void test_wrong_arguments(void) {
  const float values[] = {1, 2};
  const int huge[] = {2147483647, 2147483647, 2147483647};
  const int two = 2;
  CHECK(!mlx_array_new_data(values, huge, 3, MLX_FLOAT32).ctx);
  CHECK(mlx_last_error_kind() == MLX_ERROR_INVALID_ARGUMENT);
  CHECK(!mlx_array_new_data(values, &two, -1, MLX_FLOAT32).ctx);
  CHECK(!mlx_array_new_data(NULL, &two, 1, MLX_FLOAT32).ctx);
  CHECK(!mlx_array_new_data(values, NULL, 1, MLX_FLOAT32).ctx);
  CHECK(!mlx_array_new_data(values, &two, 1, (mlx_dtype)99).ctx);
  CHECK(mlx_dtype_size((mlx_dtype)99) == 0 && mlx_dtype_size(MLX_COMPLEX64) == 8);

  mlx_array arr = floats(values, 2);
  int64_t wide;
  float item;
  CHECK_FAILS(mlx_array_item_int64(&wide, arr), MLX_ERROR_INVALID_ARGUMENT, "int64");
  CHECK_FAILS(mlx_array_item_float32(&item, arr), MLX_ERROR_INVALID_ARGUMENT, "2 items");
  CHECK(!mlx_array_data_float64(arr) && !mlx_array_data_uint64(arr));
  CHECK_FAILS(mlx_array_eval(mlx_array_new()), MLX_ERROR_INVALID_ARGUMENT, "arr is an empty array");
  CHECK(mlx_array_size(mlx_array_new()) == 0 && !mlx_array_shape(mlx_array_new()));
  CHECK_OK(mlx_array_free(mlx_array_new()));

  mlx_array sum = mlx_array_new();
  CHECK_OK(mlx_add(&sum, arr, arr, default_stream));
  bool flag;
  CHECK(!mlx_array_data_float32(sum));
  CHECK_FAILS(_mlx_array_is_contiguous(&flag, sum), MLX_ERROR_INVALID_ARGUMENT, "evaluated");
  CHECK_FAILS(_mlx_array_wait(sum), MLX_ERROR_INVALID_ARGUMENT, "arr");
  CHECK_OK(_mlx_array_is_available(&flag, sum));
  CHECK(!flag);
  const float doubled[] = {2, 4};
  check_floats(sum, doubled, 2);
  CHECK_OK(_mlx_array_is_available(&flag, sum));
  CHECK(flag);
  mlx_array_free(sum);
  mlx_array_free(arr);
}

int main(void) {
  test_scalars();
  test_data();
  test_half();
  test_managed();
  test_wrong_arguments();
  return 0;
}
