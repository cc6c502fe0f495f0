cimport mlx_sys_py.c as c
from mlx_sys_py._error cimport check


cdef inline str take_string(c.mlx_string handle):
    """The text of an owned C string, which is freed."""
    cdef const char* data = c.mlx_string_data(handle)
    text = "" if data == NULL else (<bytes>data).decode("utf-8", "replace")
    c.mlx_string_free(handle)
    return text


cdef inline list take_strings(c.mlx_vector_string handle):
    """The texts of an owned vector of strings, which is freed."""
    cdef char* text
    cdef size_t i
    res = []
    try:
        for i in range(c.mlx_vector_string_size(handle)):
            check(c.mlx_vector_string_get(&text, handle, i))
            res.append(text.decode("utf-8", "surrogateescape"))
        return res
    finally:
        c.mlx_vector_string_free(handle)
