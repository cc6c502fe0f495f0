/* npy and safetensors, by name and by the user's own streams. */
#include "files.h"

static const float values[] = {1, 2, 3};

/* --- A stream over memory, which can be told to fail ----------------------------------------- */

typedef struct {
  buffer data;
  size_t position;
  bool failed;
  int fails_after; /* this many calls; never if negative */
  int freed;
} memory;

static bool memory_is_open(void* desc) {
  (void)desc;
  return true;
}

static bool memory_good(void* desc) {
  return !((memory*)desc)->failed;
}

static size_t memory_tell(void* desc) {
  return ((memory*)desc)->position;
}

static void memory_seek(void* desc, int64_t off, int whence) {
  memory* m = desc;
  size_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? m->position : m->data.size;
  m->position = from + (size_t)off;
}

static void memory_read_at(void* desc, char* data, size_t n, size_t off) {
  memory* m = desc;
  if (m->fails_after-- == 0 || off > m->data.size || n > m->data.size - off) {
    m->failed = true;
    return;
  }
  memcpy(data, m->data.bytes + off, n);
}

static void memory_read(void* desc, char* data, size_t n) {
  memory* m = desc;
  memory_read_at(m, data, n, m->position);
  m->position += n;
}

static void memory_write(void* desc, const char* data, size_t n) {
  memory* m = desc;
  if (m->fails_after-- == 0) {
    m->failed = true;
    return;
  }
  put(&m->data, data, n);
}

static const char* memory_label(void* desc) {
  (void)desc;
  return "memory at 100%";
}

static void memory_free(void* desc) {
  ++((memory*)desc)->freed;
}

static const mlx_io_vtable vtable = {
    memory_is_open,
    memory_good,
    memory_tell,
    memory_seek,
    memory_read,
    memory_read_at,
    memory_write,
    memory_label,
    memory_free,
};

static memory* new_memory(void) {
  memory* m = calloc(1, sizeof(memory));
  m->fails_after = -1;
  return m;
}

/* --- npy ---------------------------------------------------------------------------------------
 */

static void test_npy(void) {
  mlx_array arr = floats(values, 3), back = mlx_array_new();
  CHECK_OK(mlx_save("a%d", arr));
  CHECK_OK(mlx_load(&back, "a%d.npy", default_stream));
  check_floats(back, values, 3);

  /* Not ordered by rows. */
  const int shape[] = {3, 1}, wide[] = {3, 2};
  mlx_array column = mlx_array_new_data(values, shape, 2, MLX_FLOAT32);
  CHECK_OK(mlx_broadcast_to(&column, column, wide, 2, default_stream));
  CHECK_OK(mlx_save("b.npy", column));
  CHECK_OK(mlx_load(&back, "b.npy", default_stream));
  const float doubled[] = {1, 1, 2, 2, 3, 3};
  CHECK(mlx_array_ndim(back) == 2);
  check_floats(back, doubled, 6);

  static unsigned char bytes[4096];
  size_t size = read_file("a%d.npy", bytes, sizeof(bytes));
  for (size_t cut = 0; cut < size; ++cut) {
    write_file("cut.npy", bytes, cut);
    CHECK_FAILS(mlx_load(&back, "cut.npy", default_stream), MLX_ERROR_IO, "cut.npy");
  }
  CHECK_OK(mlx_load_mapped(&back, "a%d.npy"));
  check_floats(back, values, 3);
  CHECK_FAILS(mlx_load_mapped(&back, "absent.npy"), MLX_ERROR_FILE_NOT_FOUND, "absent");
  static unsigned char blank[80];
  memset(blank, ' ', sizeof(blank));
  memcpy(blank, "\x93NUMPY\x01\x00\x10\x00", 10);
  write_file("blank.npy", blank, sizeof(blank));
  CHECK_FAILS(mlx_load(&back, "blank.npy", default_stream), MLX_ERROR_IO, "npy header");
  CHECK_FAILS(mlx_load(&back, "absent.npy", default_stream), MLX_ERROR_FILE_NOT_FOUND, "absent");
  CHECK_FAILS(mlx_save("absent/a.npy", arr), MLX_ERROR_FILE_NOT_FOUND, "absent");

  const int none[] = {0};
  mlx_array empty = mlx_array_new_data(NULL, none, 1, MLX_FLOAT32);
  CHECK_OK(mlx_save("a%d.npy", empty));
  CHECK_OK(mlx_load(&back, "a%d.npy", default_stream));
  CHECK_OK(mlx_array_eval(back));
  CHECK(mlx_array_size(back) == 0);
  mlx_array_free(empty);
  mlx_array_free(column);
  mlx_array_free(arr);
  mlx_array_free(back);
}

