# Arrays as Python values: evaluation, items, nested lists, and views for other libraries.

cdef extern from "Python.h":
    double PyFloat_Unpack2(const char*, int little_endian) except? -1.0

cdef bint little_endian = sys.byteorder == "little"


cdef int evaluate(array a) except -1:
    cdef int status
    if c.mlx_array_is_evaluated(a._c):
        return 0
    with nogil:
        status = c.mlx_array_eval(a._c)
    return check(status)


cdef array host_values(array a):
    """`a` evaluated and row-contiguous."""
    cdef c.mlx_array res
    cdef c.mlx_stream s
    evaluate(a)
    cdef c.c_bool contiguous = False
    check(c._mlx_array_is_row_contiguous(&contiguous, a._c))
    if contiguous:
        return a
    res.ctx = s.ctx = NULL
    check(c.mlx_contiguous(&res, a._c, False, s))
    a = array._take(res)
    evaluate(a)
    return a


cdef object element(const void* data, size_t i, c.mlx_dtype dtype):
    """The `i`-th element of a buffer as a Python number."""
    cdef uint32_t bits
    cdef float number
    if dtype == c.MLX_FLOAT32:
        return (<const float*>data)[i]
    if dtype == c.MLX_BOOL:
        return (<const uint8_t*>data)[i] != 0
    if dtype == c.MLX_UINT8:
        return (<const uint8_t*>data)[i]
    if dtype == c.MLX_UINT16:
        return (<const uint16_t*>data)[i]
    if dtype == c.MLX_UINT32:
        return (<const uint32_t*>data)[i]
    if dtype == c.MLX_UINT64:
        return (<const uint64_t*>data)[i]
    if dtype == c.MLX_INT8:
        return (<const int8_t*>data)[i]
    if dtype == c.MLX_INT16:
        return (<const int16_t*>data)[i]
    if dtype == c.MLX_INT32:
        return (<const int32_t*>data)[i]
    if dtype == c.MLX_INT64:
        return (<const int64_t*>data)[i]
    if dtype == c.MLX_FLOAT64:
        return (<const double*>data)[i]
    if dtype == c.MLX_COMPLEX64:
        return complex((<const float*>data)[2 * i], (<const float*>data)[2 * i + 1])
    if dtype == c.MLX_FLOAT16:
        return PyFloat_Unpack2(<const char*>data + 2 * i, little_endian)
    # The upper half of a float32.
    bits = <uint32_t>(<const uint16_t*>data)[i] << 16
    memcpy(&number, &bits, sizeof(number))
    return number


cdef const uint8_t* data_of(array a) except NULL:
    """Where the bytes of an evaluated array are. A GPU that has failed gives none away."""
    cdef const uint8_t* data = c.mlx_array_data_uint8(a._c)
    if data == NULL:
        raise_last_error()
    return data


cdef object scalar_item(array a):
    if c.mlx_array_size(a._c) != 1:
        raise WrongTypeError(
            f"only an array of one element converts to a Python number, not one of shape {a.shape}"
        )
    evaluate(a)
    return element(data_of(a), 0, c.mlx_array_dtype(a._c))


cdef list nested(
    const void* data, size_t* position, const int* shape, size_t ndim, c.mlx_dtype dtype
):
    cdef int i
    cdef list res = []
    for i in range(shape[0]):
        if ndim == 1:
            res.append(element(data, position[0], dtype))
            position[0] += 1
        else:
            res.append(nested(data, position, shape + 1, ndim - 1, dtype))
    return res


cdef object nested_list(array a):
    cdef size_t position = 0
    if c.mlx_array_ndim(a._c) == 0:
        return scalar_item(a)
    a = host_values(a)
    return nested(
        data_of(a), &position, c.mlx_array_shape(a._c),
        c.mlx_array_ndim(a._c), c.mlx_array_dtype(a._c),
    )


cdef object raw_bytes(array a):
    """The raw bytes of an array of any type, row by row."""
    cdef c.mlx_array res
    res.ctx = NULL
    check(c.mlx_contiguous(&res, a._c, False, default_stream))
    whole = array._take(res)
    if c.mlx_array_dtype(a._c) == c.MLX_BFLOAT16:
        res.ctx = NULL
        check(c.mlx_view(&res, whole._c, c.MLX_UINT16, default_stream))
        whole = array._take(res)
    return memoryview(whole)


