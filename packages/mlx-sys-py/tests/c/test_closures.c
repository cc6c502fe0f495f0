/* Closures of every kind, and their payloads. */
#include "check.h"

static int freed = 0;

static void count_freed(void* payload) {
  (void)payload;
  ++freed;
}

static int add_all(mlx_vector_array* res, const mlx_vector_array inputs, mlx_array with) {
  mlx_array sum = mlx_array_new(), next = mlx_array_new();
  int failed = mlx_array_set(&sum, with);
  for (size_t i = 0; !failed && i < mlx_vector_array_size(inputs); ++i) {
    failed = mlx_vector_array_get(&next, inputs, i) || mlx_add(&sum, sum, next, default_stream);
  }
  if (!failed) {
    *res = mlx_vector_array_new_value(sum);
  }
  mlx_array_free(next);
  mlx_array_free(sum);
  return failed;
}

static int plain(mlx_vector_array* res, const mlx_vector_array inputs) {
  return mlx_vector_array_set(res, inputs);
}

static int with_payload(mlx_vector_array* res, const mlx_vector_array inputs, void* payload) {
  return add_all(res, inputs, *(mlx_array*)payload);
}

static int refuse(mlx_vector_array* res, const mlx_vector_array inputs) {
  (void)res;
  (void)inputs;
  return 3;
}

static int forget(mlx_vector_array* res, const mlx_vector_array inputs) {
  (void)res;
  (void)inputs;
  return 0;
}

static int square(mlx_array* res, const mlx_array arr) {
  return mlx_square(res, arr, default_stream);
}

static int with_kwargs(
    mlx_vector_array* res, const mlx_vector_array inputs, const mlx_map_string_to_array kwargs) {
  mlx_array bias = mlx_array_new();
  int failed = mlx_map_string_to_array_get(&bias, kwargs, "bias") || add_all(res, inputs, bias);
  mlx_array_free(bias);
  return failed;
}

static int twice(mlx_vector_array* res_0, mlx_vector_array* res_1, const mlx_vector_array inputs) {
  return mlx_vector_array_set(res_0, inputs) || mlx_vector_array_set(res_1, inputs);
}

static int last_of_three(
    mlx_vector_array* res,
    const mlx_vector_array first,
    const mlx_vector_array second,
    const mlx_vector_array third) {
  (void)first;
  (void)second;
  return mlx_vector_array_set(res, third);
}

static int by_argnums(
    mlx_vector_array* res,
    const mlx_vector_array primals,
    const mlx_vector_array tangents,
    const int* argnums,
    size_t argnums_num) {
  (void)primals;
  return argnums_num != 1 || argnums[0] != 4 || mlx_vector_array_set(res, tangents);
}

static int move_axes(
    mlx_vector_array* res_0,
    mlx_vector_int* res_1,
    const mlx_vector_array inputs,
    const int* axes,
    size_t axes_num) {
  *res_1 = mlx_vector_int_new();
  for (size_t i = 0; i < axes_num; ++i) {
    if (mlx_vector_int_append_value(*res_1, axes[i] + 1)) {
      return 1;
    }
  }
  return mlx_vector_array_set(res_0, inputs);
}

static const float values[] = {1, 2};

static void test_plain(mlx_vector_array inputs, mlx_array arr) {
  mlx_vector_array res = {NULL};
  mlx_closure same = mlx_closure_new_func(plain);
  CHECK_OK(mlx_closure_apply(&res, same, inputs));
  check_element(res, 0, values, 2);

  mlx_closure payload = mlx_closure_new_func_payload(with_payload, &arr, count_freed);
  mlx_closure copy = mlx_closure_new();
  CHECK_OK(mlx_closure_set(&copy, payload));
  mlx_closure_free(payload);
  CHECK(freed == 0);
  CHECK_OK(mlx_closure_apply(&res, copy, inputs));
  const float doubled[] = {2, 4};
  check_element(res, 0, doubled, 2);
  mlx_closure_free(copy);
  CHECK(freed == 1);

  mlx_closure unary = mlx_closure_new_unary(square);
  const float squared[] = {1, 4};
  CHECK_OK(mlx_closure_apply(&res, unary, inputs));
  check_element(res, 0, squared, 2);
  mlx_vector_array none = mlx_vector_array_new();
  CHECK_FAILS(
      mlx_closure_apply(&res, unary, none), MLX_ERROR_INVALID_ARGUMENT, "takes one array, not 0");
  mlx_vector_array_free(none);
  mlx_closure_free(unary);
  mlx_closure_free(same);
  mlx_vector_array_free(res);
}

