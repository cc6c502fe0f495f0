from mlx_sys_py cimport c


cdef class Closure:
    cdef c.mlx_closure _c

    @staticmethod
    cdef Closure _take(c.mlx_closure handle)


cdef Closure to_closure(object function)
