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
@c("mlx_where", "array condition, array x, array y")
def where(
    condition: Scalar | array, x: Scalar | array, y: Scalar | array, /, *, stream: StreamLike = None
) -> array:
    """Elements of ``x`` where a condition holds, of ``y`` elsewhere.

    Args:
        condition: Boolean array; other dtypes count nonzero as true.
        x: Array or scalar taken where ``condition`` is true.
        y: Array or scalar taken where ``condition`` is false.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape of the three and the promoted dtype of ``x`` and ``y``.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.where(mx.array([True, False]), mx.array([1, 2]), 0)
        array([1, 0], dtype=int32)

    See: MLX ``mlx.core.where``.
    """
