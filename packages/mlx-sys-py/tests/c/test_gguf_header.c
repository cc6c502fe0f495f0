/* Headers of GGUF files: all that they may say, and what is made to mislead. */
#include "gguf_files.h"

/* A key, the type of its value, and the value. */
static void put_entry(
    buffer* to, const char* key, mlx_gguf_value_type type, const void* data, size_t size) {
  put_string(to, key);
  put_u32(to, type);
  put(to, data, size);
}

static void put_array(
    buffer* to,
    const char* key,
    mlx_gguf_value_type type,
    uint64_t count,
    const void* data,
    size_t size) {
  put_string(to, key);
  put_u32(to, MLX_GGUF_ARRAY);
  put_u32(to, type);
  put_u64(to, count);
  put(to, data, size);
}

static const uint8_t u8[] = {0, 255};
static const int8_t i8[] = {-128, 127};
static const uint16_t u16[] = {1, 65535};
static const int16_t i16[] = {-32768, 2};
static const uint32_t u32[] = {3, UINT32_MAX};
static const int32_t i32[] = {INT32_MIN, 4};
static const float f32[] = {-0.5f, 1e30f};
static const bool booleans[] = {true, false};
static const uint64_t u64[] = {5, UINT64_MAX};
static const int64_t i64[] = {INT64_MIN, 6};
static const double f64[] = {0.1, -1e300};

/* Every type of numbers, first one of them, then both. */
static const struct {
  mlx_gguf_value_type type;
  size_t itemsize;
  const void* data;
} numbers[] = {
    {MLX_GGUF_UINT8, 1, u8},
    {MLX_GGUF_INT8, 1, i8},
    {MLX_GGUF_UINT16, 2, u16},
    {MLX_GGUF_INT16, 2, i16},
    {MLX_GGUF_UINT32, 4, u32},
    {MLX_GGUF_INT32, 4, i32},
    {MLX_GGUF_FLOAT32, 4, f32},
    {MLX_GGUF_BOOL, 1, booleans},
    {MLX_GGUF_UINT64, 8, u64},
    {MLX_GGUF_INT64, 8, i64},
    {MLX_GGUF_FLOAT64, 8, f64},
};
enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static void test_metadata(void) {
  buffer file = new_file(2, 0, 2 * NUMBERS + 3);
  char key[] = "one.a";
  for (size_t i = 0; i < NUMBERS; ++i) {
    key[4] = (char)('a' + i);
    put_entry(&file, key, numbers[i].type, numbers[i].data, numbers[i].itemsize);
  }
  memcpy(key, "two", 3);
  for (size_t i = 0; i < NUMBERS; ++i) {
    key[4] = (char)('a' + i);
    put_array(&file, key, numbers[i].type, 2, numbers[i].data, 2 * numbers[i].itemsize);
  }
  put_entry(&file, "text", MLX_GGUF_STRING, "\3\0\0\0\0\0\0\0a\0\xff", 11);
  put_array(&file, "texts", MLX_GGUF_STRING, 2, "\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0ab", 18);
  put_array(&file, "none", MLX_GGUF_INT32, 0, "", 0);
  write_file("header.gguf", file.bytes, file.size);

  mlx_gguf_header header = mlx_gguf_header_new("header.gguf");
  CHECK(header.ctx);
  const char* name = NULL;
  uint32_t number = 0;
  size_t count = 0;
  CHECK_OK(mlx_gguf_header_get_file(&name, header));
  CHECK(strcmp(name, "header.gguf") == 0);
  CHECK_OK(mlx_gguf_header_get_version(&number, header));
  CHECK(number == 2);
  CHECK_OK(mlx_gguf_header_get_alignment(&number, header));
  CHECK(number == 32);
  CHECK_OK(mlx_gguf_header_get_entry_count(&count, header));
  CHECK(count == 2 * NUMBERS + 3);
  CHECK_OK(mlx_gguf_header_get_tensor_count(&count, header));
  CHECK(count == 0);

  mlx_gguf_entry entry;
  for (size_t i = 0; i < 2 * NUMBERS; ++i) {
    size_t kind = i % NUMBERS, items = i < NUMBERS ? 1 : 2;
    CHECK_OK(mlx_gguf_header_get_entry(&entry, header, i));
    CHECK(entry.key[4] == (char)('a' + kind));
    CHECK(entry.type == numbers[kind].type);
    CHECK(entry.is_array == (items == 2) && entry.size == items);
    CHECK(memcmp(entry.data, numbers[kind].data, items * numbers[kind].itemsize) == 0);
  }
  CHECK_OK(mlx_gguf_header_find_entry(&entry, header, "text"));
  const mlx_gguf_string* text = entry.data;
  CHECK(entry.type == MLX_GGUF_STRING && !entry.is_array && entry.size == 1);
  CHECK(text->size == 3 && memcmp(text->data, "a\0\xff", 4) == 0);
  CHECK_OK(mlx_gguf_header_find_entry(&entry, header, "texts"));
  text = entry.data;
  CHECK(entry.type == MLX_GGUF_STRING && entry.is_array && entry.size == 2);
  CHECK(text[0].size == 0 && text[0].data[0] == '\0');
  CHECK(text[1].size == 2 && strcmp(text[1].data, "ab") == 0);
  CHECK_OK(mlx_gguf_header_find_entry(&entry, header, "none"));
  CHECK(entry.type == MLX_GGUF_INT32 && entry.is_array && entry.size == 0);
  CHECK_FAILS(
      mlx_gguf_header_find_entry(&entry, header, "nothing"), MLX_ERROR_OUT_OF_RANGE, "\"nothing\"");
  CHECK_FAILS(
      mlx_gguf_header_get_entry(&entry, header, 2 * NUMBERS + 3),
      MLX_ERROR_OUT_OF_RANGE,
      "index 25 is out of range for 25 entries");
  mlx_gguf_header_free(header);
}

