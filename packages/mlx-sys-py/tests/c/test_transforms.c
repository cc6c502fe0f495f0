/* vjp, jvp, value_and_grad, custom functions, checkpoint, compile, vmap. */
#include "check.h"

static const float values[] = {1, 2, 3};
static const float ones[] = {1, 1, 1};
static const float squares[] = {1, 4, 9};
static const float doubles[] = {2, 4, 6};
static int traced = 0;
static int freed = 0;

static void count_freed(void* payload) {
  (void)payload;
  ++freed;
}

static int square(mlx_vector_array* res, const mlx_vector_array inputs) {
  ++traced;
  mlx_array arr = mlx_array_new(), out = mlx_array_new();
  int failed = mlx_vector_array_get(&arr, inputs, 0) || mlx_square(&out, arr, default_stream);
  if (!failed) {
    *res = mlx_vector_array_new_value(out);
  }
  mlx_array_free(arr);
  mlx_array_free(out);
  return failed;
}

static int square_payload(mlx_vector_array* res, const mlx_vector_array inputs, void* payload) {
  (void)payload;
  return square(res, inputs);
}

static int sum_of_squares(mlx_vector_array* res, const mlx_vector_array inputs) {
  mlx_array arr = mlx_array_new();
  int failed = square(res, inputs) || mlx_vector_array_get(&arr, *res, 0) ||
      mlx_sum(&arr, arr, false, default_stream) || mlx_vector_array_set_value(res, arr);
  mlx_array_free(arr);
  return failed;
}

static int nothing(mlx_vector_array* res, const mlx_vector_array inputs) {
  (void)inputs;
  *res = mlx_vector_array_new();
  return 0;
}

static int refuse(mlx_vector_array* res, const mlx_vector_array inputs) {
  (void)res;
  (void)inputs;
  return 1;
}

static int cotangents_back(
    mlx_vector_array* res,
    const mlx_vector_array primals,
    const mlx_vector_array cotangents,
    const mlx_vector_array outputs) {
  (void)primals;
  (void)outputs;
  return mlx_vector_array_set(res, cotangents);
}

static int no_cotangents(
    mlx_vector_array* res,
    const mlx_vector_array primals,
    const mlx_vector_array cotangents,
    const mlx_vector_array outputs) {
  (void)cotangents;
  (void)outputs;
  return nothing(res, primals);
}

static void test_derivatives(mlx_closure fun, mlx_vector_array inputs, mlx_vector_array tangents) {
  mlx_vector_array outputs = {NULL}, derivatives = {NULL};
  CHECK_OK(mlx_vjp(&outputs, &derivatives, fun, inputs, tangents));
  check_element(outputs, 0, squares, 3);
  check_element(derivatives, 0, doubles, 3);
  CHECK_OK(mlx_jvp(&outputs, &derivatives, fun, inputs, tangents));
  check_element(derivatives, 0, doubles, 3);

  mlx_closure again = mlx_closure_new();
  CHECK_OK(mlx_checkpoint(&again, fun));
  CHECK_OK(mlx_vjp(&outputs, &derivatives, again, inputs, tangents));
  check_element(derivatives, 0, doubles, 3);
  mlx_closure_free(again);

  mlx_closure bad = mlx_closure_new_func(refuse);
  CHECK_FAILS(
      mlx_vjp(&outputs, &derivatives, bad, inputs, tangents), MLX_ERROR_CALLBACK, "non-zero");
  mlx_closure_free(bad);
  mlx_vector_array_free(outputs);
  mlx_vector_array_free(derivatives);
}

/* Copies of nested functions must not double with each level. */
static void test_nested_checkpoints(
    mlx_closure fun, mlx_vector_array inputs, mlx_vector_array tangents) {
  mlx_vector_array outputs = {NULL}, derivatives = {NULL};
  mlx_closure nested = mlx_closure_new();
  CHECK_OK(mlx_closure_set(&nested, fun));
  for (int depth = 0; depth < 100; ++depth) {
    CHECK_OK(mlx_checkpoint(&nested, nested));
  }
  CHECK_OK(mlx_vjp(&outputs, &derivatives, nested, inputs, tangents));
  check_element(derivatives, 0, doubles, 3);
  mlx_closure_free(nested);
  mlx_vector_array_free(outputs);
  mlx_vector_array_free(derivatives);
}

