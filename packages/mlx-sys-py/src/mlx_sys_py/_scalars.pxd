# Conversions of arguments that are no arrays; each raises with the name of the argument.
from libc.stdint cimport int64_t, uint64_t
from libcpp.vector cimport vector

from mlx_sys_py cimport c

cdef int to_int(object value, str name) except? -2147483648
cdef int64_t to_int64(object value, str name) except? -9223372036854775807
cdef uint64_t to_uint64(object value, str name) except? 18446744073709551615
cdef bint to_bool(object value, str name) except -1
cdef double to_double(object value, str name) except? -1e308
cdef vector[int] to_ints(object value, str name) except *
cdef vector[int64_t] to_strides(object value, str name) except *
cdef c.mlx_dtype to_dtype(object value, str name) except *
cdef c.mlx_optional_int to_optional_int(object value, str name) except *
cdef c.mlx_optional_float to_optional_float(object value, str name) except *
cdef c.mlx_optional_dtype to_optional_dtype(object value, str name) except *
cdef c.mlx_optional_bool to_optional_bool(object value, str name) except *
cdef c.mlx_fft_norm to_norm(object value, str name) except *
cdef bytes to_bytes(object value, str name)
