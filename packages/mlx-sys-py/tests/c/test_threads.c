/* Arrays of one thread evaluated in another, and random numbers that differ between threads. */
#include <pthread.h>

#include "check.h"

enum { THREADS = 4, STEPS = 50 };

static mlx_array lazy;

static void* build(void* unused) {
  (void)unused;
  const float values[] = {1, 2};
  mlx_array arr = floats(values, 2);
  lazy = mlx_array_new();
  CHECK_OK(mlx_add(&lazy, arr, arr, default_stream));
  mlx_array_free(arr);
  return NULL;
}

static void* evaluate_many(void* shared) {
  for (int i = 0; i < STEPS; ++i) {
    mlx_array sum = mlx_array_new();
    const float expected[] = {4, 8};
    CHECK_OK(mlx_add(&sum, *(mlx_array*)shared, *(mlx_array*)shared, default_stream));
    check_floats(sum, expected, 2);
    mlx_array_free(sum);
  }
  return NULL;
}

static float draw(void) {
  mlx_array arr = mlx_array_new(), low = mlx_array_new_float(0), high = mlx_array_new_float(1);
  const int shape[] = {1};
  mlx_array no_key = mlx_array_new();
  float value = -1;
  CHECK_OK(mlx_random_uniform(&arr, low, high, shape, 1, MLX_FLOAT32, no_key, default_stream));
  CHECK_OK(mlx_array_item_float32(&value, arr));
  mlx_array_free(low);
  mlx_array_free(high);
  mlx_array_free(arr);
  return value;
}

static void* draw_one(void* res) {
  *(float*)res = draw();
  return NULL;
}

static void* draw_seeded(void* res) {
  CHECK_OK(mlx_random_seed(7));
  *(float*)res = draw();
  CHECK_OK(mlx_clear_streams());
  return NULL;
}

static void run(void* (*body)(void*), void* argument) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, body, argument) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

int main(void) {
  /* Built in a thread that is gone, evaluated by many at once. */
  run(build, NULL);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; ++i) {
    CHECK(pthread_create(&threads[i], NULL, evaluate_many, &lazy) == 0);
  }
  evaluate_many(&lazy);
  for (int i = 0; i < THREADS; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  mlx_array_free(lazy);

  float first, second, seeded, again;
  run(draw_one, &first);
  run(draw_one, &second);
  CHECK(first != second);
  run(draw_seeded, &seeded);
  CHECK_OK(mlx_random_seed(7));
  again = draw();
  CHECK(seeded == again);
  return 0;
}
