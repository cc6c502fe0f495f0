# cython: language_level=3
"""Uses the C interface only; its users need not import mlx_sys_py first."""

from mlx_sys_py cimport c


def twice(float value):
    cdef c.mlx_array x = c.mlx_array_new_float32(value)
    cdef c.mlx_array result
    cdef c.mlx_stream stream
    cdef float answer = 0
    result.ctx = NULL
    stream.ctx = NULL
    try:
        with nogil:
            failed = c.mlx_add(&result, x, x, stream) or c.mlx_array_item_float32(&answer, result)
        if failed:
            raise RuntimeError((<bytes>c.mlx_last_error_message()).decode())
        return answer
    finally:
        c.mlx_array_free(result)
        c.mlx_array_free(x)
