from mlx_sys_py cimport c


cdef inline str take_string(c.mlx_string handle):
    """The text of an owned C string, which is freed."""
    cdef const char* data = c.mlx_string_data(handle)
    text = "" if data == NULL else (<bytes>data).decode("utf-8", "replace")
    c.mlx_string_free(handle)
    return text
