/* Functions in files, and their steps in a callback. */
#include "check.h"

static const float values[] = {1, 2, 3};
static const float doubles[] = {2, 4, 6};
static const float sums[] = {3, 6, 9};
static int freed = 0;

static void count_freed(void* payload) {
  (void)payload;
  ++freed;
}

static int twice(mlx_vector_array* res, const mlx_vector_array inputs) {
  mlx_array arr = mlx_array_new();
  int failed = mlx_vector_array_get(&arr, inputs, 0) || mlx_add(&arr, arr, arr, default_stream);
  if (!failed) {
    *res = mlx_vector_array_new_value(arr);
  }
  mlx_array_free(arr);
  return failed;
}

static int twice_and_more(
    mlx_vector_array* res, const mlx_vector_array inputs, const mlx_map_string_to_array kwargs) {
  mlx_array arr = mlx_array_new(), more = mlx_array_new();
  int failed = twice(res, inputs) || mlx_vector_array_get(&arr, *res, 0) ||
      mlx_map_string_to_array_get(&more, kwargs, "more") ||
      mlx_add(&arr, arr, more, default_stream) || mlx_vector_array_set_value(res, arr);
  mlx_array_free(arr);
  mlx_array_free(more);
  return failed;
}

static int refuse(mlx_vector_array* res, const mlx_vector_array inputs) {
  (void)res;
  (void)inputs;
  return 1;
}

static void test_plain(mlx_vector_array args) {
  const char* file = "export_plain.mlxfn";
  mlx_closure fun = mlx_closure_new_func(twice);
  CHECK_OK(mlx_export_function(file, fun, args, false));
  mlx_imported_function imported = mlx_imported_function_new(file);
  CHECK(imported.ctx);
  mlx_vector_array res = {NULL};
  CHECK_OK(mlx_imported_function_apply(&res, imported, args));
  check_element(res, 0, doubles, 3);
  mlx_vector_array none = mlx_vector_array_new();
  CHECK_FAILS(
      mlx_imported_function_apply(&res, imported, none),
      MLX_ERROR_INVALID_ARGUMENT,
      "there is one of\n    0: float32 (3)");
  mlx_imported_function_free(imported);

  mlx_closure bad = mlx_closure_new_func(refuse);
  CHECK_FAILS(mlx_export_function(file, bad, args, false), MLX_ERROR_CALLBACK, "non-zero");
  CHECK_FAILS(
      mlx_export_function("no/such/folder/f", fun, args, false),
      MLX_ERROR_FILE_NOT_FOUND,
      "no/such/folder");
  CHECK_FAILS(mlx_export_function(NULL, fun, args, false), MLX_ERROR_INVALID_ARGUMENT, "file");
  mlx_closure_free(bad);
  mlx_closure_free(fun);
  mlx_vector_array_free(none);
  mlx_vector_array_free(res);
}

static void test_kwargs(mlx_vector_array args, mlx_map_string_to_array kwargs) {
  const char* file = "export_kwargs.mlxfn";
  mlx_closure_kwargs fun = mlx_closure_kwargs_new_func(twice_and_more);
  mlx_vector_array res = {NULL};
  CHECK_OK(mlx_export_function_kwargs(file, fun, args, kwargs, true));
  mlx_imported_function imported = mlx_imported_function_new(file);
  CHECK_OK(mlx_imported_function_apply_kwargs(&res, imported, args, kwargs));
  check_element(res, 0, sums, 3);
  mlx_imported_function_free(imported);

  mlx_function_exporter exporter =
      mlx_function_exporter_new_kwargs(file, fun, false, "100%s\n of it");
  CHECK_OK(mlx_function_exporter_apply_kwargs(exporter, args, kwargs));
  CHECK_OK(mlx_function_exporter_close(exporter));
  CHECK_FAILS(
      mlx_function_exporter_apply_kwargs(exporter, args, kwargs), MLX_ERROR_RUNTIME, "closed");
  mlx_function_exporter_free(exporter);
  imported = mlx_imported_function_new(file);
  mlx_string metadata = mlx_string_new();
  CHECK_OK(mlx_imported_function_get_metadata(&metadata, imported));
  CHECK(strcmp(mlx_string_data(metadata), "100%s\n of it") == 0);
  mlx_string_free(metadata);
  mlx_imported_function_free(imported);
  mlx_closure_kwargs_free(fun);
  mlx_vector_array_free(res);
}

