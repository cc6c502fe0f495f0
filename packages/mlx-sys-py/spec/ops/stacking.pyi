"""Arrays put together and taken apart along the first axes."""

def _many(value: object, name: str) -> list[array]:
    """The arrays of a sequence, or along the first axis of an array."""
    if isinstance(value, array):
        if value.ndim == 0:
            raise WrongTypeError(f"{name} must be a sequence of arrays, not a scalar")
        return [*value]
    arrays = [*to_arrays(value, name)]
    if not arrays:
        raise ValueError(f"{name} must hold at least one array")
    return arrays

@alias("row_stack")
@composed
def vstack(tup: Sequence[Any] | array, *, stream: StreamLike = None) -> array:
    """Arrays put on top of each other, as rows.

    Args:
        tup: Arrays of the same shape but for the first axis, or vectors of the same length.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of at least two dimensions, of the promoted dtype.

    Raises:
        ValueError: If there are no arrays or their shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.vstack([mx.array([1, 2]), mx.array([3, 4])])
        array([[1, 2],
               [3, 4]], dtype=int32)

    See: NumPy ``numpy.vstack``.
    """
    return concatenate([_atleast_2d(part) for part in _many(tup, "tup")])

@composed
def hstack(tup: Sequence[Any] | array, *, stream: StreamLike = None) -> array:
    """Arrays put beside each other: along the second axis, or the first of vectors.

    Args:
        tup: Arrays of the same shape but for that axis; scalars count as vectors.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the promoted dtype.

    Raises:
        ValueError: If there are no arrays or their shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.hstack([mx.array([1, 2]), mx.array([3, 4])])
        array([1, 2, 3, 4], dtype=int32)

    See: NumPy ``numpy.hstack``.
    """
    parts = [_atleast_1d(part) for part in _many(tup, "tup")]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)

@composed
def dstack(tup: Sequence[Any] | array, *, stream: StreamLike = None) -> array:
    """Arrays put behind each other, along the third axis.

    Args:
        tup: Arrays of the same shape but for the third axis. Vectors count as
            ``(1, N, 1)``, matrices as ``(M, N, 1)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of at least three dimensions, of the promoted dtype.

    Raises:
        ValueError: If there are no arrays or their shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.dstack([mx.array([1, 2]), mx.array([3, 4])])
        array([[[1, 3],
                [2, 4]]], dtype=int32)

    See: NumPy ``numpy.dstack``.
    """
    return concatenate([_atleast_3d(part) for part in _many(tup, "tup")], 2)

@composed
def column_stack(tup: Sequence[Any] | array, *, stream: StreamLike = None) -> array:
    """Vectors, as columns, and matrices put beside each other.

    Args:
        tup: Vectors of the same length, and matrices with as many rows.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Matrix of the promoted dtype.

    Raises:
        ValueError: If there are no arrays or their shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.column_stack([mx.array([1, 2]), mx.array([3, 4])])
        array([[1, 3],
               [2, 4]], dtype=int32)

    See: NumPy ``numpy.column_stack``.
    """
    parts = _many(tup, "tup")
    return concatenate([p if p.ndim > 1 else p.reshape(p.size, 1) for p in parts], 1)

def _block_depth(arrays: object) -> int:
    """How deep lists are nested."""
    if isinstance(arrays, tuple):
        raise WrongTypeError("arrays must be nested lists of arrays: a tuple is none")
    if not isinstance(arrays, list):
        to_array(arrays, "arrays")
        return 0
    depths = {_block_depth(part) for part in arrays}
    if not depths:
        raise ValueError("arrays has an empty list")
    if len(depths) != 1:
        raise ValueError("arrays must be nested equally deep everywhere")
    return depths.pop() + 1

def _block_dims(arrays: object) -> int:
    """The greatest number of dimensions."""
    if not isinstance(arrays, list):
        return to_array(arrays, "arrays").ndim
    dims = 0
    for part in arrays:
        inner = _block_dims(part)
        dims = inner if inner > dims else dims
    return dims

def _block_of(arrays: object, depth: int, dims: int) -> array:
    """Blocks joined along the axis that `depth` counts from the end, after those within."""
    if not isinstance(arrays, list):
        part = to_array(arrays, "arrays")
        return part.reshape([1] * (dims - part.ndim) + [*part.shape])
    return concatenate([_block_of(part, depth - 1, dims) for part in arrays], -depth)

@composed
def block(arrays: array | Sequence[Any], *, stream: StreamLike = None) -> array:
    """Blocks put together to one array.

    Args:
        arrays: Nested lists of arrays: those of the innermost are joined along the last axis, those
            of the lists around them along the one before, and so on.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the promoted dtype.

    Raises:
        TypeError: If there is a tuple in place of a list.
        ValueError: If the lists are empty or not equally deep, or shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> one = mx.ones((2, 2))
        >>> mx.block([[one, one * 2], [one * 3, one * 4]])
        array([[1, 1, 2, 2],
               [1, 1, 2, 2],
               [3, 3, 4, 4],
               [3, 3, 4, 4]], dtype=float32)

    See: NumPy ``numpy.block``.
    """
    depth = _block_depth(arrays)
    dims = _block_dims(arrays)
    dims = depth if depth > dims else dims
    if isinstance(arrays, list):
        return _block_of(arrays, depth, dims)
    return array(to_array(arrays, "arrays"))

