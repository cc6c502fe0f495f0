// The last error of each thread, and the handler that is told of errors.
#pragma once

#include <string_view>

#include "mlx/c/error.h"

namespace mlx_c {

// Trivially destructible, so that destructors running at the end of a thread may still report.
struct LastError {
  mlx_error_kind kind;
  char message[4096];
};

LastError& last_error() noexcept;

// Makes it the last error of the calling thread and calls the handler, if there is one.
void report_error(mlx_error_kind kind, std::string_view message) noexcept;

// `dtor` is called with `data` when the handler is replaced and no call of it is in progress.
void set_error_handler(mlx_error_handler_func handler, void* data, void (*dtor)(void*));

}  // namespace mlx_c