static void test_exporter(mlx_vector_array args) {
  const char* file = "export_many.mlxfn";
  mlx_closure fun = mlx_closure_new_func(twice);
  mlx_function_exporter exporter = mlx_function_exporter_new(file, fun, false);
  CHECK(exporter.ctx);
  mlx_array single = mlx_array_new_float(2);
  mlx_vector_array scalar = mlx_vector_array_new_value(single), res = {NULL};
  CHECK_OK(mlx_function_exporter_apply(exporter, args));
  CHECK_OK(mlx_function_exporter_apply(exporter, scalar));
  mlx_function_exporter_free(exporter);
  mlx_imported_function imported = mlx_imported_function_new(file);
  CHECK_OK(mlx_imported_function_apply(&res, imported, args));
  check_element(res, 0, doubles, 3);
  CHECK_OK(mlx_imported_function_apply(&res, imported, scalar));
  mlx_imported_function_free(imported);
  CHECK(!mlx_imported_function_new("there is no such file").ctx);
  CHECK(mlx_last_error_kind() == MLX_ERROR_FILE_NOT_FOUND);
  CHECK(!mlx_imported_function_new(NULL).ctx);
  mlx_array_free(single);
  mlx_vector_array_free(scalar);
  mlx_vector_array_free(res);
  mlx_closure_free(fun);
}

/* Counts the steps that are primitives. */
static int count_primitives(const mlx_export_value step, void* payload) {
  mlx_export_kind kind;
  CHECK_OK(mlx_export_value_get_kind(&kind, step));
  CHECK(kind == MLX_EXPORT_MAP);
  size_t size;
  CHECK_OK(mlx_export_value_get_size(&size, step));
  for (size_t i = 0; i < size; ++i) {
    const char* key;
    mlx_export_value entry;
    CHECK_OK(mlx_export_value_get_key(&key, step, i));
    CHECK_OK(mlx_export_value_get_entry(&entry, step, i));
    if (strcmp(key, "type") == 0) {
      const char* type;
      bool wrong;
      CHECK_OK(mlx_export_value_get_string(&type, entry));
      *(int*)payload += strcmp(type, "primitive") == 0;
      CHECK_FAILS(
          mlx_export_value_get_bool(&wrong, entry),
          MLX_ERROR_INVALID_ARGUMENT,
          "value is a string, not a bool");
    } else if (strcmp(key, "inputs") == 0) {
      mlx_export_value input, part, extent;
      mlx_dtype dtype;
      int64_t length;
      CHECK_OK(mlx_export_value_get_entry(&input, entry, 0));
      CHECK_OK(mlx_export_value_get_entry(&part, input, 1));
      CHECK_OK(mlx_export_value_get_entry(&extent, part, 0));
      CHECK_OK(mlx_export_value_get_int(&length, extent));
      CHECK(length == 3);
      CHECK_OK(mlx_export_value_get_entry(&part, input, 2));
      CHECK_OK(mlx_export_value_get_dtype(&dtype, part));
      CHECK(dtype == MLX_FLOAT32);
      CHECK_FAILS(mlx_export_value_get_entry(&part, input, 3), MLX_ERROR_OUT_OF_RANGE, "3");
    }
  }
  CHECK_FAILS(mlx_export_value_get_key(NULL, step, 0), MLX_ERROR_INVALID_ARGUMENT, "res");
  return 0;
}

static int stop(const mlx_export_value step, void* payload) {
  (void)step;
  (void)payload;
  return 1;
}

static void test_callback(mlx_vector_array args, mlx_map_string_to_array kwargs) {
  int primitives = 0;
  mlx_closure_kwargs fun = mlx_closure_kwargs_new_func(twice_and_more);
  mlx_function_exporter exporter =
      mlx_function_exporter_new_callback(count_primitives, &primitives, count_freed, fun, false);
  CHECK_OK(mlx_function_exporter_apply_kwargs(exporter, args, kwargs));
  CHECK(primitives == 2 && freed == 0);
  mlx_function_exporter_free(exporter);
  CHECK(freed == 1);
  exporter = mlx_function_exporter_new_callback(stop, NULL, NULL, fun, false);
  CHECK_FAILS(
      mlx_function_exporter_apply_kwargs(exporter, args, kwargs), MLX_ERROR_CALLBACK, "non-zero");
  mlx_function_exporter_free(exporter);
  CHECK(!mlx_function_exporter_new_callback(NULL, NULL, count_freed, fun, false).ctx);
  CHECK(freed == 1);
  mlx_closure_kwargs_free(fun);
}

int main(void) {
  mlx_array arr = floats(values, 3);
  mlx_vector_array args = mlx_vector_array_new_value(arr);
  mlx_map_string_to_array kwargs = mlx_map_string_to_array_new();
  mlx_map_string_to_array_insert(kwargs, "more", arr);
  test_plain(args);
  test_kwargs(args, kwargs);
  test_exporter(args);
  test_callback(args, kwargs);
  mlx_map_string_to_array_free(kwargs);
  mlx_vector_array_free(args);
  mlx_array_free(arr);
  return 0;
}
