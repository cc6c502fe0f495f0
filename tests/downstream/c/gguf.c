// Arrays and metadata of all kinds through a GGUF file: gguf <file>

#include <string.h>

#include "check.h"
#include "mlx/c/mlx.h"

int main(int argc, char** argv) {
  CHECK(argc == 2);
  mlx_stream stream = mlx_default_cpu_stream_new();
  float values[] = {1.0f, 2.0f, 3.0f};
  int shape[] = {3};
  mlx_array weight = mlx_array_new_data(values, shape, 1, MLX_FLOAT32);
  mlx_array layers = mlx_array_new_int(12);
  const char* words[] = {"to", "be", "or"};
  mlx_vector_string vocabulary = mlx_vector_string_new_data(words, 3);

  mlx_io_gguf out = mlx_io_gguf_new();
  CHECK(mlx_io_gguf_set_array(out, "blk.0.weight", weight) == 0);
  CHECK(mlx_io_gguf_set_metadata_array(out, "layers", layers) == 0);
  CHECK(mlx_io_gguf_set_metadata_string(out, "general.name", "100% small") == 0);
  CHECK(mlx_io_gguf_set_metadata_vector_string(out, "vocabulary", vocabulary) == 0);
  CHECK(mlx_save_gguf(argv[1], out) == 0);

  mlx_io_gguf in = mlx_io_gguf_new();
  CHECK(mlx_load_gguf(&in, argv[1], stream) == 0);
  mlx_vector_string keys = mlx_vector_string_new();
  CHECK(mlx_io_gguf_get_keys(&keys, in) == 0);
  CHECK(mlx_vector_string_size(keys) == 1);

  mlx_array read = mlx_array_new();
  mlx_array same = mlx_array_new();
  bool equal = false, has = true;
  CHECK(mlx_io_gguf_get_array(&read, in, "blk.0.weight") == 0);
  CHECK(mlx_array_equal(&same, weight, read, false, stream) == 0);
  CHECK(mlx_array_item_bool(&equal, same) == 0 && equal);

  mlx_string name = mlx_string_new();
  CHECK(mlx_io_gguf_get_metadata_string(&name, in, "general.name") == 0);
  CHECK(strcmp(mlx_string_data(name), "100% small") == 0);
  mlx_vector_string read_words = mlx_vector_string_new();
  char* word = NULL;
  CHECK(mlx_io_gguf_get_metadata_vector_string(&read_words, in, "vocabulary") == 0);
  CHECK(mlx_vector_string_get(&word, read_words, 2) == 0 && strcmp(word, "or") == 0);
  CHECK(mlx_io_gguf_has_metadata_string(&has, in, "layers") == 0 && !has);

  mlx_vector_string_free(read_words);
  mlx_string_free(name);
  mlx_array_free(same);
  mlx_array_free(read);
  mlx_vector_string_free(keys);
  mlx_io_gguf_free(in);
  mlx_io_gguf_free(out);
  mlx_vector_string_free(vocabulary);
  mlx_array_free(layers);
  mlx_array_free(weight);
  mlx_stream_free(stream);
  puts("gguf: ok");
  return 0;
}
