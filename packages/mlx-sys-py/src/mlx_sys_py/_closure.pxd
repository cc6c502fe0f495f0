from mlx_sys_py cimport c


cdef class Closure:
    cdef c.mlx_closure _c

    @staticmethod
    cdef Closure _take(c.mlx_closure handle)


cdef class ClosureKwargs:
    cdef c.mlx_closure_kwargs _c


cdef class ClosureValueAndGrad:
    cdef c.mlx_closure_value_and_grad _c

    @staticmethod
    cdef ClosureValueAndGrad _take(c.mlx_closure_value_and_grad handle)


cdef class ClosureCustom:
    cdef c.mlx_closure_custom _c


cdef class ClosureCustomJvp:
    cdef c.mlx_closure_custom_jvp _c


cdef class ClosureCustomVmap:
    cdef c.mlx_closure_custom_vmap _c


cdef Closure to_closure(object function)
cdef ClosureKwargs to_closure_kwargs(object function)
cdef tuple take_pair(c.mlx_vector_array first, c.mlx_vector_array second)
cdef void* keep(object function, void* made) except NULL
cdef void release_python(void* payload) noexcept nogil