/* --- safetensors --------------------------------------------------------------------------------
 */

static void test_safetensors(void) {
  mlx_array arr = floats(values, 3), back = mlx_array_new();
  mlx_map_string_to_array arrays = mlx_map_string_to_array_new();
  mlx_map_string_to_string texts = mlx_map_string_to_string_new();
  mlx_map_string_to_array_insert(arrays, "x", arr);
  mlx_map_string_to_string_insert(texts, "format", "mlx");
  CHECK_OK(mlx_save_safetensors("a", arrays, texts));

  mlx_map_string_to_array loaded = {NULL};
  mlx_map_string_to_string metadata = {NULL};
  const char* text = NULL;
  CHECK_OK(mlx_load_safetensors(&loaded, &metadata, "a.safetensors", default_stream));
  CHECK_OK(mlx_map_string_to_array_get(&back, loaded, "x"));
  CHECK_OK(mlx_map_string_to_string_get(&text, metadata, "format"));
  CHECK(strcmp(text, "mlx") == 0);

  /* Replaced while an array of it is not read yet. */
  const float others[] = {9};
  mlx_array other = floats(others, 1);
  mlx_map_string_to_array_insert(arrays, "x", other);
  CHECK_OK(mlx_save_safetensors("a.safetensors", arrays, texts));
  check_floats(back, values, 3);

  static unsigned char bytes[4096];
  size_t size = read_file("a.safetensors", bytes, sizeof(bytes));
  for (size_t cut = 0; cut < size; ++cut) {
    write_file("cut.safetensors", bytes, cut);
    CHECK_FAILS(
        mlx_load_safetensors(&loaded, &metadata, "cut.safetensors", default_stream),
        MLX_ERROR_IO,
        "cut.safetensors");
  }
  CHECK_OK(mlx_array_set_double(&other, 1));
  mlx_map_string_to_array_insert(arrays, "x", other);
  CHECK_OK(mlx_array_set_double(&other, 1e300));
  mlx_map_string_to_array_insert(arrays, "x", other);
  CHECK_OK(mlx_save_safetensors("a", arrays, texts));
  CHECK_OK(mlx_load_safetensors_mapped(&loaded, &metadata, "a.safetensors"));
  CHECK_OK(mlx_map_string_to_array_get(&back, loaded, "x"));
  double number = 0;
  CHECK_OK(mlx_array_item_float64(&number, back));
  CHECK(number == 1e300);
  mlx_map_string_to_array_free(arrays);
  mlx_map_string_to_array_free(loaded);
  mlx_map_string_to_string_free(texts);
  mlx_map_string_to_string_free(metadata);
  mlx_array_free(other);
  mlx_array_free(arr);
  mlx_array_free(back);
}

static void check_header_fails(const char* header) {
  buffer file = {.size = 0};
  put_u64(&file, strlen(header));
  put_text(&file, header);
  put_zeros(&file, 8);
  write_file("bad.safetensors", file.bytes, file.size);
  mlx_map_string_to_array arrays = {NULL};
  mlx_map_string_to_string metadata = {NULL};
  CHECK_FAILS(
      mlx_load_safetensors(&arrays, &metadata, "bad.safetensors", default_stream),
      MLX_ERROR_IO,
      "bad.safetensors");
}

