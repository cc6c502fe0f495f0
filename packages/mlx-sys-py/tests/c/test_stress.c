/* Threads that build, share, evaluate, differentiate and free arrays, all at the same time. */
#include <pthread.h>

#include "check.h"

enum { THREADS = 4, ROUNDS = 60, SLOTS = 3, SIZE = 300 };

/* Arrays that all threads take copies of and replace, each filled with one number. */
static struct {
  mlx_array arr;
  float value;
} slots[SLOTS];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

static mlx_array filled(float value) {
  const int shape[] = {SIZE};
  mlx_array number = mlx_array_new_float(value), arr = mlx_array_new();
  CHECK_OK(mlx_full(&arr, shape, 1, number, MLX_FLOAT32, default_stream));
  mlx_array_free(number);
  return arr;
}

static void check_filled(mlx_array arr, float value) {
  CHECK_OK(mlx_array_eval(arr));
  const float* data = mlx_array_data_float32(arr);
  CHECK(data && mlx_array_size(arr) == SIZE);
  for (int i = 0; i < SIZE; ++i) {
    CHECK(data[i] == value);
  }
}

/* What is in a slot, maybe not evaluated yet, becomes one more; now and then it starts anew. */
static void share(int number, int round) {
  int slot = (number + round) % SLOTS;
  mlx_array old = mlx_array_new(), one = mlx_array_new_float(1), sum = mlx_array_new();
  CHECK(pthread_mutex_lock(&slots_lock) == 0);
  float value = slots[slot].value;
  CHECK_OK(mlx_array_set(&old, slots[slot].arr));
  CHECK(pthread_mutex_unlock(&slots_lock) == 0);

  CHECK_OK(mlx_add(&sum, old, one, default_stream));
  if (round % 3 == 0) {
    check_filled(sum, value + 1);
  }
  CHECK(pthread_mutex_lock(&slots_lock) == 0);
  CHECK_OK(mlx_array_set(&slots[slot].arr, sum));
  slots[slot].value = value + 1;
  CHECK(pthread_mutex_unlock(&slots_lock) == 0);
  check_filled(old, value);
  mlx_array_free(old);
  mlx_array_free(one);
  mlx_array_free(sum);
}

static int cube_sum(mlx_vector_array* res, const mlx_vector_array inputs, void* exponent) {
  mlx_array arr = mlx_array_new(), power = mlx_array_new_float(*(float*)exponent);
  int failed = mlx_vector_array_get(&arr, inputs, 0) ||
      mlx_power(&arr, arr, power, default_stream) || mlx_sum(&arr, arr, false, default_stream) ||
      (*res = mlx_vector_array_new_value(arr)).ctx == NULL;
  mlx_array_free(arr);
  mlx_array_free(power);
  return failed;
}

/* The gradient of the sum of x^3 at 2. */
static void differentiate(void) {
  static const int zero[] = {0};
  float* exponent = malloc(sizeof *exponent);
  CHECK(exponent);
  *exponent = 3;
  mlx_array two = filled(2), slope = mlx_array_new();
  mlx_vector_array inputs = mlx_vector_array_new_value(two), values = {NULL}, slopes = {NULL};
  mlx_closure fun = mlx_closure_new_func_payload(cube_sum, exponent, free);
  mlx_closure_value_and_grad grad = {NULL};
  CHECK_OK(mlx_value_and_grad(&grad, fun, zero, 1));
  CHECK_OK(mlx_closure_value_and_grad_apply(&values, &slopes, grad, inputs));
  CHECK_OK(mlx_vector_array_get(&slope, slopes, 0));
  check_filled(slope, 12);
  mlx_closure_value_and_grad_free(grad);
  mlx_closure_free(fun);
  mlx_vector_array_free(inputs);
  mlx_vector_array_free(values);
  mlx_vector_array_free(slopes);
  mlx_array_free(two);
  mlx_array_free(slope);
}

/* A product large enough for the kernels to share among their threads. */
static void multiply(void) {
  const int shape[] = {SIZE, SIZE}, row[] = {SIZE};
  mlx_array one = mlx_array_new_float(1), ones = mlx_array_new(), product = mlx_array_new();
  CHECK_OK(mlx_full(&ones, shape, 2, one, MLX_FLOAT32, default_stream));
  CHECK_OK(mlx_matmul(&product, ones, ones, default_stream));
  CHECK_OK(mlx_max_axis(&product, product, 0, false, default_stream));
  CHECK_OK(mlx_reshape(&product, product, row, 1, default_stream));
  check_filled(product, SIZE);
  mlx_array_free(one);
  mlx_array_free(ones);
  mlx_array_free(product);
}

/* An error that is found while other threads evaluate stays in this one. */
static void fail(void) {
  mlx_array arr = filled(1), far = mlx_array_new_int(SIZE), taken = mlx_array_new();
  CHECK_OK(mlx_add(&far, far, far, default_stream));
  CHECK_OK(mlx_take(&taken, arr, far, default_stream));
  CHECK_FAILS(mlx_array_eval(taken), MLX_ERROR_OUT_OF_RANGE, "index");
  mlx_array_free(arr);
  mlx_array_free(far);
  mlx_array_free(taken);
}

/* A stream of the thread's own, and work that nobody waits for. */
static void stream(void) {
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0);
  mlx_stream own = mlx_stream_new_device(cpu);
  mlx_array arr = filled(3), square = mlx_array_new(), root = mlx_array_new();
  CHECK_OK(mlx_square(&square, arr, own));
  mlx_vector_array outputs = mlx_vector_array_new_value(square);
  CHECK_OK(mlx_async_eval(outputs));
  CHECK_OK(mlx_sqrt(&root, square, own));
  check_filled(root, 3);
  CHECK_OK(mlx_synchronize(own));
  mlx_vector_array_free(outputs);
  mlx_array_free(arr);
  mlx_array_free(square);
  mlx_array_free(root);
  mlx_stream_free(own);
  mlx_device_free(cpu);
}

static void* work(void* argument) {
  int number = *(int*)argument;
  for (int round = 0; round < ROUNDS; ++round) {
    share(number, round);
    switch ((number + round) % 4) {
      case 0:
        differentiate();
        break;
      case 1:
        multiply();
        break;
      case 2:
        fail();
        break;
      default:
        break;
    }
  }
  stream();
  CHECK_OK(mlx_clear_streams());
  return NULL;
}

int main(void) {
  for (int i = 0; i < SLOTS; ++i) {
    slots[i].value = (float)i;
    slots[i].arr = filled(slots[i].value);
  }
  pthread_t threads[THREADS];
  int numbers[THREADS];
  for (int i = 0; i < THREADS; ++i) {
    numbers[i] = i;
    CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
  }
  for (int i = 0; i < THREADS; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  for (int i = 0; i < SLOTS; ++i) {
    check_filled(slots[i].arr, slots[i].value);
    mlx_array_free(slots[i].arr);
  }
  return 0;
}
