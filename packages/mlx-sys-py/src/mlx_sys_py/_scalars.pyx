"""Arguments that are numbers, shapes, types or names, checked and converted for C."""

from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.number cimport PyNumber_Index

from mlx_sys_py._dtype cimport Dtype

from mlx_sys_py._error import IntRangeError, WrongTypeError


cdef object integer(object value, str name):
    if isinstance(value, int):
        return value
    try:
        return PyNumber_Index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}") from None


cdef object in_range(object value, str name, object low, object high):
    number = integer(value, name)
    if not low <= number <= high:
        raise IntRangeError(f"{name} must be between {low} and {high}, not {number}")
    return number


cdef int to_int(object value, str name) except? -2147483648:
    cdef int overflow = 0
    cdef long long number
    if isinstance(value, int):
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow == 0 and -2147483648 <= number <= 2147483647:
            return <int>number
    return in_range(value, name, -2147483648, 2147483647)


cdef int64_t to_int64(object value, str name) except? -9223372036854775807:
    return in_range(value, name, -9223372036854775808, 9223372036854775807)


cdef uint64_t to_uint64(object value, str name) except? 18446744073709551615:
    return in_range(value, name, 0, 18446744073709551615)


cdef bint to_bool(object value, str name) except -1:
    if value is True:
        return 1
    if value is False:
        return 0
    raise TypeError(f"{name} must be a bool, not {type(value).__name__}")


cdef double any_to_double(object value, str name) except? -1e308:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    try:
        return float(value)
    except TypeError:
        raise TypeError(f"{name} must be a number, not {type(value).__name__}") from None
    except OverflowError:
        raise ValueError(f"{name} is too large for a float: {value}") from None


cdef object items(object value, str name):
    """`value` as a sequence of ints; a single int is a sequence of one."""
    if isinstance(value, (tuple, list)):
        return value
    if isinstance(value, int):
        return (value,)
    # Arrays, of NumPy too, have a length even where they hold one int.
    if hasattr(value, "__index__") and (not hasattr(value, "__len__") or value.ndim == 0):
        return (value,)
    if isinstance(value, (str, bytes, dict, set)) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} must be an int or a sequence of ints, not {type(value).__name__}")
    return tuple(value)


cdef Ints to_ints(object value, str name) except *:
    cdef Ints res
    cdef Py_ssize_t i
    if type(value) is tuple:
        for i in range(len(<tuple>value)):
            res.push_back(to_int((<tuple>value)[i], name))
        return res
    for item in items(value, name):
        res.push_back(to_int(item, name))
    return res


cdef list to_int_list(object value, str name):
    """The same as a list."""
    return [to_int(item, name) for item in items(value, name)]


cdef vector[int64_t] to_strides(object value, str name) except *:
    cdef vector[int64_t] res
    for item in items(value, name):
        res.push_back(to_int64(item, name))
    return res


cdef c.mlx_dtype to_dtype(object value, str name) except? c.MLX_BOOL:
    if isinstance(value, Dtype):
        return (<Dtype>value)._c
    raise WrongTypeError(f"{name} must be a Dtype such as float32, not {value!r}")


cdef c.mlx_optional_int to_optional_int(object value, str name) except *:
    cdef c.mlx_optional_int res
    res.has_value = value is not None
    res.value = to_int(value, name) if res.has_value else 0
    return res


cdef c.mlx_optional_float to_optional_float(object value, str name) except *:
    cdef c.mlx_optional_float res
    res.has_value = value is not None
    res.value = to_double(value, name) if res.has_value else 0
    return res


cdef c.mlx_optional_dtype to_optional_dtype(object value, str name) except *:
    cdef c.mlx_optional_dtype res
    res.has_value = value is not None
    res.value = to_dtype(value, name) if res.has_value else c.MLX_BOOL
    return res


cdef c.mlx_optional_bool to_optional_bool(object value, str name) except *:
    cdef c.mlx_optional_bool res
    res.has_value = value is not None
    res.value = to_bool(value, name) if res.has_value else False
    return res


cdef c.mlx_fft_norm to_norm(object value, str name) except *:
    if value is None:
        return c.MLX_FFT_NORM_BACKWARD
    if isinstance(value, str):
        if value == "backward":
            return c.MLX_FFT_NORM_BACKWARD
        if value == "ortho":
            return c.MLX_FFT_NORM_ORTHO
        if value == "forward":
            return c.MLX_FFT_NORM_FORWARD
    message = f"{name} must be 'backward', 'ortho' or 'forward', not {value!r}"
    raise ValueError(message) if isinstance(value, str) else TypeError(message)


cdef bytes to_bytes(object value, str name):
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError(f"{name} must not contain a null character")
    return value.encode()
