/* GGUF: round trip, and files that are truncated or made to mislead. */
#include "files.h"

enum { U32 = 4, STRING = 8, ARRAY = 9, F64 = 12 };
enum { F32_TENSOR = 0, Q4_1_TENSOR = 3, DEPRECATED_TENSOR = 4, Q4_K_TENSOR = 12, BF16_TENSOR = 30 };

static const float values[] = {1, 2, 3};

static void test_round_trip(void) {
  mlx_io_gguf contents = mlx_io_gguf_new(), back = {NULL};
  mlx_array arr = floats(values, 3), number = mlx_array_new_int(7), res = mlx_array_new();
  const char* words[] = {"a", "", "c"};
  mlx_vector_string tokens = mlx_vector_string_new_data(words, 3), keys = {NULL};
  CHECK_OK(mlx_io_gguf_set_array(contents, "w", arr));
  CHECK_OK(mlx_io_gguf_set_metadata_array(contents, "number", number));
  CHECK_OK(mlx_io_gguf_set_metadata_string(contents, "text", "100%"));
  CHECK_OK(mlx_io_gguf_set_metadata_vector_string(contents, "tokens", tokens));
  CHECK_OK(mlx_save_gguf("a", contents));

  CHECK_OK(mlx_load_gguf(&back, "a.gguf", default_stream));
  CHECK_OK(mlx_io_gguf_get_array(&res, back, "w"));
  check_floats(res, values, 3);
  int32_t value = 0;
  CHECK_OK(mlx_io_gguf_get_metadata_array(&res, back, "number"));
  CHECK_OK(mlx_array_item_int32(&value, res));
  CHECK(value == 7);
  mlx_string text = mlx_string_new();
  CHECK_OK(mlx_io_gguf_get_metadata_string(&text, back, "text"));
  CHECK(strcmp(mlx_string_data(text), "100%") == 0);
  mlx_vector_string_free(tokens);
  tokens = mlx_vector_string_new();
  char* word = NULL;
  CHECK_OK(mlx_io_gguf_get_metadata_vector_string(&tokens, back, "tokens"));
  CHECK_OK(mlx_vector_string_get(&word, tokens, 2));
  CHECK(mlx_vector_string_size(tokens) == 3 && strcmp(word, "c") == 0);

  bool has = false;
  CHECK_OK(mlx_io_gguf_has_metadata_string(&has, back, "text"));
  CHECK(has);
  CHECK_OK(mlx_io_gguf_has_metadata_array(&has, back, "text"));
  CHECK(!has);
  CHECK_OK(mlx_io_gguf_has_metadata_vector_string(&has, back, "nothing"));
  CHECK(!has);
  CHECK_OK(mlx_io_gguf_get_keys(&keys, back));
  CHECK(mlx_vector_string_size(keys) == 1);
  CHECK_OK(mlx_io_gguf_get_metadata_keys(&keys, back));
  CHECK(mlx_vector_string_size(keys) == 3);
  CHECK_FAILS(mlx_io_gguf_get_array(&res, back, "v"), MLX_ERROR_OUT_OF_RANGE, "\"v\"");
  CHECK_FAILS(
      mlx_io_gguf_get_metadata_array(&res, back, "text"), MLX_ERROR_INVALID_ARGUMENT, "\"text\"");

  mlx_array wide = mlx_array_new_double(1);
  CHECK_OK(mlx_io_gguf_set_array(contents, "w", wide));
  CHECK_FAILS(mlx_save_gguf("a", contents), MLX_ERROR_INVALID_ARGUMENT, "float32");
  mlx_array_free(wide);
  mlx_vector_string_free(keys);
  mlx_vector_string_free(tokens);
  mlx_string_free(text);
  mlx_array_free(res);
  mlx_array_free(number);
  mlx_array_free(arr);
  mlx_io_gguf_free(back);
  mlx_io_gguf_free(contents);
}