def _from_bytes(data, dtype, shape):
    """The array that pickle took apart."""
    cdef Py_buffer view
    cdef vector[int] dims = shape
    cdef c.mlx_dtype kind = to_dtype(dtype, "dtype")
    cdef size_t size = c.mlx_dtype_size(kind)
    for length in shape:
        size *= length
    PyObject_GetBuffer(data, &view, PyBUF_C_CONTIGUOUS)
    try:
        if size != <size_t>view.len:
            raise ValueError(f"data must have {size} bytes for shape {shape}, not {view.len}")
        return array._take(
            owned(c.mlx_array_new_data(view.buf, dims.data(), <int>dims.size(), kind))
        )
    finally:
        PyBuffer_Release(&view)


cdef struct ExportedView:
    # A handle of its own: the array object may be assigned to while the view lives.
    c.mlx_array handle
    Py_ssize_t* dims


cdef list _buffer_formats = [
    b"?", b"B", b"H", b"I", b"Q", b"b", b"h", b"i", b"q", b"e", b"f", b"d", None, b"Zf",
]


cdef int export_buffer(array a, Py_buffer* view, int flags) except -1:
    cdef c.mlx_dtype dtype = c.mlx_array_dtype(a._c)
    cdef size_t ndim = c.mlx_array_ndim(a._c), i
    cdef c.c_bool row_contiguous = False, col_contiguous = False
    cdef ExportedView* exported
    cdef void* data
    cdef bytes form = _buffer_formats[<int>dtype]
    if form is None and flags & PyBUF_FORMAT:
        # NumPy asks first for a buffer with a format, and then for __array__, which converts.
        raise BufferError(
            "bfloat16 has no buffer format: convert with astype(float32) first, or read the bytes"
        )
    evaluate(a)
    check(c._mlx_array_is_row_contiguous(&row_contiguous, a._c))
    check(c._mlx_array_is_col_contiguous(&col_contiguous, a._c))
    if not row_contiguous and (
        (flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS
        or (flags & PyBUF_STRIDES) != PyBUF_STRIDES
    ):
        raise BufferError("the array is not row-contiguous: use contiguous(a) first")
    if not col_contiguous and (flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS:
        raise BufferError("the array is not column-contiguous")
    data = <void*>data_of(a)
    exported = <ExportedView*>PyMem_Malloc(sizeof(ExportedView))
    if exported == NULL:
        raise MemoryError()
    exported.handle.ctx = NULL
    exported.dims = <Py_ssize_t*>PyMem_Malloc((2 * ndim + 1) * sizeof(Py_ssize_t))
    if exported.dims == NULL:
        PyMem_Free(exported)
        raise MemoryError()
    try:
        exported.handle = share(a._c)
    except BaseException:
        PyMem_Free(exported.dims)
        PyMem_Free(exported)
        raise
    shape = c.mlx_array_shape(a._c)
    strides = c.mlx_array_strides(a._c)
    view.itemsize = c.mlx_array_itemsize(a._c)
    for i in range(ndim):
        exported.dims[i] = shape[i]
        exported.dims[ndim + i] = <Py_ssize_t>(<int64_t>strides[i]) * view.itemsize
    view.buf = data
    view.len = c.mlx_array_nbytes(a._c)
    view.ndim = <int>ndim
    view.shape = exported.dims if flags & PyBUF_ND else NULL
    view.strides = exported.dims + ndim if (flags & PyBUF_STRIDES) == PyBUF_STRIDES else NULL
    view.suboffsets = NULL
    # The text lives in the list above, as long as the module.
    view.format = NULL
    if flags & PyBUF_FORMAT:
        view.format = <char*>form
    view.readonly = 0
    view.internal = exported
    view.obj = a
    return 0


cdef int release_buffer(Py_buffer* view) except -1:
    cdef ExportedView* exported = <ExportedView*>view.internal
    c.mlx_array_free(exported.handle)
    PyMem_Free(exported.dims)
    PyMem_Free(exported)
    return 0