static void test_failures(mlx_vector_array inputs) {
  mlx_vector_array res = {NULL};
  mlx_closure bad = mlx_closure_new_func(refuse);
  CHECK_FAILS(mlx_closure_apply(&res, bad, inputs), MLX_ERROR_CALLBACK, "non-zero");
  mlx_closure_free(bad);
  bad = mlx_closure_new_func(forget);
  CHECK_FAILS(mlx_closure_apply(&res, bad, inputs), MLX_ERROR_INVALID_ARGUMENT, "result");
  mlx_closure_free(bad);
  CHECK(!mlx_closure_new_func_payload(NULL, &freed, count_freed).ctx && freed == 1);
  CHECK_FAILS(
      mlx_closure_apply(&res, mlx_closure_new(), inputs), MLX_ERROR_INVALID_ARGUMENT, "cls");
  CHECK(!res.ctx);
}

static void test_kinds(mlx_vector_array inputs, mlx_array arr) {
  mlx_vector_array res = {NULL}, other = {NULL};
  mlx_map_string_to_array kwargs = mlx_map_string_to_array_new();
  mlx_map_string_to_array_insert(kwargs, "bias", arr);
  mlx_closure_kwargs named = mlx_closure_kwargs_new_func(with_kwargs);
  const float doubled[] = {2, 4};
  CHECK_OK(mlx_closure_kwargs_apply(&res, named, inputs, kwargs));
  check_element(res, 0, doubled, 2);
  mlx_closure_kwargs_free(named);
  mlx_map_string_to_array_free(kwargs);

  mlx_closure_value_and_grad both = mlx_closure_value_and_grad_new_func(twice);
  CHECK_OK(mlx_closure_value_and_grad_apply(&res, &other, both, inputs));
  check_element(other, 0, values, 2);
  mlx_closure_value_and_grad_free(both);

  mlx_closure_custom custom = mlx_closure_custom_new_func(last_of_three);
  mlx_vector_array none = mlx_vector_array_new();
  CHECK_OK(mlx_closure_custom_apply(&res, custom, none, none, inputs));
  check_element(res, 0, values, 2);
  mlx_closure_custom_free(custom);

  const int argnums[] = {4};
  mlx_closure_custom_jvp jvp = mlx_closure_custom_jvp_new_func(by_argnums);
  CHECK_OK(mlx_closure_custom_jvp_apply(&res, jvp, none, inputs, argnums, 1));
  check_element(res, 0, values, 2);
  mlx_closure_custom_jvp_free(jvp);

  mlx_vector_int axes = {NULL};
  int axis = 0;
  mlx_closure_custom_vmap vmap = mlx_closure_custom_vmap_new_func(move_axes);
  CHECK_OK(mlx_closure_custom_vmap_apply(&res, &axes, vmap, inputs, argnums, 1));
  CHECK_OK(mlx_vector_int_get(&axis, axes, 0));
  CHECK(axis == 5);
  mlx_closure_custom_vmap_free(vmap);
  mlx_vector_int_free(axes);
  mlx_vector_array_free(none);
  mlx_vector_array_free(res);
  mlx_vector_array_free(other);
}

int main(void) {
  mlx_array arr = floats(values, 2);
  mlx_vector_array inputs = mlx_vector_array_new_value(arr);
  test_plain(inputs, arr);
  test_failures(inputs);
  test_kinds(inputs, arr);
  mlx_vector_array_free(inputs);
  mlx_array_free(arr);
  return 0;
}
