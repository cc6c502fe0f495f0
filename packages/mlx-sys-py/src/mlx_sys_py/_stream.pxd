cimport mlx_sys_py.c as c


cdef class Device:
    cdef c.mlx_device _c

    @staticmethod
    cdef Device _take(c.mlx_device handle)


cdef class Stream:
    cdef c.mlx_stream _c

    @staticmethod
    cdef Stream _take(c.mlx_stream handle)


cdef Device available(object device)
cdef Device to_device(object value, str name)
cdef Stream to_stream(object value)
cdef object to_stream_on(object stream, object device)
