/* Vectors, maps, strings, devices, streams, memory, version. */
#include "check.h"

static void test_vectors(void) {
  const float values[] = {1, 2};
  mlx_array arr = floats(values, 2);
  mlx_array empty = mlx_array_new();
  mlx_vector_array vec = mlx_vector_array_new();
  CHECK_OK(mlx_vector_array_append_value(vec, arr));
  const mlx_array pair[] = {arr, empty};
  CHECK_FAILS(
      mlx_vector_array_append_data(vec, pair, 2), MLX_ERROR_INVALID_ARGUMENT, "empty array handle");
  CHECK(mlx_vector_array_size(vec) == 1);
  check_element(vec, 0, values, 2);
  CHECK_FAILS(mlx_vector_array_get(&empty, vec, 1), MLX_ERROR_OUT_OF_RANGE, "idx 1");

  mlx_vector_vector_array nested = mlx_vector_vector_array_new_value(vec);
  mlx_vector_array inner = {NULL};
  CHECK_OK(mlx_vector_vector_array_get(&inner, nested, 0));
  check_element(inner, 0, values, 2);
  mlx_vector_array_free(inner);
  mlx_vector_vector_array_free(nested);
  mlx_vector_array_free(vec);
  mlx_array_free(arr);

  int numbers[] = {3, 4};
  mlx_vector_int ints = mlx_vector_int_new_data(numbers, 2);
  int number = 0;
  CHECK_OK(mlx_vector_int_append_value(ints, 5));
  CHECK_OK(mlx_vector_int_get(&number, ints, 2));
  CHECK(number == 5 && mlx_vector_int_size(ints) == 3);
  mlx_vector_int_free(ints);

  const char* words[] = {"a", "b"};
  mlx_vector_string strings = mlx_vector_string_new_data(words, 2);
  char* word = NULL;
  CHECK_OK(mlx_vector_string_get(&word, strings, 1));
  CHECK(strcmp(word, "b") == 0);
  CHECK_FAILS(mlx_vector_string_append_value(strings, NULL), MLX_ERROR_INVALID_ARGUMENT, "NULL");
  mlx_vector_string_free(strings);
  CHECK(mlx_vector_array_size((mlx_vector_array){NULL}) == 0);
}

static void test_maps(void) {
  const float one[] = {1}, two[] = {2};
  mlx_array first = floats(one, 1), second = floats(two, 1), found = mlx_array_new();
  mlx_map_string_to_array map = mlx_map_string_to_array_new();
  CHECK_OK(mlx_map_string_to_array_insert(map, "x", first));
  CHECK_OK(mlx_map_string_to_array_insert(map, "x", second));
  CHECK_OK(mlx_map_string_to_array_get(&found, map, "x"));
  check_floats(found, two, 1);
  CHECK_FAILS(mlx_map_string_to_array_get(&found, map, "%s"), MLX_ERROR_OUT_OF_RANGE, "\"%s\"");

  mlx_map_string_to_array_iterator it = mlx_map_string_to_array_iterator_new(map);
  const char* key = NULL;
  CHECK(mlx_map_string_to_array_iterator_next(&key, &found, it) == 0);
  CHECK(strcmp(key, "x") == 0);
  CHECK(mlx_map_string_to_array_iterator_next(&key, &found, it) == 2);
  mlx_map_string_to_array_iterator_free(it);
  mlx_map_string_to_array_free(map);
  mlx_array_free(first);
  mlx_array_free(second);
  mlx_array_free(found);

  mlx_map_string_to_string texts = mlx_map_string_to_string_new();
  const char* value = NULL;
  CHECK_OK(mlx_map_string_to_string_insert(texts, "k", "v"));
  CHECK_OK(mlx_map_string_to_string_get(&value, texts, "k"));
  CHECK(strcmp(value, "v") == 0);
  mlx_map_string_to_string_free(texts);
}

