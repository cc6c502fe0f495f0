# NumPy's functions of arrays: they compute on NumPy's arrays and give such.

cdef object numpy = None


cdef int import_numpy() except -1:
    """NumPy is not needed to import this module, and is there where its functions are called."""
    global numpy
    if numpy is None:
        import numpy as imported

        numpy = imported
    return 0


cdef object to_numpy(array a, object dtype, object copy):
    """The array of NumPy that `__array__` promises: it shares the memory unless it is to be copied.

    bfloat16, which NumPy has not, becomes float32 without loss.
    """
    import_numpy()
    if c.mlx_array_dtype(a._c) != c.MLX_BFLOAT16:
        return numpy.array(memoryview(a), dtype=dtype, copy=copy)
    if copy is False:
        raise ValueError("copy is False, but NumPy has no bfloat16: the values become float32")
    return numpy.array(memoryview(cast(a, c.MLX_FLOAT32)), dtype=dtype, copy=None)


cdef object with_numpy(object value):
    """`value` with the arrays in it as NumPy's."""
    kind = type(value)
    if isinstance(value, array):
        if c.mlx_array_dtype((<array>value)._c) != c.MLX_BFLOAT16:
            return numpy.asarray(value)
        return to_numpy(<array>value, None, None)
    if kind is list:
        return [with_numpy(item) for item in value]
    if kind is tuple:
        return tuple([with_numpy(item) for item in value])
    if kind is dict:
        return {key: with_numpy(item) for key, item in value.items()}
    return value


# The operators of Python as NumPy calls them, and what an array on their right has for each.
cdef dict _reflected = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__",
    "floor_divide": "__rfloordiv__", "remainder": "__rmod__", "divmod": "__rdivmod__",
    "power": "__rpow__", "matmul": "__rmatmul__", "bitwise_and": "__rand__",
    "bitwise_or": "__ror__", "bitwise_xor": "__rxor__", "left_shift": "__rlshift__",
    "right_shift": "__rrshift__", "equal": "__eq__", "not_equal": "__ne__", "less": "__gt__",
    "less_equal": "__ge__", "greater": "__lt__", "greater_equal": "__le__",
}


cdef object apply_ufunc(object ufunc, str method, tuple inputs, dict kwargs):
    """A function of NumPy that works element by element.

    `scalar + a` and `ndarray + a` come here, too. A scalar of NumPy counts as a Python number, so
    that the result is an array; NumPy makes an array without axes of some. Beside an array of NumPy
    the result is one of NumPy's, except where `a` is traced: NumPy would drop the trace, and a
    gradient would be wrong without a word.
    """
    import_numpy()
    if kwargs and any([isinstance(value, array) for value in kwargs.get("out", ())]):
        return NotImplemented
    if method == "__call__" and not kwargs and len(inputs) == 2:
        left, right = inputs
        name = _reflected.get(ufunc.__name__)
        if name is not None and isinstance(right, array) and not isinstance(left, array):
            if isinstance(left, numpy.ndarray) and left.ndim == 0:
                left = left[()]
            if isinstance(left, numpy.generic) or c.mlx_array_is_traced((<array>right)._c):
                return getattr(right, name)(left)
    if method == "__call__" and not kwargs:
        return ufunc(*with_numpy(inputs))
    return getattr(ufunc, method)(*with_numpy(inputs), **with_numpy(kwargs))


# What these answer is known without the values.
cdef frozenset _of_shapes = frozenset({"ndim", "shape", "size"})
cdef frozenset _in_place = frozenset(
    {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"}
)


cdef object apply_numpy_function(object func, object types, tuple args, dict kwargs):
    """Any other function of NumPy."""
    import_numpy()
    if not all([issubclass(kind, (array, numpy.ndarray)) for kind in types]):
        return NotImplemented
    name = func.__name__
    if isinstance(kwargs.get("out"), array):
        raise TypeError(f"numpy.{name} writes into out, which must be an array of NumPy")
    if name in _in_place and args and isinstance(args[0], array):
        raise TypeError(
            f"numpy.{name} writes into its first argument, which must be an array of NumPy: "
            "numpy.asarray(a) shares the memory of an array a"
        )
    if name in _of_shapes:
        return func._implementation(*args, **kwargs)
    return func._implementation(*with_numpy(args), **with_numpy(kwargs))