static void test_tensors(void) {
  const uint64_t matrix[] = {64, 3}, empty[] = {0, 2};
  const uint32_t alignment = 64;
  buffer file = new_file(3, 4, 1);
  put_entry(&file, "general.alignment", MLX_GGUF_UINT32, &alignment, 4);
  put_tensor(&file, "packed", 2, matrix, Q5_0_TENSOR, 64);
  put_tensor(&file, "scalar", 0, NULL, F32_TENSOR, 0);
  put_tensor(&file, "empty", 2, empty, F32_TENSOR, 0);
  put_tensor(&file, "last", 1, matrix, BF16_TENSOR, 256);
  put_zeros(&file, -file.size % 64);
  size_t data = file.size;
  put_zeros(&file, 256 + 128);
  write_file("header.gguf", file.bytes, file.size);

  mlx_gguf_header header = mlx_gguf_header_new("header.gguf");
  CHECK(header.ctx);
  uint32_t number = 0;
  uint64_t offset = 0;
  size_t count = 0;
  CHECK_OK(mlx_gguf_header_get_alignment(&number, header));
  CHECK_OK(mlx_gguf_header_get_data_offset(&offset, header));
  CHECK_OK(mlx_gguf_header_get_tensor_count(&count, header));
  CHECK(number == 64 && offset == data && count == 4);

  mlx_gguf_tensor tensor;
  CHECK_OK(mlx_gguf_header_get_tensor(&tensor, header, 0));
  CHECK(strcmp(tensor.name, "packed") == 0 && strcmp(tensor.type->name, "Q5_0") == 0);
  CHECK(tensor.ndim == 2 && tensor.shape[0] == 3 && tensor.shape[1] == 64);
  CHECK(tensor.offset == data + 64 && tensor.nbytes == 3 * 2 * 22);
  CHECK_OK(mlx_gguf_header_find_tensor(&tensor, header, "scalar"));
  CHECK(tensor.ndim == 0 && tensor.offset == data && tensor.nbytes == 4);
  CHECK_OK(mlx_gguf_header_get_tensor(&tensor, header, 2));
  CHECK(tensor.nbytes == 0 && tensor.shape[0] == 2 && tensor.shape[1] == 0);
  CHECK_OK(mlx_gguf_header_find_tensor(&tensor, header, "last"));
  CHECK(tensor.type->id == BF16_TENSOR && tensor.offset == data + 256 && tensor.nbytes == 128);
  CHECK_FAILS(mlx_gguf_header_find_tensor(&tensor, header, "w"), MLX_ERROR_OUT_OF_RANGE, "\"w\"");
  CHECK_FAILS(
      mlx_gguf_header_get_tensor(&tensor, header, 4), MLX_ERROR_OUT_OF_RANGE, "for 4 tensors");
  mlx_gguf_header_free(header);
}