@composed
def array_split(
    ary: array, indices_or_sections: IntOrInts, axis: int = 0, *, stream: StreamLike = None
) -> list[array]:
    """An array cut into pieces along an axis, of equal lengths or nearly so.

    Args:
        ary: Input array of at least one dimension and any dtype.
        indices_or_sections: Number of pieces, or where to cut.
        axis: Axis to cut along. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        List of the pieces; the first ones are longer by one if the length is no multiple.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If the number of pieces is not positive, or above 65536 and the length.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.array_split(mx.arange(5), 2)
        [array([0, 1, 2], dtype=int32), array([3, 4], dtype=int32)]

    See: NumPy ``numpy.array_split``.
    """
    ary = to_array(ary, "ary")
    if isinstance(indices_or_sections, int):
        pieces = to_int(indices_or_sections, "indices_or_sections")
        cuts = None
    else:
        cuts = [*to_int_list(indices_or_sections, "indices_or_sections")]
    axis = _axis_of(axis, ary.ndim, "axis")
    length = ary.shape[axis]
    if cuts is None:
        if pieces < 1:
            raise ValueError(f"indices_or_sections must be positive, but is {pieces}")
        if pieces > length and pieces > 1 << 16:
            raise ValueError(f"an axis of length {length} is too short for {pieces} pieces")
        each, more = length // pieces, length % pieces
        cuts = [each * i + (i if i < more else more) for i in range(1, pieces)]
    bounds = [0]
    for cut in cuts:
        cut = cut + length if cut < 0 else cut
        bounds.append(0 if cut < 0 else cut if cut < length else length)
    bounds.append(length)
    moved = moveaxis(ary, axis, 0)
    return [
        moveaxis(moved[start : bounds[number + 1]], 0, axis)
        for number, start in enumerate(bounds[:-1])
    ]

def _split_at(ary: object, where_to: object, axis: int, least: int, function: str) -> list[array]:
    """Pieces along an axis that the array has to have."""
    ary = to_array(ary, "ary")
    if not isinstance(where_to, int):
        where_to = [*to_int_list(where_to, "indices_or_sections")]
    if ary.ndim < least:
        raise ValueError(f"{function} needs at least {least} dimensions, but ary has {ary.ndim}")
    if isinstance(where_to, int):
        return split(ary, to_int(where_to, "indices_or_sections"), axis)
    return array_split(ary, where_to, axis)

@composed
def hsplit(ary: array, indices_or_sections: IntOrInts, *, stream: StreamLike = None) -> list[array]:
    """An array cut into pieces along the second axis, or the first of a vector.

    Args:
        ary: Input array of at least one dimension and any dtype.
        indices_or_sections: Number of pieces of equal length, or where to cut.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        List of the pieces.

    Raises:
        ValueError: If ``ary`` is a scalar or its length is no multiple of the number of pieces.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.hsplit(mx.array([[1, 2], [3, 4]]), 2)[1]
        array([[2],
               [4]], dtype=int32)

    See: NumPy ``numpy.hsplit``.
    """
    ary = to_array(ary, "ary")
    return _split_at(ary, indices_or_sections, 1 if ary.ndim > 1 else 0, 1, "hsplit")

@composed
def vsplit(ary: array, indices_or_sections: IntOrInts, *, stream: StreamLike = None) -> list[array]:
    """An array cut into pieces along the first axis.

    Args:
        ary: Input array of at least two dimensions and any dtype.
        indices_or_sections: Number of pieces of equal length, or where to cut.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        List of the pieces.

    Raises:
        ValueError: If ``ary`` has too few dimensions or its length is no multiple of the number of
            pieces.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.vsplit(mx.array([[1, 2], [3, 4]]), 2)[1]
        array([[3, 4]], dtype=int32)

    See: NumPy ``numpy.vsplit``.
    """
    return _split_at(ary, indices_or_sections, 0, 2, "vsplit")

@composed
def dsplit(ary: array, indices_or_sections: IntOrInts, *, stream: StreamLike = None) -> list[array]:
    """An array cut into pieces along the third axis.

    Args:
        ary: Input array of at least three dimensions and any dtype.
        indices_or_sections: Number of pieces of equal length, or where to cut.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        List of the pieces.

    Raises:
        ValueError: If ``ary`` has too few dimensions or its length is no multiple of the number of
            pieces.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.dsplit(mx.array([[[1, 2], [3, 4]]]), 2)[1]
        array([[[2],
                [4]]], dtype=int32)

    See: NumPy ``numpy.dsplit``.
    """
    return _split_at(ary, indices_or_sections, 2, 3, "dsplit")
