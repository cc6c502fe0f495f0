# Python values as arrays: scalars, nested sequences, buffers and objects with a protocol.

cdef extern from "Python.h":
    PyObject* PySequence_Fast_GET_ITEM(object sequence, Py_ssize_t i) noexcept

# Elements of other libraries that no array has; those of arrays follow.
cdef enum:
    COMPLEX128 = 100

cdef dict _buffer_dtypes = {
    "?": c.MLX_BOOL, "B": c.MLX_UINT8, "b": c.MLX_INT8, "e": c.MLX_FLOAT16,
    "f": c.MLX_FLOAT32, "d": c.MLX_FLOAT64, "Zf": c.MLX_COMPLEX64, "Zd": COMPLEX128,
}
cdef dict _unsigned_dtypes = {
    1: c.MLX_UINT8, 2: c.MLX_UINT16, 4: c.MLX_UINT32, 8: c.MLX_UINT64,
}
cdef dict _signed_dtypes = {
    1: c.MLX_INT8, 2: c.MLX_INT16, 4: c.MLX_INT32, 8: c.MLX_INT64,
}
cdef dict _int_ranges = {
    c.MLX_UINT8: (0, 0xFF), c.MLX_UINT16: (0, 0xFFFF), c.MLX_UINT32: (0, 0xFFFFFFFF),
    c.MLX_UINT64: (0, 0xFFFFFFFFFFFFFFFF), c.MLX_INT8: (-0x80, 0x7F),
    c.MLX_INT16: (-0x8000, 0x7FFF), c.MLX_INT32: (-0x80000000, 0x7FFFFFFF),
    c.MLX_INT64: (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF),
}


cdef c.mlx_array owned(c.mlx_array handle) except *:
    """A handle that a constructor returned; an empty one carries an error."""
    if handle.ctx == NULL:
        check(1)
    return handle


cdef array from_int(object value, c.mlx_dtype dtype):
    low_high = _int_ranges.get(dtype)
    if low_high is not None and not low_high[0] <= value <= low_high[1]:
        raise IntRangeError(f"{value} does not fit in {dtype_object(dtype).name}")
    if dtype == c.MLX_UINT64:
        return array._take(owned(c.mlx_array_new_uint64_as(value, dtype)))
    if low_high is None and not -_INT64_LIMIT <= value < _INT64_LIMIT:
        return array._take(owned(c.mlx_array_new_double_as(float(value), dtype)))
    return array._take(owned(c.mlx_array_new_int64_as(value, dtype)))


_INT64_LIMIT = 1 << 63


cdef c.mlx_dtype int_dtype(object value) except *:
    """The type of a Python int that nothing else determines."""
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return c.MLX_INT32
    if -_INT64_LIMIT <= value < _INT64_LIMIT:
        return c.MLX_INT64
    if 0 <= value < 1 << 64:
        return c.MLX_UINT64
    raise IntRangeError(f"{value} does not fit in 64 bits")


cdef c.mlx_dtype range_dtype(object value) except? c.MLX_BOOL:
    """The type of a range that one of its numbers, an integer of Python or NumPy, asks for."""
    cdef int overflow = 0
    cdef long long number
    if value is None:
        return c.MLX_INT32
    if isinstance(value, float):
        return c.MLX_FLOAT32
    if not isinstance(value, int) and (not hasattr(value, "__index__") or isinstance(value, array)):
        return c.MLX_FLOAT32
    number = PyLong_AsLongLongAndOverflow(value, &overflow)
    fits = overflow == 0 and -0x80000000 <= number <= 0x7FFFFFFF
    return c.MLX_INT32 if fits else c.MLX_INT64


cdef object to_range_dtype(object start, object stop, object step):
    """The type of the numbers between two bounds, a step apart; None is a default."""
    if start is None and step is None:
        return dtype_object(range_dtype(stop))
    # In this order: the widest integer type, or the type of fractions, is the greatest.
    return dtype_object(max(range_dtype(start), range_dtype(stop), range_dtype(step)))


cdef array int_range(object stop):
    """arange(stop) for an int."""
    cdef array res = array.__new__(array)
    cdef double bound = to_double(stop, "stop")
    check(c.mlx_arange(&res._c, 0.0, bound, 1.0, range_dtype(stop), default_stream))
    return res


