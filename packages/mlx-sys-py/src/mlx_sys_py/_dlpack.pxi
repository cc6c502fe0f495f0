# DLPack (https://dmlc.github.io/dlpack): arrays to and from other frameworks without a copy.

cdef extern from *:
    """
    #include <cstdint>

    // The memory layout of DLPack: before version 1.0, and from there on.
    struct DLDevice { int32_t device_type; int32_t device_id; };
    struct DLDataType { uint8_t code; uint8_t bits; uint16_t lanes; };
    struct DLTensor {
      void* data; DLDevice device; int32_t ndim; DLDataType dtype;
      int64_t* shape; int64_t* strides; uint64_t byte_offset;
    };
    struct DLManagedTensor {
      DLTensor dl_tensor; void* manager_ctx; void (*deleter)(DLManagedTensor*);
    };
    struct DLPackVersion { uint32_t major; uint32_t minor; };
    struct DLManagedTensorVersioned {
      DLPackVersion version; void* manager_ctx; void (*deleter)(DLManagedTensorVersioned*);
      uint64_t flags; DLTensor dl_tensor;
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
    ctypedef struct DLPackVersion:
        uint32_t major
        uint32_t minor
    ctypedef struct DLManagedTensorVersioned:
        DLPackVersion version
        void* manager_ctx
        void (*deleter)(DLManagedTensorVersioned*) noexcept
        uint64_t flags
        DLTensor dl_tensor

cdef enum:
    DL_CPU = 1
    DL_CUDA_HOST = 3
    DL_ROCM_HOST = 11
    DL_FLAG_IS_COPIED = 2
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
    # One of the two goes into the capsule.
    DLManagedTensor managed
    DLManagedTensorVersioned versioned
    c.mlx_array handle
    int64_t* dims


cdef void delete_exported(ExportedTensor* tensor) noexcept:
    # No Python is touched here: the consumer may call this from any thread, without the GIL.
    c.mlx_array_free(tensor.handle)
    free(tensor.dims)
    free(tensor)


cdef void delete_tensor(DLManagedTensor* managed) noexcept:
    delete_exported(<ExportedTensor*>managed.manager_ctx)


cdef void delete_versioned_tensor(DLManagedTensorVersioned* managed) noexcept:
    delete_exported(<ExportedTensor*>managed.manager_ctx)


cdef void delete_capsule(object capsule) noexcept:
    cdef DLManagedTensor* managed
    cdef DLManagedTensorVersioned* versioned
    # A consumed capsule has been renamed, and its consumer owns the tensor.
    if PyCapsule_IsValid(capsule, b"dltensor"):
        managed = <DLManagedTensor*>PyCapsule_GetPointer(capsule, b"dltensor")
        managed.deleter(managed)
    elif PyCapsule_IsValid(capsule, b"dltensor_versioned"):
        versioned = <DLManagedTensorVersioned*>PyCapsule_GetPointer(capsule, b"dltensor_versioned")
        versioned.deleter(versioned)


cdef bint runs_backwards(array a):
    shape = c.mlx_array_shape(a._c)
    strides = c.mlx_array_strides(a._c)
    for i in range(c.mlx_array_ndim(a._c)):
        if shape[i] > 1 and <int64_t>strides[i] < 0:
            return True
    return False


cdef object to_dlpack_capsule(array a, bint is_versioned, object copy):
    """The values in a capsule, shared unless `copy` is true or consumers could not read them."""
    cdef ExportedTensor* tensor
    cdef DLTensor description
    cdef size_t ndim = c.mlx_array_ndim(a._c), i
    evaluate(a)
    if copy is False and runs_backwards(a):
        raise BufferError("copy is False, but an axis runs backwards and has to be copied")
    if copy or runs_backwards(a):
        copy = True
        a = host_values(a)
        # MLX's own copy is another name for the same memory.
        a = array._take(
            owned(
                c.mlx_array_new_data(
                    data_of(a), c.mlx_array_shape(a._c),
                    <int>c.mlx_array_ndim(a._c), c.mlx_array_dtype(a._c),
                )
            )
        )
    code, bits = _dlpack_codes[c.mlx_array_dtype(a._c)]
    tensor = <ExportedTensor*>calloc(1, sizeof(ExportedTensor))
    if tensor == NULL:
        raise MemoryError()
    try:
        tensor.dims = <int64_t*>malloc((2 * ndim + 1) * sizeof(int64_t))
        if tensor.dims == NULL:
            raise MemoryError()
        tensor.handle = share(a._c)
        shape = c.mlx_array_shape(a._c)
        strides = c.mlx_array_strides(a._c)
        for i in range(ndim):
            tensor.dims[i] = shape[i]
            # Of one element any stride is right, and not every consumer takes all.
            tensor.dims[ndim + i] = <int64_t>strides[i] if shape[i] > 1 else 1
        memset(&description, 0, sizeof(description))
        description.shape = tensor.dims
        description.strides = tensor.dims + ndim
        description.ndim = <int32_t>ndim
        description.data = <void*>data_of(a)
        description.device.device_type = DL_CPU
        description.dtype.code = code
        description.dtype.bits = bits
        description.dtype.lanes = 1
        if is_versioned:
            tensor.versioned.version.major = 1
            tensor.versioned.manager_ctx = tensor
            tensor.versioned.deleter = delete_versioned_tensor
            tensor.versioned.flags = DL_FLAG_IS_COPIED if copy else 0
            tensor.versioned.dl_tensor = description
            return PyCapsule_New(&tensor.versioned, b"dltensor_versioned", delete_capsule)
        tensor.managed.manager_ctx = tensor
        tensor.managed.deleter = delete_tensor
        tensor.managed.dl_tensor = description
        return PyCapsule_New(&tensor.managed, b"dltensor", delete_capsule)
    except BaseException:
        delete_exported(tensor)
        raise


cdef object without_autograd(object value):
    """A tensor of PyTorch as memory alone: without gradient, conjugated or negated in place."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, getattr(torch, "Tensor", ())):
        return value
    if value.layout is not torch.strided:
        raise TypeError(
            f"a tensor of layout {value.layout} does not convert to an array: give x.to_dense()"
        )
    return value.detach().resolve_conj().resolve_neg()


