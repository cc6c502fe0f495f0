/* Streams: the queues that operations run on.
 *
 * Wherever a function takes a stream, the empty handle stands for the default stream of the
 * default device. */
#ifndef MLX_C_STREAM_H
#define MLX_C_STREAM_H

#include <stdbool.h>

#include "mlx/c/api.h"
#include "mlx/c/device.h"
#include "mlx/c/string.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mlx_stream_ {
  void* ctx;
} mlx_stream;

MLX_C_API mlx_stream mlx_stream_new(void);

/* A new stream of the calling thread: what is recorded on it is evaluated in this thread only. */
MLX_C_API mlx_stream mlx_stream_new_device(mlx_device dev);

/* A new stream for any thread; evaluation through this library is serialised. */
MLX_C_API mlx_stream mlx_stream_new_thread_unsafe(mlx_device dev);

/* A handle that stands for a stream of its own in every thread that uses it. */
MLX_C_API mlx_stream mlx_stream_new_thread_local(mlx_device dev);

MLX_C_API int mlx_stream_set(mlx_stream* stream, const mlx_stream src);
MLX_C_API int mlx_stream_free(mlx_stream stream);
MLX_C_API int mlx_stream_tostring(mlx_string* str, mlx_stream stream);
MLX_C_API bool mlx_stream_equal(mlx_stream lhs, mlx_stream rhs);
MLX_C_API int mlx_stream_get_device(mlx_device* dev, mlx_stream stream);
MLX_C_API int mlx_stream_get_index(int* index, mlx_stream stream);
MLX_C_API int mlx_synchronize(mlx_stream stream);

/* Called about fifty times a second, for the whole process, by threads that wait in this library,
 * while they hold none of its locks. If it returns non-zero the waiting function fails with
 * MLX_ERROR_CALLBACK, and what the thread has scheduled on the CPU stops: it is computed when it is
 * asked for again. What runs on a GPU, or in a kernel of MLX, goes on. NULL, the default: waits
 * last. */
typedef int (*mlx_interrupt_check_func)(void);
MLX_C_API void mlx_set_interrupt_check(mlx_interrupt_check_func check);

/* Waits for all streams, whatever becomes of their work: for a process that is about to end. */
MLX_C_API int mlx_synchronize_all(void);

/* Lets no thread but the caller evaluate any more, the others wait for ever: for the last moments
 * of a process, which destroys what evaluations use. */
MLX_C_API void mlx_stop_other_threads(void);

MLX_C_API int mlx_get_default_stream(mlx_stream* stream, mlx_device dev);
MLX_C_API int mlx_set_default_stream(mlx_stream stream);
MLX_C_API mlx_stream mlx_default_cpu_stream_new(void);
MLX_C_API mlx_stream mlx_default_gpu_stream_new(void);

/* Destroys the streams that the calling thread created, for a thread that is about to end. */
MLX_C_API int mlx_clear_streams(void);

#ifdef __cplusplus
}
#endif

#endif
