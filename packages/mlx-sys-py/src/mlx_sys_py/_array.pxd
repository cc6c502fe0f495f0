cimport mlx_sys_py.c as c


cdef class array:
    cdef c.mlx_array _c
    cdef object __weakref__

    @staticmethod
    cdef array _take(c.mlx_array handle)


cdef class VectorArray:
    cdef c.mlx_vector_array _c

    @staticmethod
    cdef VectorArray _take(c.mlx_vector_array handle)


cdef array to_array(object value, str name)
cdef array to_operand(object value, object other1, object other2, str name)
cdef VectorArray to_arrays(object value, str name)
cdef object to_range_dtype(object start, object stop, object step)
cdef array int_range(object stop)
cdef list take_arrays(c.mlx_vector_array handle)