static void test_devices(void) {
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0), other = mlx_device_new();
  mlx_device_type type;
  int index = -1, count = 0;
  bool flag = false;
  CHECK_OK(mlx_device_get_type(&type, cpu));
  CHECK_OK(mlx_device_get_index(&index, cpu));
  CHECK_OK(mlx_device_is_available(&flag, cpu));
  CHECK_OK(mlx_device_count(&count, MLX_CPU));
  CHECK(type == MLX_CPU && index == 0 && flag && count == 1);
  CHECK(!mlx_device_equal(cpu, other) && mlx_last_error_kind() == MLX_ERROR_INVALID_ARGUMENT);
  CHECK_OK(mlx_device_set(&other, cpu));
  CHECK(mlx_device_equal(cpu, other));

  mlx_device_info info = mlx_device_info_new();
  mlx_vector_string keys = mlx_vector_string_new();
  size_t size;
  CHECK_OK(mlx_device_info_get(&info, cpu));
  CHECK_OK(mlx_device_info_get_keys(&keys, info));
  CHECK_OK(mlx_device_info_has_key(&flag, info, "nothing of that name"));
  CHECK(!flag);
  CHECK_FAILS(
      mlx_device_info_get_size(&size, info, "nothing of that name"),
      MLX_ERROR_INVALID_ARGUMENT,
      "nothing of that name");
  mlx_vector_string_free(keys);
  mlx_device_info_free(info);

  mlx_device far = mlx_device_new_type(MLX_CPU, 7);
  CHECK_FAILS(mlx_set_default_device(far), MLX_ERROR_INVALID_ARGUMENT, "CPU device 7");
  mlx_stream stream = mlx_stream_new();
  CHECK_FAILS(mlx_get_default_stream(&stream, far), MLX_ERROR_INVALID_ARGUMENT, "CPU device 7");
  CHECK(!mlx_stream_new_device(far).ctx);
  CHECK(!mlx_device_new_type((mlx_device_type)5, 0).ctx);
  mlx_device_free(far);
  mlx_device_free(other);
  mlx_device_free(cpu);
}

static void test_streams(void) {
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0), device = mlx_device_new();
  mlx_stream first = mlx_stream_new(), own = mlx_stream_new_device(cpu);
  CHECK_OK(mlx_get_default_stream(&first, cpu));
  CHECK(!mlx_stream_equal(first, own));
  CHECK_OK(mlx_stream_get_device(&device, own));
  CHECK(mlx_device_equal(device, cpu));

  const float values[] = {1}, doubled[] = {2};
  mlx_array arr = floats(values, 1), sum = mlx_array_new();
  CHECK_OK(mlx_set_default_stream(own));
  CHECK_OK(mlx_add(&sum, arr, arr, default_stream));
  check_floats(sum, doubled, 1);
  CHECK_OK(mlx_synchronize(own));
  CHECK_OK(mlx_clear_streams());

  mlx_stream now = mlx_stream_new();
  CHECK_OK(mlx_get_default_stream(&now, cpu));
  CHECK(mlx_stream_equal(first, now));
  mlx_stream local = mlx_stream_new_thread_local(cpu);
  CHECK_OK(mlx_add(&sum, arr, arr, local));
  check_floats(sum, doubled, 1);
  CHECK_FAILS(mlx_add(NULL, arr, arr, local), MLX_ERROR_INVALID_ARGUMENT, "res");
  CHECK_FAILS(mlx_add(&sum, arr, mlx_array_new(), local), MLX_ERROR_INVALID_ARGUMENT, "empty");
  mlx_array_free(arr);
  mlx_array_free(sum);
  mlx_stream_free(local);
  mlx_stream_free(now);
  mlx_stream_free(own);
  mlx_stream_free(first);
  mlx_device_free(device);
  mlx_device_free(cpu);
}

static void test_memory(void) {
  size_t active = 0, peak = 0, limit = 0, before = 0;
  CHECK_OK(mlx_get_active_memory(&active));
  CHECK_OK(mlx_get_peak_memory(&peak));
  CHECK(peak >= active);
  CHECK_OK(mlx_get_memory_limit(&limit));
  CHECK_OK(mlx_set_memory_limit(&before, limit));
  CHECK(before == limit);
  CHECK_OK(mlx_clear_cache());
  CHECK_FAILS(mlx_get_active_memory(NULL), MLX_ERROR_INVALID_ARGUMENT, "res");
}

static void test_strings(void) {
  mlx_string version = mlx_string_new();
  CHECK_OK(mlx_version(&version));
  CHECK(strncmp(mlx_string_data(version), "0.32", 4) == 0);
  mlx_string copy = mlx_string_new();
  CHECK_OK(mlx_string_set(&copy, version));
  mlx_string_free(version);
  CHECK(strlen(mlx_string_data(copy)) >= 6);
  mlx_string_free(copy);
  CHECK(!mlx_string_data(mlx_string_new()) && !mlx_string_new_data(NULL).ctx);
}

int main(void) {
  test_vectors();
  test_maps();
  test_devices();
  test_streams();
  test_memory();
  test_strings();
  return 0;
}
