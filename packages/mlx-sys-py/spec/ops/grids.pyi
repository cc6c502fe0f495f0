"""Indices: of grids, of triangles, of the flattened array."""

@composed
@overload(
    "dimensions: Sequence[int], dtype: Dtype = int32, sparse: Literal[False] = False, *, "
    "stream: StreamLike = None",
    "array",
)
@overload(
    "dimensions: Sequence[int], dtype: Dtype = int32, *, sparse: Literal[True], "
    "stream: StreamLike = None",
    "tuple[array, ...]",
)
@overload(
    "dimensions: Sequence[int], dtype: Dtype, sparse: Literal[True], *, stream: StreamLike = None",
    "tuple[array, ...]",
)
def indices(
    dimensions: Sequence[int],
    dtype: Dtype = int32,
    sparse: bool = False,
    *,
    stream: StreamLike = None,
) -> array | tuple[array, ...]:
    """The indices of the elements of a grid.

    Args:
        dimensions: Shape of the grid.
        dtype: Dtype of the result. Default ``int32``.
        sparse: Return arrays that broadcast to the shape of the grid instead. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(len(dimensions), *dimensions)``, or a tuple of ``len(dimensions)`` arrays.

    Raises:
        ValueError: If a length is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.indices((2, 2))
        array([[[0, 0],
                [1, 1]],
               [[0, 1],
                [0, 1]]], dtype=int32)

    See: NumPy ``numpy.indices``.
    """
    shape = [_length(value, "dimensions") for value in to_int_list(dimensions, "dimensions")]
    to_dtype(dtype, "dtype")
    sparse = to_bool(sparse, "sparse")
    count = len(shape)
    results = [
        arange(length).astype(dtype).reshape([-1 if d == axis else 1 for d in range(count)])
        if length
        else zeros([0 if d == axis else 1 for d in range(count)], dtype)
        for axis, length in enumerate(shape)
    ]
    if sparse:
        return tuple(results)
    if not results:
        return zeros((0,), dtype)
    return stack([broadcast_to(result, shape) for result in results])

@composed
def ix_(*args: Sequence[int] | array, stream: StreamLike = None) -> tuple[array, ...]:
    """Arrays that index the grid of all combinations of some indices.

    Args:
        *args: Vectors of indices, or boolean vectors that are true there, which are evaluated.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of an array for each vector, along an axis of its own.

    Raises:
        ValueError: If an argument is not a vector.

    Example:
        >>> import mlx_core_py as mx
        >>> a = mx.arange(9).reshape(3, 3)
        >>> a[mx.ix_([0, 2], [1, 2])]
        array([[1, 2],
               [7, 8]], dtype=int32)

    See: NumPy ``numpy.ix_``.
    """
    results = []
    for axis, value in enumerate(args):
        vector = to_array(value, "args")
        if vector.ndim != 1:
            raise ValueError(f"args must be vectors, not of shape {vector.shape}")
        if vector.size == 0:
            vector = vector.astype(int32)
        if vector.dtype == bool_:
            vector = flatnonzero(vector)
        shape = [1] * len(args)
        shape[axis] = vector.size
        results.append(vector.reshape(shape))
    return tuple(results)

def _triangle(n: int, m: object, k: int, lower: bool) -> tuple[array, array]:
    """The indices of the elements below, or above, a diagonal of a matrix."""
    n = _length(n, "n")
    m = n if m is None else _length(m, "m")
    k = to_int(k, "k")
    # Rows end at the diagonal from `start` on, and at the last column from `stop` on.
    diagonal = k if lower else k - 1
    start = -diagonal if diagonal < 0 else 0
    start = start if start < n else n
    stop = m - diagonal - 1
    stop = start if stop < start else stop if stop < n else n
    size = (stop - start) * (start + stop + 1 + 2 * diagonal) // 2 + (n - stop) * m
    size = size if lower else n * m - size
    if n * m >= 1 << 31:
        raise ValueError(f"a matrix of shape ({n}, {m}) has too many elements")
    inside = tri(n, m, diagonal, bool_)
    found = _positions(inside if lower else logical_not(inside), size)
    return tuple(_unravelled(found, [n, m]))

@composed
def tril_indices(
    n: int, k: int = 0, m: int | None = None, *, stream: StreamLike = None
) -> tuple[array, array]:
    """The indices of the lower triangle of a matrix.

    Args:
        n: Number of rows.
        k: Diagonal that the triangle ends with: 0 (default) is the main one, positive ones are
            above it.
        m: Number of columns; ``None`` (default) means ``n``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of the ``uint32`` vectors of rows and columns.

    Raises:
        ValueError: If ``n`` or ``m`` is negative, or the matrix has ``2**31`` elements or more.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.tril_indices(2)
        (array([0, 1, 1], dtype=uint32), array([0, 0, 1], dtype=uint32))

    See: NumPy ``numpy.tril_indices``.
    """
    return _triangle(n, m, k, True)

