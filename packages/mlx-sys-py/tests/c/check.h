/* What the tests of the C interface share. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlx/c/mlx.h"

/* Ends the program, with its place, unless `condition` holds. */
#define CHECK(condition)                  \
  do {                                    \
    if (!(condition)) {                   \
      fprintf(                            \
          stderr,                         \
          "%s:%d: %s (last error: %s)\n", \
          __FILE__,                       \
          __LINE__,                       \
          #condition,                     \
          mlx_last_error_message());      \
      exit(1);                            \
    }                                     \
  } while (0)

#define CHECK_OK(call) CHECK((call) == 0)

/* The call fails with this kind, and with a message that holds `text`. */
#define CHECK_FAILS(call, kind, text)                        \
  do {                                                       \
    CHECK((call) != 0);                                      \
    CHECK(mlx_last_error_kind() == (kind));                  \
    CHECK(strstr(mlx_last_error_message(), (text)) != NULL); \
  } while (0)

static const mlx_stream default_stream = {NULL};

static inline mlx_array floats(const float* values, int count) {
  mlx_array res = mlx_array_new_data(values, &count, 1, MLX_FLOAT32);
  CHECK(res.ctx);
  return res;
}

/* The array is one-dimensional, float32, and has these values. */
static inline void check_floats(mlx_array arr, const float* values, size_t count) {
  CHECK_OK(mlx_array_eval(arr));
  CHECK(mlx_array_size(arr) == count);
  const float* data = mlx_array_data_float32(arr);
  CHECK(data);
  for (size_t i = 0; i < count; ++i) {
    CHECK(data[i] == values[i]);
  }
}

static inline void check_element(
    mlx_vector_array vec, size_t idx, const float* values, size_t count) {
  mlx_array arr = mlx_array_new();
  CHECK_OK(mlx_vector_array_get(&arr, vec, idx));
  check_floats(arr, values, count);
  mlx_array_free(arr);
}

#endif
