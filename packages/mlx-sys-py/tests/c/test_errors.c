/* The channel of errors: kinds, messages, the handler. */
#include "check.h"

static char handled[256];
static int dropped = 0;

static void remember(const char* msg, void* data) {
  ++*(int*)data;
  snprintf(handled, sizeof(handled), "%s", msg);
}

static void drop(void* data) {
  (void)data;
  ++dropped;
}

int main(void) {
  int calls = 0;
  mlx_array arr = mlx_array_new();
  CHECK(mlx_last_error_kind() == MLX_ERROR_NONE && mlx_last_error_message()[0] == '\0');

  /* A message is never a format. */
  mlx_set_error_handler(remember, &calls, drop);
  CHECK_FAILS(
      mlx_load(&arr, "100%n%s.npy", default_stream), MLX_ERROR_FILE_NOT_FOUND, "100%n%s.npy");
  CHECK(calls == 1 && strstr(handled, "100%n%s.npy"));
  _mlx_error("file.c", 1, "%d%%", 7);
  CHECK(calls == 2 && strcmp(handled, "7%") == 0);
  CHECK(mlx_last_error_kind() == MLX_ERROR_RUNTIME);

  mlx_set_error_handler(NULL, NULL, NULL);
  CHECK(dropped == 1);

  /* Kinds, and MLX's own messages. */
  const float values[] = {1, 2, 3};
  mlx_array three = floats(values, 3), two = floats(values, 2);
  CHECK_FAILS(mlx_add(&arr, three, two, default_stream), MLX_ERROR_INVALID_ARGUMENT, "broadcast");
  CHECK(calls == 2);
  CHECK_FAILS(mlx_load(&arr, NULL, default_stream), MLX_ERROR_INVALID_ARGUMENT, "file");
  CHECK_FAILS(mlx_load(&arr, "/", default_stream), MLX_ERROR_IO, "/");

  /* A success leaves the last error as it was. */
  CHECK_OK(mlx_add(&arr, three, three, default_stream));
  CHECK(mlx_last_error_kind() == MLX_ERROR_IO);

  /* A message that is too long is cut at a character. */
  static char name[8192];
  for (size_t i = 0; i + 2 < sizeof(name); i += 2) {
    memcpy(name + i, "\xc3\xa9", 2);
  }
  CHECK_FAILS(mlx_load(&arr, name, default_stream), MLX_ERROR_IO, "\xc3\xa9");
  size_t length = strlen(mlx_last_error_message());
  CHECK(length > 1000 && length < 4096);
  CHECK((unsigned char)mlx_last_error_message()[length - 1] == 0xa9);

  mlx_array_free(arr);
  mlx_array_free(two);
  mlx_array_free(three);
  return 0;
}
