"""Types, memory layout and order of evaluation."""

cpp_includes = ["core/checks.hpp"]

@method
@c("mlx_astype", "array a, dtype dtype", cpp="mlx_c::astype")
def astype(
    a: array,
    /,
    dtype: Dtype,
    stream: StreamLike = None,
    *,
    copy: bool = True,
    device: Device | DeviceType | None = None,
) -> array:
    """The elements converted to another type.

    Args:
        a: Input array of any shape and dtype.
        dtype: Type of the result.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.
        copy: Taken for the array API. It changes nothing: the result is an array of its own, whose
            memory is copied when either is changed.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If ``dtype`` is not a dtype.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.astype(mx.array([1.7, -1.7]), mx.int32)
        array([1, -1], dtype=int32)

    See: MLX ``mlx.core.astype``.
    """
    stream = to_stream_on(stream, device)
    if copy is not True:
        to_bool(copy, "copy")

@method
@c("mlx_view", "array a, dtype dtype")
def view(a: Scalar | array, dtype: Dtype, stream: StreamLike = None) -> array:
    """The bytes of the elements read as another type.

    Args:
        a: Array or scalar.
        dtype: Type of the result; a size other than that of ``a`` changes the last axis.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the same bytes.

    Raises:
        ValueError: If the last axis does not hold a whole number of elements of ``dtype``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.view(mx.array([1.0]), mx.int32)
        array([1065353216], dtype=int32)

    See: MLX ``mlx.core.view``.
    """

@c(
    "mlx_as_strided",
    "array a, shape shape, strides strides, size offset",
    check="mlx_c::check_view({a}, {shape}, {strides}, {offset})",
)
def as_strided(
    a: array,
    /,
    shape: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
    offset: int = 0,
    *,
    stream: StreamLike = None,
) -> array:
    """A view of the elements in row-major order with any shape and strides.

    MLX reads whatever lies there; here positions outside of ``a`` are refused.

    Args:
        a: Input array of any shape and dtype.
        shape: Shape of the view; ``None`` (default) is that of ``a``.
        strides: Steps, in elements, along every axis; ``None`` (default) is row-major.
        offset: Position of the first element. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape.

    Raises:
        ValueError: If shape and strides differ in length or the view leaves the array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.as_strided(mx.arange(5), (3, 2), (1, 2))
        array([[0, 2],
               [1, 3],
               [2, 4]], dtype=int32)

    See: MLX ``mlx.core.as_strided``.
    """
    a = to_array(a, "a")
    shape = a.shape if shape is None else tuple(to_int_list(shape, "shape"))
    if strides is None:
        strides = [1] * len(shape)
        for axis in range(len(shape) - 2, -1, -1):
            strides[axis] = strides[axis + 1] * shape[axis + 1]

@c("mlx_contiguous", "array a, bool allow_col_major")
def contiguous(a: array, /, allow_col_major: bool = False, *, stream: StreamLike = None) -> array:
    """The array with its elements one after the other in memory.

    Args:
        a: Input array of any shape and dtype.
        allow_col_major: Leave a column-major array as it is. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array equal to ``a``, copied only if needed.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.contiguous(mx.array([[1, 2], [3, 4]]).T)
        array([[1, 3],
               [2, 4]], dtype=int32)

    See: MLX ``mlx.core.contiguous``.
    """

@c("mlx_copy", "array a", python=False)
def copy(a: array) -> array:
    """A copy of an array."""

# MLX reads the first input, even of none.
@c(
    "mlx_depends",
    "arrays inputs, arrays dependencies",
    stream=False,
    cpp="{inputs}.empty() ? {inputs} : mlx::core::depends({inputs}, {dependencies})",
)
def _depends(inputs: Sequence[array], dependencies: Sequence[array]) -> list[array]:
    """Arrays that wait for others when they are evaluated."""

def depends(
    inputs: array | Sequence[array], dependencies: array | Sequence[array]
) -> array | list[array]:
    """The same arrays, evaluated only after some others.

    Args:
        inputs: Array or arrays to hold back.
        dependencies: Array or arrays to evaluate first.

    Returns:
        An array for an array, a list for a sequence.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.depends(mx.array(1), mx.array(2))
        array(1, dtype=int32)

    See: MLX ``mlx.core.depends``.
    """
    single = isinstance(inputs, array)
    results = _depends(
        [inputs] if single else inputs,
        [dependencies] if isinstance(dependencies, array) else dependencies,
    )
    return results[0] if single else results