static void test_value_and_grad(mlx_vector_array inputs) {
  mlx_closure fun = mlx_closure_new_func(sum_of_squares), empty = mlx_closure_new_func(nothing);
  mlx_closure_value_and_grad grad = mlx_closure_value_and_grad_new();
  mlx_vector_array value = {NULL}, gradient = {NULL};
  const int first[] = {0}, far[] = {4};
  const float total[] = {14};
  CHECK_OK(mlx_value_and_grad(&grad, fun, first, 1));
  CHECK_OK(mlx_closure_value_and_grad_apply(&value, &gradient, grad, inputs));
  check_element(value, 0, total, 1);
  check_element(gradient, 0, doubles, 3);

  CHECK_OK(mlx_detail_value_and_grad(&value, &gradient, fun, inputs));
  check_element(value, 0, total, 1);
  check_element(gradient, 0, doubles, 3);
  CHECK_FAILS(
      mlx_detail_value_and_grad(&value, &gradient, empty, inputs),
      MLX_ERROR_INVALID_ARGUMENT,
      "no arrays");

  CHECK_OK(mlx_value_and_grad(&grad, fun, far, 1));
  CHECK(mlx_closure_value_and_grad_apply(&value, &gradient, grad, inputs) == 1);
  CHECK_OK(mlx_value_and_grad(&grad, empty, first, 1));
  CHECK_FAILS(
      mlx_closure_value_and_grad_apply(&value, &gradient, grad, inputs),
      MLX_ERROR_INVALID_ARGUMENT,
      "no arrays");
  CHECK_FAILS(mlx_value_and_grad(&grad, fun, NULL, 1), MLX_ERROR_INVALID_ARGUMENT, "argnums");
  mlx_closure_value_and_grad_free(grad);
  mlx_vector_array_free(value);
  mlx_vector_array_free(gradient);
  mlx_closure_free(empty);
  mlx_closure_free(fun);
}

static void test_custom(mlx_closure fun, mlx_vector_array inputs, mlx_vector_array tangents) {
  mlx_closure_custom vjp = mlx_closure_custom_new_func(cotangents_back);
  mlx_closure custom = mlx_closure_new();
  mlx_vector_array outputs = {NULL}, derivatives = {NULL};
  CHECK_OK(mlx_custom_vjp(&custom, fun, vjp));
  CHECK_OK(mlx_vjp(&outputs, &derivatives, custom, inputs, tangents));
  check_element(outputs, 0, squares, 3);
  check_element(derivatives, 0, ones, 3);

  CHECK_OK(mlx_custom_function(
      &custom,
      fun,
      (mlx_closure_custom){NULL},
      (mlx_closure_custom_jvp){NULL},
      (mlx_closure_custom_vmap){NULL}));
  CHECK_OK(mlx_vjp(&outputs, &derivatives, custom, inputs, tangents));
  check_element(derivatives, 0, doubles, 3);

  mlx_closure_custom_free(vjp);
  vjp = mlx_closure_custom_new_func(no_cotangents);
  CHECK_OK(mlx_custom_vjp(&custom, fun, vjp));
  CHECK_FAILS(
      mlx_vjp(&outputs, &derivatives, custom, inputs, tangents),
      MLX_ERROR_INVALID_ARGUMENT,
      "fun_vjp returned 0 arrays");
  mlx_closure_custom_free(vjp);
  mlx_closure_free(custom);
  mlx_vector_array_free(outputs);
  mlx_vector_array_free(derivatives);
}

static void test_compile(mlx_vector_array inputs) {
  mlx_closure fun = mlx_closure_new_func_payload(square_payload, NULL, count_freed);
  mlx_closure compiled = mlx_closure_new();
  mlx_vector_array outputs = {NULL};
  CHECK_OK(mlx_set_compile_mode(MLX_COMPILE_MODE_NO_FUSE));
  CHECK_OK(mlx_compile(&compiled, fun, false));
  traced = 0;
  for (int i = 0; i < 3; ++i) {
    CHECK_OK(mlx_closure_apply(&outputs, compiled, inputs));
    check_element(outputs, 0, squares, 3);
  }
  CHECK(traced == 1);
  mlx_closure_free(fun);
  mlx_closure_free(compiled);
  CHECK(freed == 1);

  fun = mlx_closure_new_func(square);
  compiled = mlx_closure_new();
  const uint64_t constants[] = {1};
  traced = 0;
  CHECK_OK(mlx_detail_compile(&compiled, fun, 42, false, constants, 1));
  CHECK_OK(mlx_closure_apply(&outputs, compiled, inputs));
  CHECK_OK(mlx_detail_compile_erase(42));
  CHECK_OK(mlx_closure_apply(&outputs, compiled, inputs));
  CHECK(traced == 2);
  CHECK_OK(mlx_disable_compile());
  CHECK_OK(mlx_enable_compile());
  CHECK_OK(mlx_detail_compile_clear_cache());
  CHECK_FAILS(
      mlx_set_compile_mode((mlx_compile_mode)9), MLX_ERROR_INVALID_ARGUMENT, "mlx_compile_mode");
  mlx_vector_array_free(outputs);
  mlx_closure_free(compiled);
  mlx_closure_free(fun);
}

