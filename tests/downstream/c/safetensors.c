// A file written and read again: safetensors <file>

#include <string.h>

#include "check.h"
#include "mlx/c/mlx.h"

int main(int argc, char** argv) {
  CHECK(argc == 2);
  const char* file = argv[1];
  mlx_stream stream = mlx_default_cpu_stream_new();

  float values[] = {0.5f, -1.5f, 2.5f, 1e30f};
  int shape[] = {2, 2};
  mlx_array weight = mlx_array_new_data(values, shape, 2, MLX_FLOAT32);
  mlx_map_string_to_array arrays = mlx_map_string_to_array_new();
  mlx_map_string_to_string metadata = mlx_map_string_to_string_new();
  CHECK(mlx_map_string_to_array_insert(arrays, "weight", weight) == 0);
  CHECK(mlx_map_string_to_string_insert(metadata, "format", "mlx") == 0);
  CHECK(mlx_save_safetensors(file, arrays, metadata) == 0);

  mlx_map_string_to_array read_arrays = mlx_map_string_to_array_new();
  mlx_map_string_to_string read_metadata = mlx_map_string_to_string_new();
  CHECK(mlx_load_safetensors(&read_arrays, &read_metadata, file, stream) == 0);

  mlx_array read = mlx_array_new();
  mlx_array same = mlx_array_new();
  bool equal = false;
  CHECK(mlx_map_string_to_array_get(&read, read_arrays, "weight") == 0);
  CHECK(mlx_array_equal(&same, weight, read, false, stream) == 0);
  CHECK(mlx_array_item_bool(&equal, same) == 0 && equal);

  const char* format = NULL;
  CHECK(mlx_map_string_to_string_get(&format, read_metadata, "format") == 0);
  CHECK(strcmp(format, "mlx") == 0);

  // A name that is not there, with a conversion specification that must not be taken for one.
  CHECK(
      mlx_load_safetensors(&read_arrays, &read_metadata, "missing-%s%n.safetensors", stream) != 0);
  CHECK(mlx_last_error_kind() == MLX_ERROR_FILE_NOT_FOUND);
  CHECK(strstr(mlx_last_error_message(), "%s%n") != NULL);

  mlx_array_free(same);
  mlx_array_free(read);
  mlx_map_string_to_string_free(read_metadata);
  mlx_map_string_to_array_free(read_arrays);
  mlx_map_string_to_string_free(metadata);
  mlx_map_string_to_array_free(arrays);
  mlx_array_free(weight);
  mlx_stream_free(stream);
  puts("safetensors: ok");
  return 0;
}
