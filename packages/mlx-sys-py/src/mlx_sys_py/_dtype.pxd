cimport mlx_sys_py.c as c


cdef class Dtype:
    cdef readonly str name
    cdef readonly int size
    cdef c.mlx_dtype _c


cdef Dtype dtype_object(c.mlx_dtype value)
cdef bint is_floating(c.mlx_dtype value) noexcept
cdef bint is_complex(c.mlx_dtype value) noexcept
