// A compiled function is recorded once per shape and gives what the function gives.

#include "check.h"
#include "mlx/c/mlx.h"

typedef struct {
  int calls;
  mlx_stream stream;
} state;

static int scaled_sum(mlx_vector_array* res, const mlx_vector_array inputs, void* payload) {
  state* s = payload;
  mlx_array x = mlx_array_new(), y = mlx_array_new(), sum = mlx_array_new();
  int status = mlx_vector_array_get(&x, inputs, 0) || mlx_vector_array_get(&y, inputs, 1) ||
      mlx_multiply(&sum, x, y, s->stream) || mlx_sum(&sum, sum, false, s->stream) ||
      mlx_vector_array_append_value(*res = mlx_vector_array_new(), sum);
  s->calls++;
  mlx_array_free(sum);
  mlx_array_free(y);
  mlx_array_free(x);
  return status;
}

static float run(mlx_closure function, const float* values, int size) {
  mlx_array x = mlx_array_new_data(values, &size, 1, MLX_FLOAT32);
  mlx_array both[] = {x, x};
  mlx_vector_array inputs = mlx_vector_array_new_data(both, 2);
  mlx_vector_array outputs = mlx_vector_array_new();
  mlx_array sum = mlx_array_new();
  float value = 0;
  CHECK(mlx_closure_apply(&outputs, function, inputs) == 0);
  CHECK(mlx_vector_array_get(&sum, outputs, 0) == 0);
  CHECK(mlx_array_item_float32(&value, sum) == 0);
  mlx_array_free(sum);
  mlx_vector_array_free(outputs);
  mlx_vector_array_free(inputs);
  mlx_array_free(x);
  return value;
}

int main(void) {
  const float values[] = {1.0f, 2.0f, 3.0f};
  state s = {0, mlx_default_cpu_stream_new()};
  mlx_closure function = mlx_closure_new_func_payload(scaled_sum, &s, NULL);
  mlx_closure compiled = mlx_closure_new();
  CHECK(mlx_compile(&compiled, function, false) == 0);

  CHECK(run(compiled, values, 3) == 14.0f);
  CHECK(run(compiled, values, 3) == 14.0f);
  CHECK(s.calls == 1);
  CHECK(run(compiled, values, 2) == 5.0f);
  CHECK(s.calls == 2);
  CHECK(run(function, values, 3) == 14.0f);
  CHECK(s.calls == 3);

  mlx_closure_free(compiled);
  mlx_closure_free(function);
  mlx_stream_free(s.stream);
  puts("compile: ok");
  return 0;
}
