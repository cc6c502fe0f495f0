"""Python functions as closures of the C library, and closures as Python callables."""

from cpython.ref cimport Py_DECREF, Py_INCREF

from mlx_sys_py cimport c
from mlx_sys_py._array cimport VectorArray, take_arrays, to_arrays
from mlx_sys_py._error cimport check, keep_exception

cdef extern from "Python.h":
    """
    #if PY_VERSION_HEX < 0x030D0000
    #define Py_IsFinalizing _Py_IsFinalizing
    #endif
    """
    bint Py_IsFinalizing() noexcept nogil


cdef list shared_arrays(c.mlx_vector_array borrowed):
    """The arrays of a vector that a callback was lent."""
    cdef c.mlx_vector_array copy
    copy.ctx = NULL
    check(c.mlx_vector_array_set(&copy, borrowed))
    return take_arrays(copy)


cdef int call_python(
    c.mlx_vector_array* res, const c.mlx_vector_array inputs, void* payload
) noexcept with gil:
    """Run the Python function in `payload`; an exception is kept for the call around it."""
    cdef VectorArray outputs
    try:
        outputs = to_arrays((<object>payload)(shared_arrays(inputs)), "the function's result")
        check(c.mlx_vector_array_set(res, outputs._c))
        return 0
    except BaseException as error:
        keep_exception(error)
        return 1


cdef void release_python(void* payload) noexcept nogil:
    # The last copy of a closure can go after the interpreter has: then its reference leaks.
    if Py_IsFinalizing():
        return
    with gil:
        Py_DECREF(<object>payload)


cdef class Closure:
    """A function from arrays to arrays that C code can call (``mlx_closure``).

    Args:
        function (Callable[[list[array]], Sequence[array]]): the function. It is called with
            one list and returns a sequence of arrays; an exception it raises comes out of the
            call that ran it.

    Example:
        >>> from mlx_sys_py import Closure, array
        >>> double = Closure(lambda inputs: [x + x for x in inputs])
        >>> double([array(2)])
        [array(4, dtype=int32)]
    """

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self, function):
        if not callable(function):
            raise TypeError(f"function must be callable, not {type(function).__name__}")
        if self._c.ctx != NULL:
            raise RuntimeError("a Closure cannot be initialised again")
        Py_INCREF(function)
        self._c = c.mlx_closure_new_func_payload(call_python, <void*>function, release_python)
        if self._c.ctx == NULL:
            Py_DECREF(function)
            check(1)

    def __dealloc__(self):
        c.mlx_closure_free(self._c)

    @staticmethod
    cdef Closure _take(c.mlx_closure handle):
        cdef Closure res = Closure.__new__(Closure)
        res._c = handle
        return res

    def __call__(self, inputs):
        cdef c.mlx_vector_array res
        cdef VectorArray arrays = to_arrays(inputs, "inputs")
        cdef int status
        res.ctx = NULL
        with nogil:
            status = c.mlx_closure_apply(&res, self._c, arrays._c)
        check(status)
        return take_arrays(res)


cdef Closure to_closure(object function):
    return <Closure>function if isinstance(function, Closure) else Closure(function)