static void test_truncated(void) {
  static unsigned char bytes[4096];
  size_t size = read_file("a.gguf", bytes, sizeof(bytes));
  CHECK(size > 0 && size < sizeof(bytes));
  mlx_io_gguf res = {NULL};
  for (size_t cut = 0; cut < size; ++cut) {
    write_file("cut.gguf", bytes, cut);
    CHECK_FAILS(mlx_load_gguf(&res, "cut.gguf", default_stream), MLX_ERROR_IO, "cut.gguf");
  }
  /* Each byte of the header in turn: loaded or refused, and never a crash. */
  for (size_t i = 0; i < size; ++i) {
    for (int bit = 0; bit < 8; bit += 7) {
      bytes[i] ^= (unsigned char)(1 << bit);
      write_file("flip.gguf", bytes, size);
      if (mlx_load_gguf(&res, "flip.gguf", default_stream) != 0) {
        CHECK(mlx_last_error_kind() == MLX_ERROR_IO);
      }
      bytes[i] ^= (unsigned char)(1 << bit);
    }
  }
  mlx_io_gguf_free(res);
  CHECK_FAILS(
      mlx_load_gguf(&res, "absent.gguf", default_stream), MLX_ERROR_FILE_NOT_FOUND, "absent");
}

static buffer new_file(uint32_t version, uint64_t tensors, uint64_t entries) {
  buffer file = {.size = 0};
  put_text(&file, "GGUF");
  put_u32(&file, version);
  put_u64(&file, tensors);
  put_u64(&file, entries);
  return file;
}

static void put_string(buffer* to, const char* text) {
  put_u64(to, strlen(text));
  put_text(to, text);
}

static void put_tensor(
    buffer* to,
    const char* name,
    uint32_t ndim,
    const uint64_t* dims,
    uint32_t type,
    uint64_t offset) {
  put_string(to, name);
  put_u32(to, ndim);
  for (uint32_t i = 0; i < ndim; ++i) {
    put_u64(to, dims[i]);
  }
  put_u32(to, type);
  put_u64(to, offset);
}

/* Pads to the data, which is 256 bytes. */
static void end_file(buffer* to) {
  put_zeros(to, -to->size % 32);
  put_zeros(to, 256);
}

static void check_refused(const buffer* file, const char* text) {
  mlx_io_gguf res = {NULL};
  write_file("bad.gguf", file->bytes, file->size);
  CHECK_FAILS(mlx_load_gguf(&res, "bad.gguf", default_stream), MLX_ERROR_IO, text);
  CHECK(!res.ctx);
}

static void test_crafted_header(void) {
  buffer file = new_file(1, 0, 0);
  check_refused(&file, "version 1");
  file = new_file(3, UINT64_MAX, 0);
  check_refused(&file, "counts");
  file = new_file(3, 0, UINT64_C(1) << 40);
  check_refused(&file, "counts");
}

static void test_crafted_metadata(void) {
  buffer file = new_file(3, 0, 1);
  put_u64(&file, UINT64_MAX);
  end_file(&file);
  check_refused(&file, "length");

  file = new_file(3, 0, 1);
  put_string(&file, "a");
  put_u32(&file, STRING);
  put_u64(&file, UINT64_C(1) << 40);
  end_file(&file);
  check_refused(&file, "length");

  file = new_file(3, 0, 1);
  put_string(&file, "a");
  put_u32(&file, ARRAY);
  put_u32(&file, U32);
  put_u64(&file, UINT64_C(1) << 62);
  end_file(&file);
  check_refused(&file, "length");

  file = new_file(3, 0, 1);
  put_string(&file, "a");
  put_u32(&file, ARRAY);
  put_u32(&file, ARRAY);
  put_u64(&file, 1);
  end_file(&file);
  check_refused(&file, "array of arrays");

  file = new_file(3, 0, 1);
  put_string(&file, "a");
  put_u32(&file, F64);
  put_u64(&file, 0);
  end_file(&file);
  check_refused(&file, "float64");

  file = new_file(3, 0, 1);
  put_string(&file, "a");
  put_u32(&file, 77);
  end_file(&file);
  check_refused(&file, "unknown type 77");

  file = new_file(3, 0, 1);
  put_string(&file, "general.alignment");
  put_u32(&file, U32);
  put_u32(&file, 0);
  end_file(&file);
  check_refused(&file, "alignment");
}

