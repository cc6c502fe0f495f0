# cython: language_level=3
"""Uses the extension type, and the C interface under it."""

from mlx_sys_py cimport array, c


cdef class Pair:
    """Holds two arrays as what they are in C."""
    cdef readonly array first, second

    def __cinit__(self, array first not None, array second not None):
        self.first = first
        self.second = second

    def sum(self):
        cdef c.mlx_array result
        cdef c.mlx_stream stream
        result.ctx = NULL
        stream.ctx = NULL
        if c.mlx_add(&result, self.first._c, self.second._c, stream) != 0:
            raise ValueError((<bytes>c.mlx_last_error_message()).decode())
        return array._take(result)


cdef class Kept:
    """Has a share of an array by a handle of its own."""
    cdef c.mlx_array handle

    def __cinit__(self, array source not None):
        self.handle.ctx = NULL
        if c.mlx_array_set(&self.handle, source._c) != 0:
            raise ValueError((<bytes>c.mlx_last_error_message()).decode())

    def __dealloc__(self):
        c.mlx_array_free(self.handle)

    def get(self):
        cdef c.mlx_array result
        result.ctx = NULL
        if c.mlx_array_set(&result, self.handle) != 0:
            raise ValueError((<bytes>c.mlx_last_error_message()).decode())
        return array._take(result)
