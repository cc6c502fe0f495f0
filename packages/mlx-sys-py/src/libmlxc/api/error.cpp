#include "mlx/c/error.h"

#include <cstdarg>
#include <cstdio>

#include "core/guard.hpp"
#include "core/last_error.hpp"

using namespace mlx_c;

void mlx_set_error_handler(mlx_error_handler_func handler, void* data, void (*dtor)(void*)) {
  guard([&] { set_error_handler(handler, data, dtor); });
}

mlx_error_kind mlx_last_error_kind(void) {
  return last_error().kind;
}

const char* mlx_last_error_message(void) {
  return last_error().message;
}

void _mlx_error(const char* file, const int line, const char* fmt, ...) {
  // Messages of this library carry no source location.
  static_cast<void>(file);
  static_cast<void>(line);
  char message[sizeof(LastError::message)] = "";
  va_list args;
  va_start(args, fmt);
  std::vsnprintf(message, sizeof(message), fmt, args);
  va_end(args);
  report_error(MLX_ERROR_RUNTIME, message);
}
