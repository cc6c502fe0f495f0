/* Errors: a kind and a message per thread, and an optional process-wide handler. */
#ifndef MLX_C_ERROR_H
#define MLX_C_ERROR_H

#include "mlx/c/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mlx_error_kind_ MLX_C_ENUM {
  MLX_ERROR_NONE,
  MLX_ERROR_RUNTIME,
  MLX_ERROR_INVALID_ARGUMENT,
  MLX_ERROR_OUT_OF_RANGE,
  MLX_ERROR_OUT_OF_MEMORY,
  MLX_ERROR_IO,
  MLX_ERROR_FILE_NOT_FOUND,
  MLX_ERROR_CALLBACK,
  MLX_ERROR_RECURSION,
} mlx_error_kind;

typedef void (*mlx_error_handler_func)(const char* msg, void* data);

/* Calls `handler(message, data)` on every error from now on, in the thread where it happens; NULL
 * goes back to no handler. `dtor(data)` is called when the handler is replaced; it may be NULL. */
MLX_C_API void mlx_set_error_handler(
    mlx_error_handler_func handler, void* data, void (*dtor)(void*));

/* The kind and message of the last error of the calling thread. A call that succeeds leaves them
 * as they were, so ask only after a call has failed. The message is borrowed, and valid until the
 * next error of the thread. */
MLX_C_API mlx_error_kind mlx_last_error_kind(void);
MLX_C_API const char* mlx_last_error_message(void);

/* Raises an error of kind MLX_ERROR_RUNTIME from C code, formatted as by printf. */
MLX_C_API void _mlx_error(const char* file, const int line, const char* fmt, ...);

#define mlx_error(...) _mlx_error(__FILE__, __LINE__, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