static void test_crafted_safetensors(void) {
  check_header_fails("[1, 2]");
  check_header_fails("{\"a\": 5}");
  check_header_fails("{\"a\": {\"dtype\": \"F32\", \"shape\": [2]}}");
  check_header_fails("{\"a\": {\"dtype\": \"F99\", \"shape\": [2], \"data_offsets\": [0, 8]}}");
  check_header_fails("{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}}");
  check_header_fails("{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 16]}}");
  check_header_fails("{\"a\": {\"dtype\": \"F32\", \"shape\": [-2], \"data_offsets\": [0, 8]}}");
  /* A size that wraps round to 0. */
  check_header_fails(
      "{\"a\": {\"dtype\": \"F32\", \"shape\": [65536, 65536, 65536, 65536], "
      "\"data_offsets\": [0, 0]}}");
}

/* --- Streams ------------------------------------------------------------------------------------
 */

static void test_streams(void) {
  memory* m = new_memory();
  mlx_array arr = floats(values, 3), back = mlx_array_new();
  mlx_io_writer writer = mlx_io_writer_new(m, vtable);
  CHECK_OK(mlx_save_writer(writer, arr));
  mlx_io_writer_free(writer);
  CHECK(m->freed == 1);

  mlx_io_reader reader = mlx_io_reader_new(m, vtable);
  mlx_string label = mlx_string_new();
  void* desc = NULL;
  CHECK_OK(mlx_io_reader_tostring(&label, reader));
  CHECK(strstr(mlx_string_data(label), "100%"));
  CHECK_OK(mlx_io_reader_descriptor(&desc, reader));
  CHECK(desc == m);
  CHECK_OK(mlx_load_reader(&back, reader, default_stream));
  mlx_io_reader_free(reader);
  CHECK(m->freed == 1);
  check_floats(back, values, 3);
  CHECK_OK(mlx_synchronize(default_stream));
  mlx_string_free(label);

  mlx_io_vtable incomplete = vtable;
  incomplete.read_at_offset = NULL;
  CHECK(!mlx_io_reader_new(m, incomplete).ctx);
  CHECK(mlx_last_error_kind() == MLX_ERROR_INVALID_ARGUMENT);
  mlx_array_free(back);
  mlx_array_free(arr);
  free(m);
}

static void test_failing_streams(void) {
  memory* m = new_memory();
  mlx_array arr = floats(values, 3);
  mlx_io_writer writer = mlx_io_writer_new(m, vtable);
  m->fails_after = 1;
  CHECK_FAILS(mlx_save_writer(writer, arr), MLX_ERROR_CALLBACK, "[write] failed on memory at 100%");
  m->failed = false;
  m->fails_after = -1;
  m->data.size = 0;
  CHECK_OK(mlx_save_writer(writer, arr));
  mlx_io_writer_free(writer);

  /* At every call in turn, the last of which reads the items while the array is evaluated. */
  bool at_evaluation = false;
  for (int calls = 0; !at_evaluation; ++calls) {
    CHECK(calls < 20);
    mlx_io_reader reader = mlx_io_reader_new(m, vtable);
    mlx_array back = mlx_array_new();
    m->failed = false;
    m->position = 0;
    m->fails_after = calls;
    if (mlx_load_reader(&back, reader, default_stream) == 0) {
      CHECK_FAILS(mlx_array_eval(back), MLX_ERROR_CALLBACK, "[read] failed on memory at 100%");
      at_evaluation = true;
    } else {
      CHECK(mlx_last_error_kind() == MLX_ERROR_CALLBACK);
    }
    mlx_array_free(back);
    mlx_io_reader_free(reader);
  }
  mlx_array_free(arr);
  free(m);
}

int main(void) {
  test_npy();
  test_safetensors();
  test_crafted_safetensors();
  test_streams();
  test_failing_streams();
  return 0;
}
