/* GGUF: round trip, truncated files, and what is loaded of which types. */
#include "gguf_files.h"

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
    CHECK(!mlx_gguf_header_new("cut.gguf").ctx);
    CHECK(mlx_last_error_kind() == MLX_ERROR_IO);
  }
  /* Each byte of the header in turn: loaded or refused, and never a crash. */
  for (size_t i = 0; i < size; ++i) {
    for (int bit = 0; bit < 8; bit += 7) {
      bytes[i] ^= (unsigned char)(1 << bit);
      write_file("flip.gguf", bytes, size);
      mlx_gguf_header header = mlx_gguf_header_new("flip.gguf");
      CHECK(header.ctx || mlx_last_error_kind() == MLX_ERROR_IO);
      if (mlx_load_gguf(&res, "flip.gguf", default_stream) == 0) {
        CHECK(header.ctx);
      } else {
        CHECK(mlx_last_error_kind() == MLX_ERROR_IO);
      }
      mlx_gguf_header_free(header);
      bytes[i] ^= (unsigned char)(1 << bit);
    }
  }
  mlx_io_gguf_free(res);
  CHECK_FAILS(
      mlx_load_gguf(&res, "absent.gguf", default_stream), MLX_ERROR_FILE_NOT_FOUND, "absent");
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
  CHECK_OK(mlx_array_eval(arr));
  CHECK(memcmp(mlx_array_data_bfloat16(arr), brain, sizeof(brain)) == 0);
  mlx_array_free(arr);
  mlx_io_gguf_free(contents);
}

/* The header can be read, the data not. */
static void check_not_loaded(const buffer* file, const char* text) {
  mlx_io_gguf res = {NULL};
  write_file("bad.gguf", file->bytes, file->size);
  mlx_gguf_header header = mlx_gguf_header_new("bad.gguf");
  CHECK(header.ctx);
  mlx_gguf_header_free(header);
  CHECK_FAILS(mlx_load_gguf(&res, "bad.gguf", default_stream), MLX_ERROR_IO, text);
  CHECK(!res.ctx);
}

static void test_types_not_loaded(void) {
  const uint64_t blocks[] = {64}, four[] = {4}, packed[] = {32};
  buffer file = new_file(3, 1, 0);
  put_tensor(&file, "w", 1, blocks, Q2_0_TENSOR, 0);
  end_file(&file);
  check_not_loaded(&file, "type 42 (Q2_0), which cannot be loaded: w");

  file = new_file(3, 2, 0);
  put_tensor(&file, "w.weight", 1, packed, Q4_1_TENSOR, 0);
  put_tensor(&file, "w.scales", 1, four, F32_TENSOR, 32);
  end_file(&file);
  check_not_loaded(&file, "two tensors of one name: w.scales");
}

static void check_form(mlx_gguf_form form, bool mapped, mlx_dtype dtype, int columns) {
  mlx_io_gguf contents = {NULL};
  mlx_array arr = mlx_array_new();
  CHECK_OK(mlx_load_gguf_as(&contents, "forms.gguf", form, mapped));
  CHECK_OK(mlx_io_gguf_get_array(&arr, contents, "w.weight"));
  CHECK(mlx_array_dtype(arr) == dtype && mlx_array_dim(arr, 0) == columns);
  CHECK_OK(mlx_array_eval(arr));
  mlx_array_free(arr);
  mlx_io_gguf_free(contents);
}

static void test_forms(void) {
  const uint64_t blocks[] = {64};
  buffer file = new_file(3, 1, 0);
  put_tensor(&file, "w.weight", 1, blocks, Q4_1_TENSOR, 0);
  put_zeros(&file, -file.size % 32);
  put_zeros(&file, 40);
  write_file("forms.gguf", file.bytes, file.size);
  for (int mapped = 0; mapped < 2; ++mapped) {
    check_form(MLX_GGUF_AFFINE, mapped, MLX_UINT32, 8);
    check_form(MLX_GGUF_PACKED, mapped, MLX_UINT32, 8);
    check_form(MLX_GGUF_BLOCKS, mapped, MLX_UINT8, 40);
    check_form(MLX_GGUF_FLOAT, mapped, MLX_FLOAT32, 64);
  }
  mlx_io_gguf contents = {NULL};
  CHECK_FAILS(
      mlx_load_gguf_as(&contents, "forms.gguf", (mlx_gguf_form)4, false),
      MLX_ERROR_INVALID_ARGUMENT,
      "form");
}

int main(void) {
  test_round_trip();
  test_truncated();
  test_loaded_types();
  test_types_not_loaded();
  test_forms();
  return 0;
}