cdef array from_scalar(object value, int dtype):
    """A Python bool, int, float or complex as an array; `dtype` < 0: the value's own type."""
    cdef c.mlx_array res
    cdef array whole
    if isinstance(value, bool):
        return array._take(
            owned(c.mlx_array_new_int64_as(value, <c.mlx_dtype>dtype if dtype >= 0 else c.MLX_BOOL))
        )
    if isinstance(value, int):
        return from_int(value, <c.mlx_dtype>dtype if dtype >= 0 else int_dtype(value))
    if isinstance(value, float):
        if dtype < 0:
            dtype = c.MLX_FLOAT32
        return array._take(owned(c.mlx_array_new_double_as(value, <c.mlx_dtype>dtype)))
    whole = array._take(owned(c.mlx_array_new_complex(value.real, value.imag)))
    if dtype < 0 or dtype == c.MLX_COMPLEX64:
        return whole
    raise WrongTypeError(
        f"a complex number does not convert to {dtype_object(<c.mlx_dtype>dtype).name}"
    )


cdef bint is_scalar(object value):
    return isinstance(value, (bool, int, float, complex))


cdef array cast(array a, c.mlx_dtype dtype):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    if c.mlx_array_dtype(a._c) == dtype:
        return a
    res.ctx = NULL
    s.ctx = NULL
    check(c.mlx_astype(&res, a._c, dtype, s))
    return array._take(res)


cdef bint collect(object value, list leaves, list shape, int depth) except -1:
    """Flatten a nested sequence into `leaves`; whether its shape is regular."""
    if depth > 64:
        raise WrongTypeError("val is nested too deeply, or contains itself")
    if len(shape) == depth:
        if leaves:
            return False
        shape.append(len(value))
    elif shape[depth] != len(value):
        return False
    for item in value:
        if isinstance(item, (list, tuple)):
            if not collect(item, leaves, shape, depth + 1):
                return False
        else:
            if len(shape) != depth + 1:
                return False
            leaves.append(item)
    return True


cdef enum:
    # The kinds of leaves of a nested sequence, the most general last.
    BOOLS
    INTS
    BIG_INTS
    FLOATS
    COMPLEXES
    OBJECTS


cdef int kind_of(list leaves, vector[int64_t]& ints) except -1:
    """The most general kind among the leaves; ints of 64 bits are collected on the way."""
    cdef int kind = BOOLS, overflow = 0
    cdef long long number
    ints.reserve(len(leaves))
    for item in leaves:
        if isinstance(item, int):
            number = PyLong_AsLongLongAndOverflow(item, &overflow)
            ints.push_back(number)
            if not isinstance(item, bool):
                kind = max(kind, BIG_INTS if overflow else INTS)
        elif isinstance(item, float):
            kind = max(kind, FLOATS)
        elif isinstance(item, complex):
            kind = max(kind, COMPLEXES)
        else:
            return OBJECTS
    return kind


cdef array from_flat(object value):
    """The array of a list or tuple of only floats, or only ints of 32 bits; None for others."""
    cdef Py_ssize_t size = len(value), i
    cdef int length = <int>size, overflow = 0
    cdef long long number
    cdef vector[float] floats
    cdef vector[int32_t] ints
    if size == 0 or size > 0x7FFFFFFF:
        return None
    if type(<object>PySequence_Fast_GET_ITEM(value, 0)) is float:
        floats.resize(size)
        for i in range(size):
            item = <object>PySequence_Fast_GET_ITEM(value, i)
            if type(item) is not float:
                return None
            floats[i] = <float>PyFloat_AS_DOUBLE(item)
        return array._take(owned(c.mlx_array_new_data(floats.data(), &length, 1, c.MLX_FLOAT32)))
    ints.resize(size)
    for i in range(size):
        item = <object>PySequence_Fast_GET_ITEM(value, i)
        if type(item) is not int:
            return None
        number = PyLong_AsLongLongAndOverflow(item, &overflow)
        if overflow or not -0x80000000 <= number <= 0x7FFFFFFF:
            return None
        ints[i] = <int32_t>number
    return array._take(owned(c.mlx_array_new_data(ints.data(), &length, 1, c.MLX_INT32)))


