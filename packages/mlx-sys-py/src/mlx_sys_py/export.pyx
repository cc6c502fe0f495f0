"""Functions in files: the graphs that they build, to be run without the code that built them.

The functions here take a list of arrays and a dictionary of arrays by name.
"""

from libc.stdint cimport int64_t

cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport VectorArray, array, take_arrays, to_arrays
from mlx_sys_py._callback cimport python_is_there
from mlx_sys_py._closure cimport ClosureKwargs, to_closure_kwargs
from mlx_sys_py._containers cimport MapStringToArray
from mlx_sys_py._dtype cimport dtype_object
from mlx_sys_py._error cimport check, keep_exception
from mlx_sys_py._scalars cimport to_bool, to_bytes
from mlx_sys_py._text cimport take_string
from mlx_sys_py.io cimport to_path

__all__ = ["FunctionExporter", "ImportedFunction", "export_function", "import_function"]


def __dir__():
    return __all__


cdef list entries_of(c.mlx_export_value value):
    cdef c.mlx_export_value entry
    cdef size_t size, i
    check(c.mlx_export_value_get_size(&size, value))
    res = []
    for i in range(size):
        check(c.mlx_export_value_get_entry(&entry, value, i))
        res.append(to_python(entry))
    return res


cdef dict map_of(c.mlx_export_value value):
    cdef const char* key
    res = {}
    for i, entry in enumerate(entries_of(value)):
        check(c.mlx_export_value_get_key(&key, value, i))
        res[key.decode()] = entry
    return res


cdef object to_python(c.mlx_export_value value):
    """The Python object for a value that an exporter passes to its callback."""
    cdef c.mlx_export_kind kind
    cdef c.c_bool truth
    cdef int64_t number
    cdef double fraction
    cdef const char* text
    cdef c.mlx_dtype dtype
    cdef c.mlx_array item
    check(c.mlx_export_value_get_kind(&kind, value))
    if kind == c.MLX_EXPORT_BOOL:
        check(c.mlx_export_value_get_bool(&truth, value))
        return bool(truth)
    if kind == c.MLX_EXPORT_INT:
        check(c.mlx_export_value_get_int(&number, value))
        return number
    if kind == c.MLX_EXPORT_FLOAT:
        check(c.mlx_export_value_get_float(&fraction, value))
        return fraction
    if kind == c.MLX_EXPORT_STRING:
        check(c.mlx_export_value_get_string(&text, value))
        return text.decode("utf-8", "surrogateescape")
    if kind == c.MLX_EXPORT_DTYPE:
        check(c.mlx_export_value_get_dtype(&dtype, value))
        return dtype_object(dtype)
    if kind == c.MLX_EXPORT_ARRAY:
        item.ctx = NULL
        check(c.mlx_export_value_get_array(&item, value))
        return array._take(item)
    if kind == c.MLX_EXPORT_LIST:
        return entries_of(value)
    if kind == c.MLX_EXPORT_TUPLE:
        return tuple(entries_of(value))
    if kind == c.MLX_EXPORT_MAP:
        return map_of(value)
    return None


cdef int tell_in_python(const c.mlx_export_value step, void* exporter) noexcept with gil:
    try:
        (<FunctionExporter>exporter).callback(to_python(step))
        return 0
    except BaseException as error:
        keep_exception(error)
        return 1


cdef int tell(const c.mlx_export_value step, void* exporter) noexcept nogil:
    return tell_in_python(step, exporter) if python_is_there() else 1


