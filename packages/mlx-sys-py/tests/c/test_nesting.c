/* Functions nested deeper than a stack: calling them is an error, freeing them is none. */
#include <pthread.h>

#include "check.h"

enum { depth = 100000 };

static int same(mlx_vector_array* res, const mlx_vector_array inputs) {
  return mlx_vector_array_set(res, inputs);
}

static int checkpoint(mlx_closure* res, mlx_closure fun) {
  return mlx_checkpoint(res, fun);
}

static int compile(mlx_closure* res, mlx_closure fun) {
  return mlx_compile(res, fun, false);
}

static int custom_function(mlx_closure* res, mlx_closure fun) {
  const mlx_closure_custom vjp = {NULL};
  const mlx_closure_custom_jvp jvp = {NULL};
  const mlx_closure_custom_vmap vmap = {NULL};
  return mlx_custom_function(res, fun, vjp, jvp, vmap);
}

static int call_inner(mlx_vector_array* res, const mlx_vector_array inputs, void* payload) {
  return mlx_closure_apply(res, *(mlx_closure*)payload, inputs);
}

static void free_inner(void* payload) {
  mlx_closure_free(*(mlx_closure*)payload);
  free(payload);
}

static int call_back(mlx_closure* res, mlx_closure fun) {
  mlx_closure* inner = malloc(sizeof *inner);
  CHECK(inner);
  *inner = mlx_closure_new();
  CHECK_OK(mlx_closure_set(inner, fun));
  *res = mlx_closure_new_func_payload(call_inner, inner, free_inner);
  return res->ctx == NULL;
}

typedef int (*nest)(mlx_closure* res, mlx_closure fun);

static mlx_closure nested(nest outer, int times) {
  mlx_closure res = mlx_closure_new_func(same);
  for (int i = 0; i < times; ++i) {
    mlx_closure next = mlx_closure_new();
    CHECK_OK(outer(&next, res));
    mlx_closure_free(res);
    res = next;
  }
  return res;
}

static const struct {
  nest outer;
  mlx_error_kind kind;
} kinds[] = {
    {checkpoint, MLX_ERROR_RECURSION},
    {compile, MLX_ERROR_RECURSION},
    {custom_function, MLX_ERROR_RECURSION},
    /* Each callback fails because the one within does. */
    {call_back, MLX_ERROR_CALLBACK},
};

static void* test_all(void* unused) {
  (void)unused;
  const float values[] = {1, 2};
  mlx_array arr = floats(values, 2);
  mlx_vector_array inputs = mlx_vector_array_new_value(arr);
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
    mlx_vector_array res = {NULL};
    mlx_closure deep = nested(kinds[i].outer, depth);
    CHECK_FAILS(mlx_closure_apply(&res, deep, inputs), kinds[i].kind, "");
    mlx_closure_free(deep);

    mlx_closure shallow = nested(kinds[i].outer, 10);
    CHECK_OK(mlx_closure_apply(&res, shallow, inputs));
    check_element(res, 0, values, 2);
    mlx_closure_free(shallow);
    mlx_vector_array_free(res);
  }
  mlx_vector_array_free(inputs);
  mlx_array_free(arr);
  return NULL;
}

int main(void) {
  test_all(NULL);
  pthread_t thread;
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, 256 << 10) == 0);
  CHECK(pthread_create(&thread, &attributes, test_all, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(pthread_attr_destroy(&attributes) == 0);
  return 0;
}