cdef array from_sequence(object value, int dtype):
    cdef list leaves = []
    cdef list shape = []
    cdef vector[int64_t] ints
    cdef vector[float] floats
    cdef array flat
    cdef size_t i
    if dtype < 0:
        flat = from_flat(value)
        if flat is not None:
            return flat
    if not collect(value, leaves, shape, 0):
        return from_rows(value, dtype, 0)
    cdef int kind = kind_of(leaves, ints)
    if kind == OBJECTS:
        return from_rows(value, dtype, 0)
    cdef vector[int] dims = shape
    if dtype < 0:
        dtype = default_dtype(kind if leaves else FLOATS, leaves, ints)
    if kind == COMPLEXES:
        if dtype != c.MLX_COMPLEX64:
            raise WrongTypeError(
                "val has complex numbers, which do not convert to "
                + dtype_object(<c.mlx_dtype>dtype).name
            )
        floats.resize(2 * len(leaves))
        for i in range(<size_t>len(leaves)):
            number = complex(leaves[i])
            floats[2 * i] = number.real
            floats[2 * i + 1] = number.imag
        return from_memory(floats.data(), dims, c.MLX_COMPLEX64, dtype)
    if kind == FLOATS or dtype > c.MLX_INT64:
        return from_floats(leaves, dims, dtype)
    return from_ints(leaves, kind, ints, dims, <c.mlx_dtype>dtype)


cdef int default_dtype(int kind, list leaves, const vector[int64_t]& ints) except -1:
    """The type of numbers that come without one."""
    cdef size_t i
    if kind == BOOLS:
        return c.MLX_BOOL
    if kind == FLOATS:
        return c.MLX_FLOAT32
    if kind == COMPLEXES:
        return c.MLX_COMPLEX64
    if kind == BIG_INTS:
        if min(leaves) < 0 or max(leaves) >= 1 << 64:
            raise IntRangeError("val has ints that do not fit in 64 bits")
        return c.MLX_UINT64
    for i in range(ints.size()):
        if not -0x80000000 <= ints[i] <= 0x7FFFFFFF:
            return c.MLX_INT64
    return c.MLX_INT32


cdef array from_memory(const void* data, const vector[int]& dims, c.mlx_dtype source, int dtype):
    res = array._take(owned(c.mlx_array_new_data(data, dims.data(), <int>dims.size(), source)))
    return cast(res, <c.mlx_dtype>dtype)


cdef array from_floats(list leaves, const vector[int]& dims, int dtype):
    cdef vector[float] floats
    cdef vector[double] doubles
    cdef size_t i, size = len(leaves)
    if takes_doubles(dtype):
        doubles.resize(size)
        for i in range(size):
            doubles[i] = leaves[i]
        return cast_on_cpu(
            from_memory(doubles.data(), dims, c.MLX_FLOAT64, c.MLX_FLOAT64), <c.mlx_dtype>dtype
        )
    floats.resize(size)
    for i in range(size):
        floats[i] = leaves[i]
    return from_memory(floats.data(), dims, c.MLX_FLOAT32, dtype)


cdef bint takes_doubles(int dtype):
    """Whether doubles are converted to a type as they are: a float32 does not hold all ints."""
    return dtype == c.MLX_FLOAT64 or c.MLX_UINT8 <= dtype <= c.MLX_INT64


cdef array cast_on_cpu(array a, c.mlx_dtype dtype):
    """`a` in another type, by the one device that computes in double precision."""
    cdef c.mlx_array res
    cdef c.mlx_stream s
    if c.mlx_array_dtype(a._c) == dtype:
        return a
    res.ctx = NULL
    s = c.mlx_default_cpu_stream_new()
    status = c.mlx_astype(&res, a._c, dtype, s)
    c.mlx_stream_free(s)
    check(status)
    return array._take(res)


cdef bint fits(int64_t value, c.mlx_dtype dtype) noexcept:
    """Whether an int is among the values of an integer type; all other types take any."""
    cdef int bits = 8 * <int>c.mlx_dtype_size(dtype)
    if c.MLX_UINT8 <= dtype <= c.MLX_UINT64:
        return value >= 0 and (bits == 64 or value < <int64_t>1 << bits)
    if c.MLX_INT8 <= dtype <= c.MLX_INT64:
        return bits == 64 or -(<int64_t>1 << (bits - 1)) <= value < <int64_t>1 << (bits - 1)
    return True


