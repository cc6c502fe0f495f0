"""Logic and choice, element by element."""

@c("mlx_logical_not", "array a")
def logical_not(a: array, /, *, stream: StreamLike = None) -> array:
    """Logical NOT of every element; nonzero counts as true.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.logical_not(mx.array([0, 1, 2]))
        array([True, False, False], dtype=bool)

    See: MLX ``mlx.core.logical_not``.
    """

@weak("a", "b")
@c("mlx_logical_and", "array a, array b")
def logical_and(a: array, b: array, /, *, stream: StreamLike = None) -> array:
    """Logical AND of two arrays; nonzero counts as true.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.logical_and(mx.array([True, False]), mx.array([True, True]))
        array([True, False], dtype=bool)

    See: MLX ``mlx.core.logical_and``.
    """

@weak("a", "b")
@c("mlx_logical_or", "array a, array b")
def logical_or(a: array, b: array, /, *, stream: StreamLike = None) -> array:
    """Logical OR of two arrays; nonzero counts as true.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.logical_or(mx.array([True, False]), mx.array([True, True]))
        array([True, True], dtype=bool)

    See: MLX ``mlx.core.logical_or``.
    """

@weak("a", "b")
@c("mlx_logical_xor", "array a, array b")
def logical_xor(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Logical exclusive OR of two arrays; nonzero counts as true.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.logical_xor(mx.array([True, False]), mx.array([True, True]))
        array([False, True], dtype=bool)

    See: MLX ``mlx.core.logical_xor``.
    """

@weak("x", "y")
@cached_node
@c("mlx_where", "array condition, array x, array y", returns="array")
@overload(
    "condition: Scalar | array, x: Scalar | array, y: Scalar | array, /, *, "
    "stream: StreamLike = None",
    "array",
)
@overload(
    "condition: array, /, *, size: int | None = None, "
    "fill_value: int | Sequence[int] | None = None, stream: StreamLike = None",
    "tuple[array, ...]",
)
def where(
    condition: Scalar | array,
    x: Scalar | array | None = None,
    y: Scalar | array | None = None,
    /,
    *,
    size: int | None = None,
    fill_value: int | Sequence[int] | None = None,
    stream: StreamLike = None,
) -> array | tuple[array, ...]:
    """Elements of ``x`` where a condition holds, of ``y`` elsewhere.

    Of a condition alone it gives the indices for which that holds: see :func:`nonzero`.

    Args:
        condition: Boolean array; other dtypes count nonzero as true.
        x: Array or scalar taken where ``condition`` is true.
        y: Array or scalar taken where ``condition`` is false.
        size: Number of indices, of a condition alone.
        fill_value: Index in the places left over, of a condition alone.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape of the three and the promoted dtype of ``x`` and ``y``; of a
        condition alone a tuple of a ``uint32`` vector for each axis.

    Raises:
        TypeError: If only one of ``x`` and ``y`` is given, or ``size`` beside them.
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.where(mx.array([True, False]), mx.array([1, 2]), 0)
        array([1, 0], dtype=int32)

    See: MLX ``mlx.core.where``; NumPy ``numpy.where``.
    """
    if x is None and y is None:
        condition = to_array(condition, "condition")
        return nonzero(condition, size=size, fill_value=fill_value, stream=stream)
    if x is None or y is None:
        raise WrongTypeError("where takes both x and y, or neither")
    if size is not None or fill_value is not None:
        raise WrongTypeError("size and fill_value are for a condition alone, without x and y")
