"""Trigonometric and hyperbolic functions, element by element."""

@method
@c("mlx_sin", "array a")
def sin(a: array, /, *, stream: StreamLike = None) -> array:
    """Sine of every element, in radians.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sin(mx.array([0.0, mx.pi / 2]))
        array([0, 1], dtype=float32)

    See: MLX ``mlx.core.sin``.
    """

@method
@c("mlx_cos", "array a")
def cos(a: array, /, *, stream: StreamLike = None) -> array:
    """Cosine of every element, in radians.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.cos(mx.array([0.0, mx.pi]))
        array([1, -1], dtype=float32)

    See: MLX ``mlx.core.cos``.
    """

@c("mlx_tan", "array a")
def tan(a: array, /, *, stream: StreamLike = None) -> array:
    """Tangent of every element, in radians.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.tan(mx.array([0.0, mx.pi / 4]))
        array([0, 1], dtype=float32)

    See: MLX ``mlx.core.tan``.
    """

@alias("asin")
@c("mlx_arcsin", "array a")
def arcsin(a: array, /, *, stream: StreamLike = None) -> array:
    """Inverse sine, in radians between -pi/2 and pi/2.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.arcsin(mx.array([0.0, 1.0]))
        array([0, 1.5708], dtype=float32)

    See: MLX ``mlx.core.arcsin``.
    """

@alias("acos")
@c("mlx_arccos", "array a")
def arccos(a: array, /, *, stream: StreamLike = None) -> array:
    """Inverse cosine, in radians between 0 and pi.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.arccos(mx.array([1.0, 0.0]))
        array([0, 1.5708], dtype=float32)

    See: MLX ``mlx.core.arccos``.
    """

@alias("atan")
@c("mlx_arctan", "array a")
def arctan(a: array, /, *, stream: StreamLike = None) -> array:
    """Inverse tangent, in radians between -pi/2 and pi/2.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.arctan(mx.array([0.0, 1.0]))
        array([0, 0.785398], dtype=float32)

    See: MLX ``mlx.core.arctan``.
    """

@c("mlx_sinh", "array a")
def sinh(a: array, /, *, stream: StreamLike = None) -> array:
    """Hyperbolic sine of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sinh(mx.array([0.0, 1.0]))
        array([0, 1.1752], dtype=float32)

    See: MLX ``mlx.core.sinh``.
    """

@c("mlx_cosh", "array a")
def cosh(a: array, /, *, stream: StreamLike = None) -> array:
    """Hyperbolic cosine of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.cosh(mx.array([0.0, 1.0]))
        array([1, 1.54308], dtype=float32)

    See: MLX ``mlx.core.cosh``.
    """

@c("mlx_tanh", "array a")
def tanh(a: array, /, *, stream: StreamLike = None) -> array:
    """Hyperbolic tangent of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.tanh(mx.array([0.0, 1.0]))
        array([0, 0.761594], dtype=float32)

    See: MLX ``mlx.core.tanh``.
    """

@alias("asinh")
@c("mlx_arcsinh", "array a")
def arcsinh(a: array, /, *, stream: StreamLike = None) -> array:
    """Inverse hyperbolic sine of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.arcsinh(mx.array([0.0, 1.0]))
        array([0, 0.881374], dtype=float32)

    See: MLX ``mlx.core.arcsinh``.
    """

@alias("acosh")
@c("mlx_arccosh", "array a")
def arccosh(a: array, /, *, stream: StreamLike = None) -> array:
    """Inverse hyperbolic cosine of elements not less than one.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.arccosh(mx.array([1.0, 2.0]))
        array([0, 1.31696], dtype=float32)

    See: MLX ``mlx.core.arccosh``.
    """

@alias("atanh")
@c("mlx_arctanh", "array a")
def arctanh(a: array, /, *, stream: StreamLike = None) -> array:
    """Inverse hyperbolic tangent of elements in ``(-1, 1)``.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.arctanh(mx.array([0.0, 0.5]))
        array([0, 0.549306], dtype=float32)

    See: MLX ``mlx.core.arctanh``.
    """

@alias("rad2deg")
@c("mlx_degrees", "array a")
def degrees(a: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Angles in radians turned into degrees.

    Args:
        a: Array or scalar of angles in radians.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.degrees(mx.array([0.0, mx.pi]))
        array([0, 180], dtype=float32)

    See: MLX ``mlx.core.degrees``.
    """

@alias("deg2rad")
@c("mlx_radians", "array a")
def radians(a: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Angles in degrees turned into radians.

    Args:
        a: Array or scalar of angles in degrees.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.radians(mx.array([0.0, 180.0]))
        array([0, 3.14159], dtype=float32)

    See: MLX ``mlx.core.radians``.
    """

@alias("atan2")
@weak("a", "b")
@c("mlx_arctan2", "array a, array b")
def arctan2(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Angle in radians of the points ``(b, a)``, with the right quadrant.

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
        >>> mx.arctan2(mx.array([1.0, -1.0]), mx.array([1.0, -1.0]))
        array([0.785398, -2.35619], dtype=float32)

    See: MLX ``mlx.core.arctan2``.
    """