cdef array from_ints(
    list leaves, int kind, const vector[int64_t]& ints, const vector[int]& dims, c.mlx_dtype dtype
):
    cdef vector[int32_t] narrow
    cdef vector[uint64_t] wide
    cdef size_t i, size = ints.size()
    if kind == BIG_INTS:
        check_range(leaves, dtype)
        wide = leaves
        return from_memory(wide.data(), dims, c.MLX_UINT64, dtype)
    for i in range(size):
        if not fits(ints[i], dtype):
            check_range(leaves, dtype)
    if dtype != c.MLX_INT32 and dtype != c.MLX_BOOL:
        return from_memory(ints.data(), dims, c.MLX_INT64, dtype)
    narrow.resize(size)
    for i in range(size):
        narrow[i] = ints[i] != 0 if dtype == c.MLX_BOOL else <int32_t>ints[i]
    return from_memory(narrow.data(), dims, c.MLX_INT32, dtype)


cdef int check_range(list leaves, c.mlx_dtype dtype) except -1:
    low, high = _int_ranges.get(dtype, (-_INT64_LIMIT, 2 * _INT64_LIMIT - 1))
    for value in leaves:
        if not low <= value <= high:
            raise IntRangeError(
                f"val has {value}, which does not fit in {dtype_object(dtype).name}"
            )
    return 0


cdef array from_rows(object value, int dtype, int depth):
    """A nested sequence in which arrays stand for rows, or what converts to arrays."""
    cdef c.mlx_array res
    cdef VectorArray parts = VectorArray()
    cdef array part, first = None
    if depth > 64:
        raise ValueError("val is nested too deeply, or contains itself")
    for item in value:
        if isinstance(item, (list, tuple)):
            part = from_flat(item) if item else from_sequence(item, -1)
            if part is None:
                part = from_rows(item, -1, depth + 1)
        else:
            part = to_array(item, "val")
        if first is None:
            first = part
        elif first.shape != part.shape:
            error = WrongTypeError("Initialization encountered non-uniform length.")
            error.add_note(
                "val must be a regular nested sequence, "
                f"but rows of shapes {first.shape} and {part.shape} meet"
            )
            raise error
        check(c.mlx_vector_array_append_value(parts._c, part._c))
    res.ctx = NULL
    check(c.mlx_stack(&res, parts._c, default_stream))
    whole = array._take(res)
    return cast(whole, <c.mlx_dtype>dtype) if dtype >= 0 else whole


cdef int element_type(str code, Py_ssize_t itemsize, str form) except -1:
    """The type of the elements of a buffer, or COMPLEX128."""
    if code in ("H", "I", "L", "Q"):
        return _unsigned_dtypes[itemsize]
    if code in ("h", "i", "l", "q"):
        return _signed_dtypes[itemsize]
    if code in _buffer_dtypes:
        return _buffer_dtypes[code]
    raise TypeError(
        f"a buffer of format {form!r} does not convert to an array: "
        "give booleans, ints, floats or complex numbers of at most 64 bits a part"
    )


cdef array from_buffer(object value, int dtype):
    """A copy of an object's buffer. Doubles become float32 unless `dtype` says otherwise."""
    cdef Py_buffer view
    try:
        PyObject_GetBuffer(value, &view, PyBUF_FULL_RO)
    except (BufferError, TypeError, ValueError):
        return from_unbuffered(value, dtype)
    try:
        form = (<bytes>view.format).decode("ascii", "replace") if view.format != NULL else "B"
        swapped = form[0] in ">!" if little_endian else form[0] == "<"
        source = element_type(form.lstrip("@=<>!"), view.itemsize, form)
        return from_view(&view, source, swapped, dtype)
    finally:
        PyBuffer_Release(&view)


cdef array from_unbuffered(object value, int dtype):
    """An array of an object that has buffers, but of a type that has none: bfloat16, dates."""
    cdef c.mlx_array res
    cdef array bits
    name = str(getattr(value, "dtype", type(value).__name__))
    is_numpy = hasattr(value, "__array_interface__")
    if is_numpy and name == "bfloat16":
        bits = from_buffer(value.view("uint16"), -1)
        res.ctx = NULL
        check(c.mlx_view(&res, bits._c, c.MLX_BFLOAT16, default_stream))
        bits = array._take(res)
        return cast(bits, <c.mlx_dtype>dtype) if dtype >= 0 else bits
    if not is_numpy and hasattr(value, "__dlpack__"):
        return from_tensor(value, dtype)
    raise TypeError(
        f"val has elements of type {name}, which no array has: convert them first, "
        "as astype('float32') does"
    )


