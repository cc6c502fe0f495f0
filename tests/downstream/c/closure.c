// A closure with a payload of the program, differentiated.

#include "check.h"
#include "mlx/c/mlx.h"

typedef struct {
  float factor;
  int calls;
  int* released;
} payload;

// f(x) = factor * sum(x * x)
static int scaled_square(mlx_vector_array* result, const mlx_vector_array inputs, void* data) {
  payload* self = data;
  self->calls++;
  mlx_stream stream = mlx_stream_new();
  mlx_array x = mlx_array_new();
  mlx_array square = mlx_array_new();
  mlx_array total = mlx_array_new();
  mlx_array factor = mlx_array_new_float32(self->factor);
  int failed = mlx_vector_array_get(&x, inputs, 0) || mlx_multiply(&square, x, x, stream) ||
      mlx_sum(&total, square, false, stream) || mlx_multiply(&total, total, factor, stream) ||
      mlx_vector_array_set_value(result, total);
  mlx_array_free(factor);
  mlx_array_free(total);
  mlx_array_free(square);
  mlx_array_free(x);
  return failed;
}

static int failing(mlx_vector_array* result, const mlx_vector_array inputs, void* data) {
  (void)result, (void)inputs, (void)data;
  return 1;
}

static void release(void* data) {
  payload* self = data;
  (*self->released)++;
  free(self);
}

int main(void) {
  int released = 0;
  payload* data = malloc(sizeof *data);
  CHECK(data != NULL);
  *data = (payload){.factor = 3, .calls = 0, .released = &released};
  mlx_closure function = mlx_closure_new_func_payload(scaled_square, data, release);

  int first[] = {0};
  mlx_closure_value_and_grad derivative = {NULL};
  CHECK(mlx_value_and_grad(&derivative, function, first, 1) == 0);

  float point[] = {1, 2, 3};
  int shape[] = {3};
  mlx_array x = mlx_array_new_data(point, shape, 1, MLX_FLOAT32);
  mlx_vector_array inputs = mlx_vector_array_new_value(x);
  mlx_vector_array values = mlx_vector_array_new();
  mlx_vector_array gradients = mlx_vector_array_new();
  CHECK(mlx_closure_value_and_grad_apply(&values, &gradients, derivative, inputs) == 0);
  CHECK(data->calls == 1);

  mlx_array value = mlx_array_new();
  mlx_array gradient = mlx_array_new();
  float number = 0;
  CHECK(mlx_vector_array_get(&value, values, 0) == 0);
  CHECK(mlx_vector_array_get(&gradient, gradients, 0) == 0);
  CHECK(mlx_array_item_float32(&number, value) == 0 && number == 42);
  CHECK(mlx_array_eval(gradient) == 0);
  for (int i = 0; i < 3; i++) {
    CHECK(mlx_array_data_float32(gradient)[i] == 6 * point[i]);
  }

  // The payload goes when the last closure that holds it goes, once.
  mlx_closure_value_and_grad_free(derivative);
  mlx_closure_free(function);
  CHECK(released == 1);

  mlx_closure broken = mlx_closure_new_func_payload(failing, NULL, NULL);
  CHECK(mlx_closure_apply(&values, broken, inputs) != 0);
  CHECK(mlx_last_error_kind() == MLX_ERROR_CALLBACK);

  mlx_closure_free(broken);
  mlx_array_free(gradient);
  mlx_array_free(value);
  mlx_vector_array_free(gradients);
  mlx_vector_array_free(values);
  mlx_vector_array_free(inputs);
  mlx_array_free(x);
  puts("closure: ok");
  return 0;
}
