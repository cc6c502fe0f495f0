/* Graphs as text. */
#include "check.h"

static const float values[] = {1, 2};

/* What is in a file, up to its end. */
static const char* contents(FILE* file) {
  static char text[4096];
  rewind(file);
  size_t size = fread(text, 1, sizeof(text) - 1, file);
  text[size] = '\0';
  return text;
}

int main(void) {
  mlx_array arr = floats(values, 2), sum = mlx_array_new();
  CHECK_OK(mlx_add(&sum, arr, arr, default_stream));
  mlx_vector_array outputs = mlx_vector_array_new_value(sum);
  mlx_node_namer namer = mlx_node_namer_new(), none = {NULL};
  const char* name;
  CHECK_OK(mlx_node_namer_get_name(&name, namer, arr));
  CHECK(strcmp(name, "A") == 0);
  CHECK_OK(mlx_node_namer_set_name(namer, sum, "the sum"));
  CHECK_OK(mlx_node_namer_get_name(&name, namer, sum));
  CHECK(strcmp(name, "the sum") == 0);
  CHECK_FAILS(mlx_node_namer_set_name(namer, sum, NULL), MLX_ERROR_INVALID_ARGUMENT, "name");
  CHECK_FAILS(mlx_node_namer_get_name(&name, none, sum), MLX_ERROR_INVALID_ARGUMENT, "namer");

  FILE* file = tmpfile();
  CHECK(file);
  CHECK_OK(mlx_export_to_dot(file, namer, outputs));
  CHECK(strstr(contents(file), "digraph") && strstr(contents(file), "the sum"));
  fclose(file);
  file = tmpfile();
  CHECK_OK(mlx_print_graph(file, none, outputs));
  CHECK(strstr(contents(file), "Add"));
  CHECK_FAILS(mlx_print_graph(NULL, none, outputs), MLX_ERROR_INVALID_ARGUMENT, "os");

  for (int i = 0; i < 100000; ++i) {
    CHECK_OK(mlx_add(&sum, sum, arr, default_stream));
  }
  mlx_vector_array deep = mlx_vector_array_new_value(sum);
  CHECK_FAILS(mlx_print_graph(file, none, deep), MLX_ERROR_INVALID_ARGUMENT, "too deep");
  CHECK_FAILS(mlx_export_to_dot(file, none, deep), MLX_ERROR_INVALID_ARGUMENT, "too deep");
  fclose(file);
  mlx_vector_array_free(deep);
  mlx_node_namer_free(namer);
  mlx_vector_array_free(outputs);
  mlx_array_free(sum);
  mlx_array_free(arr);
  return 0;
}