cdef class FunctionExporter:
    """FunctionExporter(file, fun, shapeless=False, metadata=None)\n--\n
    Writes what a function does, for arguments of several shapes and types, to one file.

    Args:
        file (str, os.PathLike or Callable[[dict], None]): where to write; or a function that is
            called with a dictionary for every step, whose ``"type"`` says what it is.
        fun (Callable[[list[array], dict[str, array]], Sequence[array]]): the function.
        shapeless (bool): record for all shapes of the same rank. Default: ``False``.
        metadata (str, optional): a text to keep with the function, in a file only.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: the file cannot be written.
        ValueError: there are metadata and no file.

    Example:
        >>> from mlx_sys_py import array
        >>> from mlx_sys_py.export import FunctionExporter
        >>> steps = []
        >>> with FunctionExporter(steps.append, lambda args, kwargs: [args[0] * 2]) as exporter:
        ...     exporter([array(1.0)])
        >>> [step["name"] for step in steps if step["type"] == "primitive"]
        ['Multiply']

    See: MLX ``mlx.core.exporter``.
    """

    cdef c.mlx_function_exporter _c
    # The C exporter calls it, so it must live as long.
    cdef ClosureKwargs closure
    cdef object callback

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self, file, fun, shapeless=False, metadata=None):
        cdef ClosureKwargs closure = to_closure_kwargs(fun)
        cdef bint any_shape = to_bool(shapeless, "shapeless")
        cdef const char* text = NULL
        if self._c.ctx != NULL:
            raise RuntimeError("a FunctionExporter cannot be initialised again")
        if callable(file):
            if metadata is not None:
                raise ValueError("metadata cannot be given to a callback")
            self.callback = file
            self._c = c.mlx_function_exporter_new_callback(
                tell, <void*>self, NULL, closure._c, any_shape
            )
        else:
            path = to_path(file)
            if metadata is not None:
                encoded = to_bytes(metadata, "metadata")
                text = encoded
            self._c = c.mlx_function_exporter_new_kwargs(path, closure._c, any_shape, text)
        if self._c.ctx == NULL:
            check(1)
        self.closure = closure

    def __dealloc__(self):
        c.mlx_function_exporter_free(self._c)

    def __call__(self, args=(), kwargs=None):
        """Record the function for arguments like these.

        Args:
            args (Sequence[array]): the arguments by place.
            kwargs (dict[str, array], optional): those by name.
        """
        cdef VectorArray arrays = to_arrays(args, "args")
        cdef MapStringToArray named = MapStringToArray(kwargs)
        cdef int status
        with nogil:
            status = c.mlx_function_exporter_apply_kwargs(self._c, arrays._c, named._c)
        check(status)

    def close(self):
        """Finish the file: nothing can be recorded any more."""
        check(c.mlx_function_exporter_close(self._c))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


cdef class ImportedFunction:
    """ImportedFunction()\n--\n
    A function from a file. Made by `import_function`, not by this class."""

    cdef c.mlx_imported_function _c

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self):
        raise TypeError("ImportedFunction has no constructor: use import_function(file)")

    def __dealloc__(self):
        c.mlx_imported_function_free(self._c)

    @property
    def metadata(self):
        """str: the text that was kept with the function."""
        cdef c.mlx_string res
        res.ctx = NULL
        check(c.mlx_imported_function_get_metadata(&res, self._c))
        return take_string(res)

    def __call__(self, args=(), kwargs=None):
        """Run the function.

        Args:
            args (Sequence[array]): the arguments by place.
            kwargs (dict[str, array], optional): those by name.

        Returns:
            list[array]: what the function returned.

        Raises:
            ValueError: the function was recorded for no arguments like these.
        """
        cdef c.mlx_vector_array res
        cdef VectorArray arrays = to_arrays(args, "args")
        cdef MapStringToArray named = MapStringToArray(kwargs)
        cdef int status
        res.ctx = NULL
        with nogil:
            status = c.mlx_imported_function_apply_kwargs(&res, self._c, arrays._c, named._c)
        check(status)
        return take_arrays(res)


def export_function(file, fun, args=(), kwargs=None, shapeless=False, metadata=None):
    """Write what a function does with arguments like these to a file.

    Args:
        file (str, os.PathLike or Callable[[dict], None]): where to, as for `FunctionExporter`.
        fun (Callable[[list[array], dict[str, array]], Sequence[array]]): the function.
        args (Sequence[array]): arguments by place.
        kwargs (dict[str, array], optional): arguments by name.
        shapeless (bool): record for all shapes of the same rank. Default: ``False``.
        metadata (str, optional): a text to keep with the function, in a file only.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: the file cannot be written.
        ValueError: there are metadata and no file.

    Example:
        >>> import os, tempfile
        >>> from mlx_sys_py import array
        >>> from mlx_sys_py.export import export_function, import_function
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "double.mlxfn")
        ...     export_function(path, lambda args, kwargs: [args[0] * 2], [array(1.0)])
        ...     import_function(path)([array(3.0)])
        [array(6, dtype=float32)]

    See: MLX ``mlx.core.export_function``.
    """
    with FunctionExporter(file, fun, shapeless, metadata) as exporter:
        exporter(args, kwargs)


def import_function(file, /):
    """Read a function from a file.

    Args:
        file (str or os.PathLike): where to read. It is code: run none that you do not trust.

    Returns:
        ImportedFunction: the function.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read, or holds no function.

    See: MLX ``mlx.core.import_function``; `export_function` has an example.
    """
    cdef ImportedFunction res = ImportedFunction.__new__(ImportedFunction)
    name = to_path(file)
    cdef const char* path = name
    with nogil:
        res._c = c.mlx_imported_function_new(path)
    if res._c.ctx == NULL:
        check(1)
    return res