cdef bint is_host(int device_type):
    return device_type == DL_CPU or device_type == DL_CUDA_HOST or device_type == DL_ROCM_HOST


cdef object capsule_of(object value):
    """The DLPack capsule of an object, in host memory if it can be had there."""
    arguments = {"max_version": (1, 0)}
    ask = getattr(value, "__dlpack_device__", None)
    if ask is not None and not is_host(int(ask()[0])):
        arguments.update(dl_device=(DL_CPU, 0), copy=True)
    try:
        return value.__dlpack__(**arguments)
    except TypeError:
        # Before version 1.0 there were no arguments.
        return value.__dlpack__()


cdef array from_tensor(object value, int dtype):
    """A copy of an object with `__dlpack__`. Doubles become floats unless `dtype` takes them."""
    return from_dlpack_capsule(capsule_of(without_autograd(value)), dtype)


cdef array from_dlpack_capsule(object capsule, int dtype):
    """A copy of the tensor in a DLPack capsule, which is consumed."""
    cdef DLManagedTensor* managed = NULL
    cdef DLManagedTensorVersioned* versioned = NULL
    cdef array res
    if PyCapsule_IsValid(capsule, b"dltensor_versioned"):
        versioned = <DLManagedTensorVersioned*>PyCapsule_GetPointer(capsule, b"dltensor_versioned")
        if versioned.version.major > 1:
            raise BufferError(
                f"a DLPack tensor of version {versioned.version.major} came, where 1 was asked for"
            )
        res = from_dlpack_tensor(&versioned.dl_tensor, dtype)
        PyCapsule_SetName(capsule, b"used_dltensor_versioned")
        if versioned.deleter != NULL:
            versioned.deleter(versioned)
        return res
    if not PyCapsule_IsValid(capsule, b"dltensor"):
        raise BufferError("a DLPack capsule was expected: a dltensor that is not used yet")
    managed = <DLManagedTensor*>PyCapsule_GetPointer(capsule, b"dltensor")
    res = from_dlpack_tensor(&managed.dl_tensor, dtype)
    PyCapsule_SetName(capsule, b"used_dltensor")
    if managed.deleter != NULL:
        managed.deleter(managed)
    return res