@composed
def triu_indices(
    n: int, k: int = 0, m: int | None = None, *, stream: StreamLike = None
) -> tuple[array, array]:
    """The indices of the upper triangle of a matrix.

    Args:
        n: Number of rows.
        k: Diagonal that the triangle begins with: 0 (default) is the main one, positive ones are
            above it.
        m: Number of columns; ``None`` (default) means ``n``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of the ``uint32`` vectors of rows and columns.

    Raises:
        ValueError: If ``n`` or ``m`` is negative, or the matrix has ``2**31`` elements or more.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.triu_indices(2)
        (array([0, 0, 1], dtype=uint32), array([0, 1, 1], dtype=uint32))

    See: NumPy ``numpy.triu_indices``.
    """
    return _triangle(n, m, k, False)

@composed
def diag_indices(n: int, ndim: int = 2, *, stream: StreamLike = None) -> tuple[array, ...]:
    """The indices of the main diagonal of an array of equal lengths.

    Args:
        n: Length of each axis.
        ndim: Number of axes. Default 2.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of a ``uint32`` vector for each axis.

    Raises:
        ValueError: If ``n`` or ``ndim`` is negative, or ``ndim`` above 64.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.diag_indices(3)
        (array([0, 1, 2], dtype=uint32), array([0, 1, 2], dtype=uint32))

    See: NumPy ``numpy.diag_indices``.
    """
    n = _length(n, "n")
    ndim = _length(ndim, "ndim")
    if ndim > 64:
        raise ValueError(f"ndim must be 64 at most, but is {ndim}")
    return (arange(n, dtype=uint32),) * ndim

@composed
def ravel_multi_index(
    multi_index: Sequence[Any] | array,
    dims: Sequence[int],
    mode: str | Sequence[str] = "raise",
    *,
    stream: StreamLike = None,
) -> array:
    """The indices in the flattened array of elements given by an index for each axis.

    Args:
        multi_index: Integer arrays, one for each axis, that broadcast.
        dims: Shape of the array.
        mode: What becomes of an index out of range, for all axes or for each: "raise" (default)
            raises, which evaluates the indices, "wrap" takes the remainder by the length, "clip"
            the nearest index.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array.

    Raises:
        TypeError: If the indices are not integers.
        ValueError: If there are not as many indices as axes, or an index is out of range and
            ``mode`` is "raise".

    Example:
        >>> import mlx_core_py as mx
        >>> mx.ravel_multi_index((mx.array([0, 1]), mx.array([2, 0])), (2, 3))
        array([2, 3], dtype=uint32)

    See: NumPy ``numpy.ravel_multi_index``.
    """
    index = _many(multi_index, "multi_index")
    shape = [_length(value, "dims") for value in to_int_list(dims, "dims")]
    modes = [mode] * len(shape) if isinstance(mode, str) else mode
    if not isinstance(modes, (list, tuple)):
        raise WrongTypeError(f"mode must be a string or strings, not {type(mode).__name__}")
    for choice in modes:
        _choice(choice, "mode", ("raise", "wrap", "clip"))
    if len(index) != len(shape) or len(modes) != len(shape):
        raise ValueError(
            f"{len(shape)} axes need as many indices and modes, not {len(index)} and {len(modes)}"
        )
    size = 1
    for length in shape:
        size *= length
    wide = size >= 1 << 31 or True in [p.dtype in (uint32, int64, uint64) for p in index]
    dtype = int64 if wide else int32
    result = None
    for part, length, choice in zip(index, shape, modes, strict=True):
        if part.dtype in (float16, bfloat16, float32, float64, complex64):
            raise WrongTypeError(f"multi_index must hold integers, not {part.dtype.name}")
        part = part.astype(dtype)
        if choice == "wrap":
            part = part % length
        elif choice == "clip":
            part = clip(part, 0, length - 1)
        elif _within(part, length) is False:
            raise ValueError(f"multi_index has an index that is out of range for dims {shape}")
        result = part if result is None else result * length + part
    return result.astype(uint32)

@composed
def unravel_index(
    indices: int | array, shape: Sequence[int], *, stream: StreamLike = None
) -> tuple[array, ...]:
    """The index for each axis of elements given by indices in the flattened array.

    Args:
        indices: Integer array, which is evaluated to see whether it is in range.
        shape: Shape of the array.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of a ``uint32`` array of the shape of ``indices`` for each axis.

    Raises:
        TypeError: If the indices are not integers.
        ValueError: If an index is out of range.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.unravel_index(mx.array([2, 3]), (2, 3))
        (array([0, 1], dtype=uint32), array([2, 0], dtype=uint32))

    See: NumPy ``numpy.unravel_index``.
    """
    rest = to_array(indices, "indices")
    if isinstance(shape, int):
        lengths = [_length(shape, "shape")]
    else:
        lengths = [_length(value, "shape") for value in to_int_list(shape, "shape")]
    if rest.dtype in (float16, bfloat16, float32, float64, complex64):
        raise WrongTypeError(f"indices must hold integers, not {rest.dtype.name}")
    size = 1
    for length in lengths:
        size *= length
    if rest.dtype == bool_:
        rest = rest.astype(uint32)
    if _within(rest, size) is False:
        raise ValueError(f"indices has an index that is out of range for shape {tuple(lengths)}")
    return tuple(_unravelled(rest.astype(uint32), lengths))
