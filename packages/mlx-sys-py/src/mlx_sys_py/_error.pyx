"""Errors of the C library as Python exceptions."""

import sys

from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_DECREF, Py_XDECREF

cimport mlx_sys_py.c as c

cdef extern from "pythread.h" nogil:
    unsigned long PyThread_get_thread_ident() noexcept


class OperandError(TypeError, ValueError):
    """An operand of an operator is neither an array nor a number.

    Python's own types raise ``TypeError`` here and official MLX ``ValueError``.
    """


class IndexingError(IndexError, ValueError):
    """An index that no array of the shape can have: too many items, a mask of another shape.

    NumPy raises ``IndexError`` for these and official MLX ``ValueError``.
    """


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
    if kind == c.MLX_ERROR_RECURSION:
        raise RecursionError(message)
    raise RuntimeError(message)


cdef unsigned long main_thread():
    # Without the module there are no other threads.
    threading = sys.modules.get("threading")
    return threading.main_thread().ident if threading else PyThread_get_thread_ident()


# The only thread in which Python handles signals. Other ones must not ask for the GIL while they
# wait: an interpreter that ends would end them in the middle of C++.
cdef unsigned long signalled_thread = main_thread()


cdef int handle_signals() noexcept with gil:
    try:
        PyErr_CheckSignals()
        return 0
    except BaseException as error:
        keep_exception(error)
        return 1


cdef int interrupt_check() noexcept nogil:
    return PyThread_get_thread_ident() == signalled_thread and handle_signals()


c.mlx_set_interrupt_check(interrupt_check)