static void test_types(void) {
  const mlx_gguf_type* types = NULL;
  size_t count = 0;
  CHECK_OK(mlx_gguf_get_types(&types, &count));
  CHECK(count > 30);
  for (size_t i = 1; i < count; ++i) {
    CHECK(types[i].id > types[i - 1].id);
  }
  CHECK(types[0].id == F32_TENSOR && strcmp(types[0].name, "F32") == 0);
  CHECK(types[0].block_size == 1 && types[0].block_nbytes == 4);
  CHECK(types[0].loadable && !types[0].packed);
}

/* Refused in the same words, whether the header is read or all of the file. */
static void check_refused(const buffer* file, const char* text) {
  mlx_io_gguf res = {NULL};
  write_file("bad_header.gguf", file->bytes, file->size);
  CHECK(!mlx_gguf_header_new("bad_header.gguf").ctx);
  CHECK(mlx_last_error_kind() == MLX_ERROR_IO);
  CHECK(strstr(mlx_last_error_message(), text) != NULL);
  CHECK_FAILS(mlx_load_gguf(&res, "bad_header.gguf", default_stream), MLX_ERROR_IO, text);
  CHECK(!res.ctx);
}

static void test_crafted_header(void) {
  buffer file = new_file(1, 0, 0);
  check_refused(&file, "version 1");
  file = new_file(3 << 24, 0, 0);
  check_refused(&file, "big-endian");
  file = new_file(3, UINT64_MAX, 0);
  check_refused(&file, "counts");
  file = new_file(3, 0, UINT64_C(1) << 40);
  check_refused(&file, "counts");
}

static void check_name_refused(const void* name, uint64_t size, const char* text) {
  static char long_name[65536];
  buffer file = new_file(3, 0, 1);
  put_u64(&file, size);
  if (name) {
    put(&file, name, size);
  }
  put_u32(&file, MLX_GGUF_BOOL);
  put(&file, "\1", 1);
  end_file(&file);
  if (name) {
    check_refused(&file, text);
  } else {
    /* Too long for the buffer. */
    memset(long_name, 'a', sizeof(long_name));
    FILE* out = fopen("bad_header.gguf", "wb");
    CHECK(out && fwrite(file.bytes, 1, 32, out) == 32);
    CHECK(fwrite(long_name, 1, size, out) == size && fclose(out) == 0);
    CHECK(!mlx_gguf_header_new("bad_header.gguf").ctx);
    CHECK(strstr(mlx_last_error_message(), text) != NULL);
  }
}

static void test_crafted_names(void) {
  check_name_refused("", 0, "name of 0 bytes");
  check_name_refused(NULL, 65536, "name of 65536 bytes");
  check_name_refused("a\0b", 3, "null character");
  check_name_refused("\x80", 1, "no UTF-8");
  check_name_refused("a\xc3", 2, "no UTF-8");
  check_name_refused("\xc3(", 2, "no UTF-8");
  check_name_refused("\xc0\xaf", 2, "no UTF-8");         /* longer than need be */
  check_name_refused("\xe0\x9f\xbf", 3, "no UTF-8");     /* longer than need be */
  check_name_refused("\xed\xa0\x80", 3, "no UTF-8");     /* a surrogate */
  check_name_refused("\xf4\x90\x80\x80", 4, "no UTF-8"); /* beyond the last */
  check_name_refused("\xf8\x88\x80\x80\x80", 5, "no UTF-8");

  const char* last[] = {"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"};
  for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); ++i) {
    buffer file = new_file(3, 0, 1);
    put_entry(&file, last[i], MLX_GGUF_BOOL, "\1", 1);
    write_file("header.gguf", file.bytes, file.size);
    mlx_gguf_header header = mlx_gguf_header_new("header.gguf");
    mlx_gguf_entry entry;
    CHECK_OK(mlx_gguf_header_find_entry(&entry, header, last[i]));
    mlx_gguf_header_free(header);
  }
}

static void check_entry_refused(mlx_gguf_value_type type, uint64_t value, const char* text) {
  buffer file = new_file(3, 0, 1);
  put_entry(&file, "a", type, &value, sizeof(value));
  end_file(&file);
  check_refused(&file, text);
}

