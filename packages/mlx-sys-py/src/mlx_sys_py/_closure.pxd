cimport mlx_sys_py.c as c
from mlx_sys_py._callback cimport Callback


cdef class Closure(Callback):
    cdef c.mlx_closure _c

    @staticmethod
    cdef Closure _take(c.mlx_closure handle, object source)


cdef class ClosureKwargs(Callback):
    cdef c.mlx_closure_kwargs _c


cdef class ClosureValueAndGrad(Callback):
    cdef c.mlx_closure_value_and_grad _c

    @staticmethod
    cdef ClosureValueAndGrad _take(c.mlx_closure_value_and_grad handle, object source)


cdef class ClosureCustom(Callback):
    cdef c.mlx_closure_custom _c


cdef class ClosureCustomJvp(Callback):
    cdef c.mlx_closure_custom_jvp _c


cdef class ClosureCustomVmap(Callback):
    cdef c.mlx_closure_custom_vmap _c


cdef Closure to_closure(object function)
cdef ClosureKwargs to_closure_kwargs(object function)
cdef tuple take_pair(c.mlx_vector_array first, c.mlx_vector_array second)
cdef int call_plain(
    c.mlx_vector_array* res, const c.mlx_vector_array inputs, void* payload
) noexcept nogil