cdef array from_view(Py_buffer* view, int source, bint swapped, int dtype):
    """A copy of strided memory. Doubles become floats unless `dtype` takes them."""
    cdef vector[char] copy
    cdef vector[float] floats
    cdef vector[int] shape
    cdef const char* data = <const char*>view.buf
    cdef Py_ssize_t i, part
    for i in range(view.ndim):
        if view.shape[i] > 0x7FFFFFFF:
            raise IntRangeError(
                f"axis {i} of the buffer is longer than an array's may be: {view.shape[i]}"
            )
        shape.push_back(<int>view.shape[i])
    if view.len and (swapped or not PyBuffer_IsContiguous(view, b"C")):
        copy.resize(view.len)
        if PyBuffer_ToContiguous(copy.data(), view, view.len, b"C") != 0:
            raise BufferError("the buffer could not be copied")
        data = copy.data()
    if swapped:
        part = view.itemsize // (2 if source == COMPLEX128 or source == c.MLX_COMPLEX64 else 1)
        for i in range(0, view.len, part):
            reverse(copy.begin() + i, copy.begin() + i + part)
    if source == COMPLEX128 or (source == c.MLX_FLOAT64 and not takes_doubles(dtype)):
        # Not every device computes in double precision: convert here, on the host.
        floats.resize(view.len // 8)
        for i in range(<Py_ssize_t>floats.size()):
            floats[i] = <float>(<const double*>data)[i]
        data = <const char*>floats.data()
        source = c.MLX_COMPLEX64 if source == COMPLEX128 else c.MLX_FLOAT32
    res = array._take(
        owned(c.mlx_array_new_data(data, shape.data(), view.ndim, <c.mlx_dtype>source))
    )
    if dtype < 0:
        return res
    if source == c.MLX_FLOAT64:
        return cast_on_cpu(res, <c.mlx_dtype>dtype)
    return cast(res, <c.mlx_dtype>dtype)


cdef array from_object(object value, int dtype, str name):
    """Anything that `array(...)` takes as a new object, or a TypeError that names the argument."""
    cdef array res
    if type(value) is float or type(value) is int:
        return from_scalar(value, dtype)
    if isinstance(value, array):
        res = array._take(share((<array>value)._c))
    elif is_scalar(value) and not PyObject_CheckBuffer(value):
        return from_scalar(value, dtype)
    elif isinstance(value, (list, tuple)):
        return from_sequence(value, dtype)
    elif hasattr(value, "__mlx_array__"):
        res = array._take(share(to_array(value.__mlx_array__(), name)._c))
    elif PyObject_CheckBuffer(value) and not isinstance(value, (bytes, bytearray)):
        return from_buffer(value, dtype)
    elif hasattr(value, "__dlpack__"):
        return from_tensor(value, dtype)
    elif hasattr(value, "__array__"):
        return from_buffer(value.__array__(), dtype)
    else:
        raise WrongTypeError(
            f"{name} must be an array, a number, a nested sequence of numbers or a buffer, "
            f"not {type(value).__name__}"
        )
    return cast(res, <c.mlx_dtype>dtype) if dtype >= 0 else res


cdef c.mlx_array share(c.mlx_array handle) except *:
    """Another handle of the same array."""
    cdef c.mlx_array res
    res.ctx = NULL
    check(c.mlx_array_set(&res, handle))
    return res


cdef array to_array(object value, str name):
    if isinstance(value, array):
        return <array>value
    return from_object(value, -1, name)


# Scalars beside arrays are few and recur: `x * 2.0` in a loop. A direct-mapped cache keeps their
# arrays; nothing ever writes to them.
cdef enum:
    KEPT_SCALARS = 64


cdef struct ScalarKey:
    uint64_t bits
    int dtype


cdef ScalarKey kept_keys[KEPT_SCALARS]
cdef list kept_scalars = [None] * KEPT_SCALARS


cdef array kept_scalar(object value, double number, c.mlx_dtype dtype):
    """The array of a number that a double holds exactly."""
    cdef uint64_t bits
    cdef size_t place
    memcpy(&bits, &number, sizeof(bits))
    place = ((bits >> 48) ^ (bits >> 32) ^ bits ^ <size_t>dtype) % KEPT_SCALARS
    if kept_keys[place].bits == bits and kept_keys[place].dtype == dtype:
        kept = kept_scalars[place]
        if kept is not None:
            return <array>kept
    made = from_scalar(value, dtype)
    kept_keys[place].bits = bits
    kept_keys[place].dtype = dtype
    kept_scalars[place] = made
    return made


cdef object numpy_number(object value, c.mlx_dtype dtype):
    """A scalar of NumPy as a Python number; None for others, and ints that do not fit `dtype`."""
    if "numpy" not in sys.modules:
        return None
    import_numpy()
    if not isinstance(value, numpy.generic):
        return None
    number = value.item()
    if not is_scalar(number):
        return None
    low_high = _int_ranges.get(dtype)
    if isinstance(number, int) and low_high is not None:
        return number if low_high[0] <= number <= low_high[1] else None
    return number


cdef array from_foreign(object value, c.mlx_dtype dtype, str name):
    """An array of another library beside one of `dtype`, whose precision it takes."""
    res = from_object(value, -1, name)
    if (
        is_floating(dtype) and is_floating(c.mlx_array_dtype(res._c))
        and not isinstance(value, (list, tuple)) and not hasattr(value, "__mlx_array__")
    ):
        return from_object(value, dtype, name) if dtype == c.MLX_FLOAT64 else cast(res, dtype)
    return res


cdef array to_operand(object value, object other1, object other2, str name):
    """`value` as an array; a Python number takes the type of the arrays beside it.

    An int fits any type, a float any floating type; what does not fit keeps its own type. Scalars
    of NumPy count as Python numbers.
    """
    cdef object other
    cdef c.mlx_dtype dtype
    cdef int overflow = 0
    cdef long long number
    if isinstance(value, array):
        return <array>value
    if isinstance(other1, array):
        other = other1
    elif isinstance(other2, array):
        other = other2
    else:
        return from_object(value, -1, name)
    dtype = c.mlx_array_dtype((<array>other)._c)
    if not is_scalar(value):
        number_of_numpy = numpy_number(value, dtype)
        if number_of_numpy is None:
            return from_foreign(value, dtype, name)
        value = number_of_numpy
    if isinstance(value, bool):
        return from_scalar(value, dtype)
    if isinstance(value, int):
        if dtype == c.MLX_BOOL:
            dtype = int_dtype(value)
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow == 0 and -(1 << 53) <= number <= 1 << 53:
            return kept_scalar(value, <double>number, dtype)
        return from_int(value, dtype)
    if isinstance(value, float):
        return kept_scalar(value, value, dtype if is_floating(dtype) else c.MLX_FLOAT32)
    return from_scalar(value, -1)


cdef VectorArray to_arrays(object value, str name):
    cdef VectorArray res
    cdef vector[c.mlx_array] handles
    cdef array item
    if isinstance(value, VectorArray):
        return <VectorArray>value
    if type(value) is list or type(value) is tuple:
        for element in value:
            if type(element) is not array:
                break
            handles.push_back((<array>element)._c)
        else:
            res = VectorArray.__new__(VectorArray)
            res._c = c.mlx_vector_array_new_data(handles.data(), handles.size())
            if res._c.ctx == NULL:
                check(1)
            return res
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise WrongTypeError(f"{name} must be a sequence of arrays, not {type(value).__name__}")
    res = VectorArray()
    for element in value:
        item = to_array(element, name)
        check(c.mlx_vector_array_append_value(res._c, item._c))
    return res


cdef list take_arrays(c.mlx_vector_array handle):
    """The arrays of an owned vector, which is freed."""
    cdef VectorArray arrays = VectorArray._take(handle)
    cdef c.mlx_array item
    cdef list res = []
    cdef size_t i
    for i in range(c.mlx_vector_array_size(handle)):
        item.ctx = NULL
        check(c.mlx_vector_array_get(&item, handle, i))
        res.append(array._take(item))
    return res
