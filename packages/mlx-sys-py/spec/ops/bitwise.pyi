"""Operations on the bits of integers and booleans."""

@weak("a", "b")
@cached_node
@c("mlx_bitwise_and", "array a, array b")
def bitwise_and(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Bitwise AND of two integer or boolean arrays.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast or a dtype is not integer or boolean.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.bitwise_and(mx.array([6, 5]), 3)
        array([2, 1], dtype=int32)

    See: MLX ``mlx.core.bitwise_and``.
    """

@weak("a", "b")
@cached_node
@c("mlx_bitwise_or", "array a, array b")
def bitwise_or(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Bitwise OR of two integer or boolean arrays.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast or a dtype is not integer or boolean.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.bitwise_or(mx.array([6, 5]), 3)
        array([7, 7], dtype=int32)

    See: MLX ``mlx.core.bitwise_or``.
    """

@weak("a", "b")
@cached_node
@c("mlx_bitwise_xor", "array a, array b")
def bitwise_xor(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Bitwise exclusive OR of two integer or boolean arrays.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast or a dtype is not integer or boolean.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.bitwise_xor(mx.array([6, 5]), 3)
        array([5, 6], dtype=int32)

    See: MLX ``mlx.core.bitwise_xor``.
    """

@alias("bitwise_left_shift")
@weak("a", "b")
@cached_node
@c("mlx_left_shift", "array a, array b")
def left_shift(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Bits of ``a`` shifted left by ``b`` places.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast or a dtype is not integer or boolean.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.left_shift(mx.array([1, 3]), 2)
        array([4, 12], dtype=int32)

    See: MLX ``mlx.core.left_shift``.
    """

@alias("bitwise_right_shift")
@weak("a", "b")
@cached_node
@c("mlx_right_shift", "array a, array b")
def right_shift(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Bits of ``a`` shifted right by ``b`` places.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast or a dtype is not integer or boolean.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.right_shift(mx.array([8, 5]), 2)
        array([2, 1], dtype=int32)

    See: MLX ``mlx.core.right_shift``.
    """

@cached_node
@c("mlx_bitwise_invert", "array a")
def bitwise_invert(a: Scalar | array, stream: StreamLike = None) -> array:
    """Every bit of an integer or boolean array flipped.

    Args:
        a: Array or scalar, integer or boolean.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        ValueError: If ``a`` is neither integer nor boolean.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.bitwise_invert(mx.array([0, 7]))
        array([-1, -8], dtype=int32)

    See: MLX ``mlx.core.bitwise_invert``.
    """
