# What only the modules derived from the table need.
cimport mlx_sys_py.c as c
from mlx_sys_py._scalars cimport Ints, to_ints
from mlx_sys_py._stream cimport Stream


cdef inline c.mlx_stream stream_handle(Stream stream) noexcept nogil:
    """The handle of a stream; the empty one, which is the default stream, for None."""
    cdef c.mlx_stream handle
    handle.ctx = NULL
    return handle if stream is None else stream._c


cdef inline Ints optional_ints(object value, str name) except *:
    """Ints that may be None, which is NULL in C: the data of no ints."""
    cdef Ints values
    return values if value is None else to_ints(value, name)


cdef inline Ints check_length(Ints values, size_t length, str name) except *:
    """The ints, if there are `length` of them."""
    if values.size() != length:
        raise ValueError(f"{name} must hold {length} ints, not {values.size()}")
    return values
