cimport mlx_sys_py.c as c


cdef class MapStringToArray:
    cdef c.mlx_map_string_to_array _c

    @staticmethod
    cdef MapStringToArray _take(c.mlx_map_string_to_array handle)


cdef class MapStringToString:
    cdef c.mlx_map_string_to_string _c

    @staticmethod
    cdef MapStringToString _take(c.mlx_map_string_to_string handle)
