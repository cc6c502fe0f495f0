"""Arithmetic on two arrays, element by element."""

cpp_includes = [
    "core/complex_numbers.hpp",
    "core/integer_division.hpp",
    "core/numeric_functions.hpp",
]

@weak("a", "b")
@cached_node
@c("mlx_add", "array a, array b")
def add(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Sum of two arrays, element by element.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.add(mx.array([1, 2]), 0.5)
        array([1.5, 2.5], dtype=float32)

    See: MLX ``mlx.core.add``.
    """

@weak("a", "b")
@cached_node
@c("mlx_subtract", "array a, array b")
def subtract(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Difference of two arrays, element by element.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.subtract(mx.array([1, 2]), mx.array([[10], [20]]))
        array([[-9, -8],
               [-19, -18]], dtype=int32)

    See: MLX ``mlx.core.subtract``.
    """

@weak("a", "b")
@cached_node
@c("mlx_multiply", "array a, array b")
def multiply(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Product of two arrays, element by element.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.multiply(mx.array([1.0, 2.0]), 3)
        array([3, 6], dtype=float32)

    See: MLX ``mlx.core.multiply``.
    """

@weak("a", "b")
@cached_node
@c("mlx_divide", "array a, array b")
def divide(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """True quotient of two arrays, element by element.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.divide(mx.array([1, 2]), 4)
        array([0.25, 0.5], dtype=float32)

    See: MLX ``mlx.core.divide``.
    """

@weak("a", "b")
@c(
    "mlx_floor_divide",
    "array a, array b",
    cpp=(
        "mlx_c::may_fault({a}, {b}) ? mlx_c::floor_divide({a}, {b}, {s})"
        " : mlx::core::floor_divide({a}, {b}, {s})"
    ),
    check="mlx_c::check_rounds({a}, {b})",
)
def floor_divide(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Quotient of two arrays, rounded down.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.
        The quotient of an integer and zero is 0.

    Raises:
        ValueError: If the shapes do not broadcast, or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.floor_divide(mx.array([7, 9]), 2)
        array([3, 4], dtype=int32)

    See: MLX ``mlx.core.floor_divide``.
    """

@weak("a", "b")
@c(
    "mlx_remainder",
    "array a, array b",
    cpp=(
        "mlx_c::may_fault({a}, {b}) ? mlx_c::remainder({a}, {b}, {s})"
        " : mlx_c::like_divisor(mlx::core::remainder({a}, {b}, {s}), {b}, {s})"
    ),
)
def remainder(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Remainder of the division of two arrays, with the sign of the divisor.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.
        The remainder of an integer and zero is the integer; a floating-point 0 has the sign of
        ``b``.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.remainder(mx.array([7, -7]), 4)
        array([3, 1], dtype=int32)

    See: MLX ``mlx.core.remainder``.
    """

@weak("a", "b")
@c(
    "mlx_divmod",
    "array a, array b",
    cpp=(
        "mlx_c::may_fault({a}, {b}) ? mlx_c::divmod({a}, {b}, {s})"
        " : mlx::core::divmod({a}, {b}, {s})"
    ),
)
def divmod(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> list[array]:
    """Floor quotient and remainder of two arrays at once.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``[floor_divide(a, b), remainder(a, b)]``.
        With integers and zero, these are 0 and ``a``.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.divmod(mx.array([7, 9]), 2)
        [array([3, 4], dtype=int32), array([1, 1], dtype=int32)]

    See: MLX ``mlx.core.divmod``.
    """

@alias("pow")
@weak("a", "b")
@cached_node
@c("mlx_power", "array a, array b", cpp="mlx_c::power")
def power(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """``a`` raised to the power ``b``, element by element.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.power(mx.array([2.0, 3.0]), 2)
        array([4, 9], dtype=float32)

    See: MLX ``mlx.core.power``.
    """

@weak("a", "b")
@cached_node
@c("mlx_maximum", "array a, array b")
def maximum(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """The larger of two arrays, element by element; NaN wins.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.maximum(mx.array([1, 5]), 3)
        array([3, 5], dtype=int32)

    See: MLX ``mlx.core.maximum``.
    """

@weak("a", "b")
@cached_node
@c("mlx_minimum", "array a, array b")
def minimum(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """The smaller of two arrays, element by element; NaN wins.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.minimum(mx.array([1, 5]), 3)
        array([1, 3], dtype=int32)

    See: MLX ``mlx.core.minimum``.
    """