static void check_array_refused(mlx_gguf_value_type type, uint64_t count, const char* text) {
  buffer file = new_file(3, 0, 1);
  put_array(&file, "a", type, count, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  end_file(&file);
  check_refused(&file, text);
}

static void test_crafted_metadata(void) {
  buffer file = new_file(3, 0, 1);
  put_u64(&file, UINT64_MAX);
  end_file(&file);
  check_refused(&file, "length");

  check_entry_refused(MLX_GGUF_STRING, UINT64_C(1) << 40, "length");
  check_entry_refused(MLX_GGUF_BOOL, 2, "boolean that is neither 0 nor 1 in a");
  check_entry_refused(77, 0, "unknown type 77 in a");
  check_entry_refused(UINT32_MAX, 0, "unknown type 4294967295 in a");
  check_array_refused(MLX_GGUF_UINT32, UINT64_C(1) << 62, "length");
  check_array_refused(MLX_GGUF_UINT8, UINT64_MAX, "length");
  check_array_refused(MLX_GGUF_STRING, UINT64_C(1) << 61, "length");
  check_array_refused(MLX_GGUF_STRING, 1, "length");
  check_array_refused(MLX_GGUF_BOOL, 8, "boolean");
  check_array_refused(MLX_GGUF_ARRAY, 1, "array of arrays in a");
  check_array_refused(77, 1, "unknown type 77 in a");

  file = new_file(3, 0, 2);
  put_entry(&file, "twice", MLX_GGUF_BOOL, "\0", 1);
  put_entry(&file, "twice", MLX_GGUF_BOOL, "\1", 1);
  end_file(&file);
  check_refused(&file, "two values of one key: twice");
}

static void check_alignment_refused(mlx_gguf_value_type type, uint64_t value, size_t size) {
  buffer file = new_file(3, 0, 1);
  put_entry(&file, "general.alignment", type, &value, size);
  end_file(&file);
  check_refused(&file, "alignment");
}

static void test_crafted_alignment(void) {
  check_alignment_refused(MLX_GGUF_UINT32, 0, 4);
  check_alignment_refused(MLX_GGUF_UINT32, 48, 4);
  check_alignment_refused(MLX_GGUF_UINT64, 32, 8);
  check_alignment_refused(MLX_GGUF_STRING, 0, 8);
  const uint32_t alignment = 32;
  buffer file = new_file(3, 0, 1);
  put_array(&file, "general.alignment", MLX_GGUF_UINT32, 1, &alignment, 4);
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

static void check_pair_refused(const char* second, uint64_t first_offset, const char* text) {
  const uint64_t nine[] = {9};
  buffer file = new_file(3, 2, 0);
  put_tensor(&file, "w", 1, nine, F32_TENSOR, first_offset);
  put_tensor(&file, second, 1, nine, F32_TENSOR, 32);
  end_file(&file);
  check_refused(&file, text);
}

static void test_crafted_tensors(void) {
  const uint64_t four[] = {4}, blocks[] = {32}, huge[] = {UINT64_C(1) << 33}, large[] = {4096};
  const uint64_t wraps[] = {1 << 30, 1 << 30, 1 << 30}, bytes_wrap[] = {1 << 30, 1 << 30, 8};
  const uint64_t many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  check_tensor_refused(9, many, F32_TENSOR, 0, "dimensions");
  check_tensor_refused(1, huge, F32_TENSOR, 0, "too large");
  check_tensor_refused(3, wraps, F32_TENSOR, 0, "too large");
  check_tensor_refused(3, bytes_wrap, F32_TENSOR, 0, "too large");
  check_tensor_refused(1, large, F32_TENSOR, 0, "truncated");
  check_tensor_refused(1, four, F32_TENSOR, UINT64_C(1) << 40, "truncated");
  check_tensor_refused(1, four, F32_TENSOR, UINT64_MAX - 31, "truncated");
  check_tensor_refused(1, four, F32_TENSOR, 3, "aligned");
  check_tensor_refused(1, blocks, Q4_2_TENSOR, 0, "type 4");
  check_tensor_refused(1, four, UINT32_MAX, 0, "type 4294967295");
  check_tensor_refused(0, NULL, Q4_1_TENSOR, 0, "blocks");
  check_tensor_refused(1, four, Q4_1_TENSOR, 0, "blocks");
  check_tensor_refused(1, blocks, Q4_K_TENSOR, 0, "blocks");
  check_pair_refused("w", 128, "one name: w");
  check_pair_refused("v", 0, "overlap: w and v");
  check_pair_refused("v", 64, "overlap: v and w");
  check_pair_refused("v", 32, "overlap: ");
}

int main(void) {
  test_metadata();
  test_tensors();
  test_types();
  test_crafted_header();
  test_crafted_names();
  test_crafted_metadata();
  test_crafted_alignment();
  test_crafted_tensors();
  return 0;
}
