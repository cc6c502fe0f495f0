# DLPack (https://dmlc.github.io/dlpack): arrays to and from other frameworks without a copy.

cdef extern from *:
    """
    #include <cstdint>

    // The memory layout of DLPack 1.0; major version 0 is the part without version and flags.
    struct DLDevice { int32_t device_type; int32_t device_id; };
    struct DLDataType { uint8_t code; uint8_t bits; uint16_t lanes; };
    struct DLTensor {
      void* data; DLDevice device; int32_t ndim; DLDataType dtype;
      int64_t* shape; int64_t* strides; uint64_t byte_offset;
    };
    struct DLManagedTensor {
      DLTensor dl_tensor; void* manager_ctx; void (*deleter)(DLManagedTensor*);
    };
    """
    ctypedef struct DLDevice:
        int32_t device_type
        int32_t device_id
    ctypedef struct DLDataType:
        uint8_t code
        uint8_t bits
        uint16_t lanes
    ctypedef struct DLTensor:
        void* data
        DLDevice device
        int32_t ndim
        DLDataType dtype
        int64_t* shape
        int64_t* strides
        uint64_t byte_offset
    ctypedef struct DLManagedTensor:
        DLTensor dl_tensor
        void* manager_ctx
        void (*deleter)(DLManagedTensor*) noexcept

cdef enum:
    DL_CPU = 1
    DL_INT = 0
    DL_UINT = 1
    DL_FLOAT = 2
    DL_BFLOAT = 4
    DL_COMPLEX = 5
    DL_BOOL = 6

cdef dict _dlpack_dtypes = {
    (DL_BOOL, 8): c.MLX_BOOL,
    (DL_UINT, 8): c.MLX_UINT8, (DL_UINT, 16): c.MLX_UINT16,
    (DL_UINT, 32): c.MLX_UINT32, (DL_UINT, 64): c.MLX_UINT64,
    (DL_INT, 8): c.MLX_INT8, (DL_INT, 16): c.MLX_INT16,
    (DL_INT, 32): c.MLX_INT32, (DL_INT, 64): c.MLX_INT64,
    (DL_FLOAT, 16): c.MLX_FLOAT16, (DL_FLOAT, 32): c.MLX_FLOAT32, (DL_FLOAT, 64): c.MLX_FLOAT64,
    (DL_BFLOAT, 16): c.MLX_BFLOAT16, (DL_COMPLEX, 64): c.MLX_COMPLEX64,
}
cdef dict _dlpack_codes = {dtype: code for code, dtype in _dlpack_dtypes.items()}


cdef struct ExportedTensor:
    DLManagedTensor managed
    c.mlx_array handle


cdef void delete_tensor(DLManagedTensor* managed) noexcept:
    # The tensor is the first member of what was allocated.  No Python is touched here: the
    # consumer may call this from any thread, without the GIL.
    cdef ExportedTensor* tensor = <ExportedTensor*>managed
    c.mlx_array_free(tensor.handle)
    free(managed.dl_tensor.shape)
    free(tensor)


cdef void delete_capsule(object capsule) noexcept:
    cdef DLManagedTensor* managed
    # A consumed capsule has been renamed, and its consumer owns the tensor.
    if PyCapsule_IsValid(capsule, b"dltensor"):
        managed = <DLManagedTensor*>PyCapsule_GetPointer(capsule, b"dltensor")
        managed.deleter(managed)


cdef object to_dlpack_capsule(array a):
    cdef ExportedTensor* tensor
    cdef int64_t* dims
    cdef size_t ndim = c.mlx_array_ndim(a._c), i
    code, bits = _dlpack_codes[c.mlx_array_dtype(a._c)]
    evaluate(a)
    tensor = <ExportedTensor*>calloc(1, sizeof(ExportedTensor))
    dims = <int64_t*>malloc((2 * ndim + 1) * sizeof(int64_t))
    if tensor == NULL or dims == NULL:
        free(tensor)
        free(dims)
        raise MemoryError()
    tensor.managed.dl_tensor.shape = dims
    tensor.managed.deleter = delete_tensor
    try:
        tensor.handle = share(a._c)
        shape = c.mlx_array_shape(a._c)
        strides = c.mlx_array_strides(a._c)
        for i in range(ndim):
            dims[i] = shape[i]
            dims[ndim + i] = <int64_t>strides[i]
        tensor.managed.dl_tensor.strides = dims + ndim
        tensor.managed.dl_tensor.ndim = <int32_t>ndim
        tensor.managed.dl_tensor.data = <void*>c.mlx_array_data_uint8(a._c)
        tensor.managed.dl_tensor.device.device_type = DL_CPU
        tensor.managed.dl_tensor.dtype.code = code
        tensor.managed.dl_tensor.dtype.bits = bits
        tensor.managed.dl_tensor.dtype.lanes = 1
        return PyCapsule_New(tensor, b"dltensor", delete_capsule)
    except BaseException:
        delete_tensor(&tensor.managed)
        raise


