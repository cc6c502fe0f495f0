"""Errors of the C library as Python exceptions."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_DECREF, Py_XDECREF

from mlx_sys_py cimport c

# A callback cannot let its exception pass through C++.  It leaves it here and returns a
# status; the call that runs the callback finds it again, on the same thread, and raises it
# as it was, traceback and all.
cdef extern from *:
    """
    static thread_local PyObject* mlx_sys_py_kept_exception = nullptr;
    """
    PyObject* kept_exception "mlx_sys_py_kept_exception"


cdef void keep_exception(object error) noexcept:
    """Keep the exception of a callback until the C call around it has returned."""
    global kept_exception
    Py_XDECREF(kept_exception)
    Py_INCREF(error)
    kept_exception = <PyObject*>error


cdef object take_exception():
    global kept_exception
    if kept_exception == NULL:
        return None
    error = <object>kept_exception
    Py_DECREF(error)
    kept_exception = NULL
    return error


cdef int raise_last_error() except -1:
    cdef c.mlx_error_kind kind = c.mlx_last_error_kind()
    kept = take_exception()
    if kind == c.MLX_ERROR_CALLBACK and kept is not None:
        raise kept
    message = (<bytes>c.mlx_last_error_message()).decode("utf-8", "replace")
    if kind == c.MLX_ERROR_INVALID_ARGUMENT:
        raise ValueError(message)
    if kind == c.MLX_ERROR_OUT_OF_RANGE:
        raise IndexError(message)
    if kind == c.MLX_ERROR_OUT_OF_MEMORY:
        raise MemoryError(message)
    if kind == c.MLX_ERROR_FILE_NOT_FOUND:
        raise FileNotFoundError(message)
    if kind == c.MLX_ERROR_IO:
        raise OSError(message)
    raise RuntimeError(message)
