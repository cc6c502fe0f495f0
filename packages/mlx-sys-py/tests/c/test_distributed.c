/* The group of one process: what needs no other. */
#include "check.h"

static const float values[] = {1, 2};

int main(void) {
  CHECK(!mlx_distributed_is_available("no such backend"));
  mlx_distributed_group all = mlx_distributed_group_new(), group = {NULL}, part = {NULL};
  CHECK(mlx_distributed_group_size(all) == 0);
  CHECK(mlx_last_error_kind() == MLX_ERROR_INVALID_ARGUMENT);
  CHECK_OK(mlx_distributed_init(&group, false, "any"));
  CHECK(mlx_distributed_group_rank(group) == 0 && mlx_distributed_group_size(group) == 1);
  CHECK_FAILS(
      mlx_distributed_init(&part, true, "no such backend"),
      MLX_ERROR_INVALID_ARGUMENT,
      "no such backend");
  CHECK(mlx_distributed_group_split(&part, group, 0, -1) != 0);

  mlx_array arr = floats(values, 2), res = mlx_array_new();
  CHECK_OK(mlx_distributed_all_sum(&res, arr, group, default_stream));
  check_floats(res, values, 2);
  CHECK_OK(mlx_distributed_all_max(&res, arr, all, default_stream));
  check_floats(res, values, 2);
  CHECK_OK(mlx_distributed_all_min(&res, arr, group, default_stream));
  check_floats(res, values, 2);
  CHECK_OK(mlx_distributed_all_gather(&res, arr, group, default_stream));
  check_floats(res, values, 2);
  CHECK_OK(mlx_distributed_sum_scatter(&res, arr, group, default_stream));
  check_floats(res, values, 2);

  const int shape[] = {2}, negative[] = {-2};
  mlx_stream s = default_stream;
  CHECK_FAILS(
      mlx_distributed_send(&res, arr, 1, group, s), MLX_ERROR_INVALID_ARGUMENT, "singleton");
  CHECK(mlx_distributed_recv(&res, shape, 1, MLX_FLOAT32, 1, group, s) != 0);
  CHECK(mlx_distributed_recv_like(&res, arr, 1, group, s) != 0);
  CHECK_FAILS(
      mlx_distributed_recv(&res, negative, 1, MLX_FLOAT32, 1, group, s),
      MLX_ERROR_INVALID_ARGUMENT,
      "shape");
  mlx_array empty = mlx_array_new();
  CHECK_FAILS(mlx_distributed_all_sum(&res, empty, group, s), MLX_ERROR_INVALID_ARGUMENT, "x");
  CHECK_OK(mlx_distributed_clear_backends());
  mlx_array_free(arr);
  mlx_array_free(res);
  mlx_distributed_group_free(group);
  return 0;
}