cdef array from_dlpack_tensor(const DLTensor* tensor, int dtype):
    cdef Py_buffer view
    cdef vector[Py_ssize_t] shape, strides
    cdef int64_t extent = 1
    cdef int i
    if not is_host(tensor.device.device_type):
        raise BufferError(
            "only tensors in host memory can be imported, not of device type "
            f"{tensor.device.device_type}"
        )
    code = (tensor.dtype.code, tensor.dtype.bits)
    source = COMPLEX128 if code == (DL_COMPLEX, 128) else _dlpack_dtypes.get(code)
    if source is None or tensor.dtype.lanes != 1:
        raise BufferError(
            f"DLPack type code {tensor.dtype.code} of {tensor.dtype.bits} bits has no dtype here"
        )
    memset(&view, 0, sizeof(view))
    view.itemsize = tensor.dtype.bits // 8
    view.ndim = tensor.ndim
    shape.resize(tensor.ndim)
    strides.resize(tensor.ndim)
    for i in range(tensor.ndim - 1, -1, -1):
        if not 0 <= tensor.shape[i] <= 0x7FFFFFFF:
            raise BufferError(f"axis {i} is longer than an array's may be: {tensor.shape[i]}")
        shape[i] = tensor.shape[i]
        strides[i] = view.itemsize * (tensor.strides[i] if tensor.strides != NULL else extent)
        if tensor.shape[i] and extent > 0x7FFFFFFFFFFFFFF // tensor.shape[i]:
            raise BufferError("the tensor has more elements than memory")
        extent *= tensor.shape[i]
    view.buf = <char*>tensor.data + tensor.byte_offset
    view.len = extent * view.itemsize
    view.shape = shape.data()
    view.strides = strides.data()
    return from_view(&view, source, False, dtype)


def from_dlpack(x, /, *, device=None, copy=None):
    """An array with the values of another framework's tensor, by DLPack.

    Args:
        x: an object with ``__dlpack__``. A tensor on a GPU is asked for a copy in host memory. One
            of PyTorch may require a gradient, which it has not here.
        device (Device or DeviceType, optional): a device that must be there. It changes nothing:
            devices share their memory.
        copy (bool, optional): the values are copied unless this is ``False``, which only an array
            of MLX can satisfy: MLX computes in memory that it allocated itself.

    Returns:
        array: of the tensor's shape and type; ``float64`` becomes ``float32`` and ``complex128``
        ``complex64``.

    Raises:
        TypeError: ``x`` has no ``__dlpack__``, or is a sparse tensor.
        BufferError: the tensor cannot be had in host memory, or is of a type that no array has.
        ValueError: ``copy`` is ``False`` and ``x`` of another library, or there is no such device.

    Example:
        >>> import mlx_core_py as mx, numpy as np
        >>> mx.from_dlpack(np.arange(3, dtype=np.int32))
        array([0, 1, 2], dtype=int32)

    See: MLX ``mlx.core.from_dlpack``; https://dmlc.github.io/dlpack.
    """
    if not hasattr(x, "__dlpack__"):
        raise TypeError(f"x must have a __dlpack__ method, but a {type(x).__name__} has none")
    if device is not None:
        available(device)
    if isinstance(x, array) and copy is False:
        # What is written to one of two arrays shows in no other.
        return array._take(owned(share((<array>x)._c)))
    if copy is False:
        raise ValueError("copy=False is not possible: the values of x have to be copied")
    return from_tensor(x, <int>c.mlx_array_dtype((<array>x)._c) if isinstance(x, array) else -1)
