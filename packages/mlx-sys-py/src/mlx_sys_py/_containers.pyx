"""The containers of the C library as extension types that own them."""

cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport array, to_array
from mlx_sys_py._error cimport check
from mlx_sys_py._scalars cimport to_bytes


cdef class MapStringToArray:
    """A map from names to arrays (``mlx_map_string_to_array``).

    Args:
        arrays (Mapping[str, array]): the entries. Default: none.
    """

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self, arrays=None):
        if self._c.ctx == NULL:
            self._c = c.mlx_map_string_to_array_new()
        for key, value in (arrays or {}).items():
            self[key] = value

    def __dealloc__(self):
        c.mlx_map_string_to_array_free(self._c)

    @staticmethod
    cdef MapStringToArray _take(c.mlx_map_string_to_array handle):
        cdef MapStringToArray res = MapStringToArray.__new__(MapStringToArray)
        res._c = handle
        return res

    def __setitem__(self, key, value):
        cdef array item = to_array(value, "value")
        name = to_bytes(key, "key")
        check(c.mlx_map_string_to_array_insert(self._c, name, item._c))

    def to_dict(self):
        """dict[str, array]: the entries, their arrays shared."""
        cdef const char* key
        cdef c.mlx_array value
        res = {}
        it = c.mlx_map_string_to_array_iterator_new(self._c)
        try:
            while True:
                value.ctx = NULL
                if c.mlx_map_string_to_array_iterator_next(&key, &value, it) != 0:
                    return res
                res[key.decode("utf-8", "surrogateescape")] = array._take(value)
        finally:
            c.mlx_map_string_to_array_iterator_free(it)


cdef class MapStringToString:
    """A map from names to texts (``mlx_map_string_to_string``).

    Args:
        texts (Mapping[str, str]): the entries. Default: none.
    """

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self, texts=None):
        if self._c.ctx == NULL:
            self._c = c.mlx_map_string_to_string_new()
        for key, value in (texts or {}).items():
            self[key] = value

    def __dealloc__(self):
        c.mlx_map_string_to_string_free(self._c)

    @staticmethod
    cdef MapStringToString _take(c.mlx_map_string_to_string handle):
        cdef MapStringToString res = MapStringToString.__new__(MapStringToString)
        res._c = handle
        return res

    def __setitem__(self, key, value):
        name = to_bytes(key, "key")
        text = to_bytes(value, "value")
        check(c.mlx_map_string_to_string_insert(self._c, name, text))

    def to_dict(self):
        """dict[str, str]: the entries."""
        cdef const char* key
        cdef const char* value
        res = {}
        it = c.mlx_map_string_to_string_iterator_new(self._c)
        try:
            while c.mlx_map_string_to_string_iterator_next(&key, &value, it) == 0:
                res[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "replace")
            return res
        finally:
            c.mlx_map_string_to_string_iterator_free(it)