static void test_vmap(void) {
  const int shape[] = {3, 1}, zero[] = {0}, far[] = {2}, both[] = {0, 0};
  mlx_array column = mlx_array_new_data(values, shape, 2, MLX_FLOAT32);
  mlx_vector_array inputs = mlx_vector_array_new_value(column);
  mlx_vector_array traced_inputs = {NULL}, traced_outputs = {NULL}, outputs = {NULL};
  mlx_closure fun = mlx_closure_new_func(square);
  CHECK_OK(mlx_detail_vmap_trace(&traced_inputs, &traced_outputs, fun, inputs, zero, 1));
  CHECK_OK(
      mlx_detail_vmap_replace(&outputs, inputs, traced_inputs, traced_outputs, zero, 1, zero, 1));
  check_element(outputs, 0, squares, 3);
  CHECK_FAILS(
      mlx_detail_vmap_trace(&traced_inputs, &traced_outputs, fun, inputs, far, 1),
      MLX_ERROR_OUT_OF_RANGE,
      "axis 2");
  CHECK_FAILS(
      mlx_detail_vmap_trace(&traced_inputs, &traced_outputs, fun, inputs, both, 2),
      MLX_ERROR_INVALID_ARGUMENT,
      "2 axes for 1");
  mlx_closure_free(fun);
  mlx_vector_array_free(inputs);
  mlx_vector_array_free(traced_inputs);
  mlx_vector_array_free(traced_outputs);
  mlx_vector_array_free(outputs);
  mlx_array_free(column);
}

/* Each node is on the stream that was asked for, whichever the one before it was on. */
static void test_streams(void) {
  const int shape[] = {256, 256};
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0);
  mlx_stream streams[] = {mlx_stream_new_device(cpu), mlx_stream_new_device(cpu)};
  mlx_array matrix = mlx_array_new();
  CHECK_OK(mlx_ones(&matrix, shape, 2, MLX_FLOAT32, default_stream));
  CHECK_OK(mlx_array_eval(matrix));
  for (int i = 0; i < 6; ++i) {
    mlx_array product = mlx_array_new();
    CHECK_OK(mlx_array_set(&product, matrix));
    for (int factors = 0; factors < 10; ++factors) {
      CHECK_OK(mlx_matmul(&product, product, matrix, streams[i % 2]));
    }
    mlx_vector_array outputs = mlx_vector_array_new_value(product);
    CHECK_OK(mlx_async_eval(outputs));
    CHECK_OK(mlx_synchronize(streams[i % 2]));
    bool available = false;
    CHECK_OK(_mlx_array_is_available(&available, product));
    CHECK(available);
    mlx_vector_array_free(outputs);
    mlx_array_free(product);
  }
  mlx_array_free(matrix);
  mlx_stream_free(streams[0]);
  mlx_stream_free(streams[1]);
  mlx_device_free(cpu);
}

int main(void) {
  mlx_array arr = floats(values, 3), one = floats(ones, 3);
  mlx_vector_array inputs = mlx_vector_array_new_value(arr);
  mlx_vector_array tangents = mlx_vector_array_new_value(one);
  mlx_closure fun = mlx_closure_new_func(square);
  test_derivatives(fun, inputs, tangents);
  test_nested_checkpoints(fun, inputs, tangents);
  test_value_and_grad(inputs);
  test_custom(fun, inputs, tangents);
  test_compile(inputs);
  test_vmap();
  test_streams();
  mlx_closure_free(fun);
  mlx_vector_array_free(inputs);
  mlx_vector_array_free(tangents);
  mlx_array_free(arr);
  mlx_array_free(one);
  return 0;
}