cdef array from_dlpack_capsule(object capsule):
    """A copy of the tensor in a DLPack capsule, which is consumed."""
    cdef DLManagedTensor* managed
    cdef DLTensor* tensor
    cdef vector[int] shape
    cdef vector[int64_t] strides
    cdef int64_t extent = 1
    cdef c.mlx_array flat, res
    cdef c.mlx_stream s
    cdef int i
    if not PyCapsule_IsValid(capsule, b"dltensor"):
        raise BufferError("a DLPack capsule named 'dltensor' was expected")
    managed = <DLManagedTensor*>PyCapsule_GetPointer(capsule, b"dltensor")
    tensor = &managed.dl_tensor
    if tensor.device.device_type != DL_CPU:
        raise BufferError(
            "only tensors in host memory can be imported, not of device type "
            f"{tensor.device.device_type}"
        )
    dtype = _dlpack_dtypes.get((tensor.dtype.code, tensor.dtype.bits))
    if dtype is None or tensor.dtype.lanes != 1:
        raise BufferError(
            f"DLPack type code {tensor.dtype.code} of {tensor.dtype.bits} bits has no dtype here"
        )
    strides.resize(tensor.ndim)
    for i in range(tensor.ndim - 1, -1, -1):
        if not 0 <= tensor.shape[i] <= 0x7FFFFFFF:
            raise BufferError(f"axis {i} is longer than an array's may be: {tensor.shape[i]}")
        shape.insert(shape.begin(), <int>tensor.shape[i])
        strides[i] = tensor.strides[i] if tensor.strides != NULL else extent
        extent *= tensor.shape[i]
    # Only the memory that the strides reach belongs to the tensor.
    cdef int64_t low = 0, high = 0, reach
    for i in range(tensor.ndim):
        reach = strides[i] * (shape[i] - 1)
        if reach < 0:
            low += reach
        else:
            high += reach
    size = <int64_t>(high - low + 1 if extent > 0 else 0)
    if size > 0x7FFFFFFF:
        raise BufferError("the tensor spans more elements than can be imported at once")
    cdef int length = <int>size
    start = <const char*>tensor.data + tensor.byte_offset + low * (tensor.dtype.bits // 8)
    flat = owned(c.mlx_array_new_data(start, &length, 1, <c.mlx_dtype><int>dtype))
    PyCapsule_SetName(capsule, b"used_dltensor")
    if managed.deleter != NULL:
        managed.deleter(managed)
    whole = array._take(flat)
    res.ctx = s.ctx = NULL
    if extent == 0:
        check(c.mlx_reshape(&res, whole._c, shape.data(), shape.size(), s))
    else:
        check(
            c.mlx_as_strided(
                &res, whole._c, shape.data(), shape.size(),
                strides.data(), strides.size(), <size_t>(-low), s,
            )
        )
    return array._take(res)


def from_dlpack(x, /, *, copy=None):
    """An array with the values of another framework's tensor, by DLPack.

    Args:
        x: an object with ``__dlpack__`` and ``__dlpack_device__``, in host memory.
        copy (bool, optional): the values are copied unless this is ``False``, which no
            imported tensor can satisfy.

    Returns:
        array: of the tensor's shape and type.

    Raises:
        TypeError: ``x`` has no ``__dlpack__``.
        BufferError: the tensor is not in host memory, or of a type that no array has.
        ValueError: ``copy`` is ``False``.

    Example:
        >>> import mlx_core_py as mx, numpy as np
        >>> mx.from_dlpack(np.arange(3, dtype=np.int32))
        array([0, 1, 2], dtype=int32)

    See: MLX ``mlx.core.from_dlpack``; https://dmlc.github.io/dlpack.
    """
    if not hasattr(x, "__dlpack__"):
        raise TypeError(f"x must have a __dlpack__ method, but a {type(x).__name__} has none")
    if copy is False:
        raise ValueError("copy=False is not possible: the values of x have to be copied")
    return from_dlpack_capsule(x.__dlpack__())