static void check_tensor_refused(
    uint32_t ndim, const uint64_t* dims, uint32_t type, uint64_t offset, const char* text) {
  buffer file = new_file(3, 1, 0);
  put_tensor(&file, "x.weight", ndim, dims, type, offset);
  end_file(&file);
  check_refused(&file, text);
}

static void test_crafted_tensors(void) {
  const uint64_t four[] = {4}, blocks[] = {32}, huge[] = {UINT64_C(1) << 33}, large[] = {4096};
  const uint64_t wraps[] = {1 << 30, 1 << 30, 1 << 30};
  const uint64_t many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  check_tensor_refused(9, many, F32_TENSOR, 0, "dimensions");
  check_tensor_refused(1, huge, F32_TENSOR, 0, "too large");
  check_tensor_refused(3, wraps, F32_TENSOR, 0, "too large");
  check_tensor_refused(1, large, F32_TENSOR, 0, "truncated");
  check_tensor_refused(1, four, F32_TENSOR, UINT64_C(1) << 40, "truncated");
  check_tensor_refused(1, four, F32_TENSOR, UINT64_MAX - 31, "truncated");
  check_tensor_refused(1, four, F32_TENSOR, 3, "aligned");
  check_tensor_refused(1, blocks, DEPRECATED_TENSOR, 0, "type 4");
  check_tensor_refused(1, four, UINT32_MAX, 0, "type 4294967295");
  check_tensor_refused(0, NULL, Q4_1_TENSOR, 0, "blocks");
  check_tensor_refused(1, four, Q4_1_TENSOR, 0, "blocks");
  check_tensor_refused(1, blocks, Q4_K_TENSOR, 0, "blocks");

  buffer file = new_file(3, 2, 0);
  put_tensor(&file, "w", 1, four, F32_TENSOR, 0);
  put_tensor(&file, "w", 1, four, F32_TENSOR, 32);
  end_file(&file);
  check_refused(&file, "one name");
}

static void test_loaded_types(void) {
  const uint64_t blocks[] = {32, 2}, two[] = {2};
  buffer file = new_file(3, 2, 0);
  put_tensor(&file, "x.weight", 2, blocks, Q4_1_TENSOR, 0);
  put_tensor(&file, "b", 1, two, BF16_TENSOR, 64);
  put_zeros(&file, -file.size % 32);
  size_t data = file.size;
  put_zeros(&file, 68);
  const uint16_t brain[] = {0x3f80, 0x7f00}; /* 1 and 1.7e38: the second is no float16 */
  memcpy(file.bytes + data + 64, brain, sizeof(brain));
  write_file("good.gguf", file.bytes, file.size);

  mlx_io_gguf contents = {NULL};
  mlx_array arr = mlx_array_new();
  CHECK_OK(mlx_load_gguf(&contents, "good.gguf", default_stream));
  CHECK_OK(mlx_io_gguf_get_array(&arr, contents, "x.weight"));
  CHECK(mlx_array_dtype(arr) == MLX_UINT32 && mlx_array_dim(arr, 0) == 2);
  CHECK(mlx_array_dim(arr, 1) == 4);
  CHECK_OK(mlx_io_gguf_get_array(&arr, contents, "x.scales"));
  CHECK(mlx_array_dim(arr, 1) == 1);
  CHECK_OK(mlx_io_gguf_get_array(&arr, contents, "b"));
  CHECK(mlx_array_dtype(arr) == MLX_BFLOAT16);
  CHECK(memcmp(mlx_array_data_bfloat16(arr), brain, sizeof(brain)) == 0);
  mlx_array_free(arr);
  mlx_io_gguf_free(contents);
}

int main(void) {
  test_round_trip();
  test_truncated();
  test_crafted_header();
  test_crafted_metadata();
  test_crafted_tensors();
  test_loaded_types();
  return 0;
}
