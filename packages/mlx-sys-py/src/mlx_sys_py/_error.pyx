"""Errors of the C library as Python exceptions."""

import sys

from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_DECREF, Py_XDECREF

cimport mlx_sys_py.c as c

cdef extern from "pythread.h" nogil:
    unsigned long PyThread_get_thread_ident() noexcept


# Where official MLX, NumPy and Python raise different exceptions for the same mistake, what is
# raised here is all of them, so that programs may catch any.

class WrongTypeError(TypeError, ValueError):
    """A value is of a type that does not fit, such as one that does not convert to an array.

    NumPy and Python raise ``TypeError`` here, official MLX ``ValueError``.
    """


class OperandError(WrongTypeError):
    """An operand of an operator is neither an array nor a number, or of no type that it takes."""


class OutOfRangeError(IndexError, ValueError):
    """An axis or an index is not one that the array has, or there are too many of them.

    Official MLX raises ``IndexError``, earlier versions of it ``ValueError``, and NumPy for an axis
    an ``AxisError``, which is both.
    """


class IntRangeError(OverflowError, ValueError, TypeError):
    """An int is beyond what the argument, or the type of an array, can hold.

    Official MLX raises ``OverflowError`` for a length of a shape and ``TypeError`` for others; a
    value that does not fit is a ``ValueError`` elsewhere.
    """


class MissingEntryError(KeyError, IndexError, ValueError):
    """A container lacks an entry that another one has.

    Official MLX raises what its access raises, a ``KeyError`` or an ``IndexError``.
    """

    # Not that of KeyError, which quotes the text.
    __str__ = Exception.__str__


class FileError(OSError, RuntimeError):
    """A file cannot be read or written, or holds something else than it says.

    Python raises ``OSError`` here, official MLX ``RuntimeError``.
    """


class FileMissingError(FileError, FileNotFoundError):
    """There is no such file or folder."""


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
        # MLX's text for a length that no shape can hold.
        if "is outside the supported range" in message:
            raise IntRangeError(message)
        raise ValueError(message)
    if kind == c.MLX_ERROR_OUT_OF_RANGE:
        raise OutOfRangeError(message)
    if kind == c.MLX_ERROR_OUT_OF_MEMORY:
        raise MemoryError(message)
    if kind == c.MLX_ERROR_FILE_NOT_FOUND:
        raise FileMissingError(message)
    if kind == c.MLX_ERROR_IO:
        raise FileError(message)
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
