"""Exponentials, logarithms and their relatives, element by element."""

cpp_includes = ["core/numeric_functions.hpp"]

@method
@cached_node
@c("mlx_exp", "array a")
def exp(a: array, /, *, stream: StreamLike = None) -> array:
    """Exponential of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.exp(mx.array([0.0, 1.0]))
        array([1, 2.71828], dtype=float32)

    See: MLX ``mlx.core.exp``.
    """

@c("mlx_expm1", "array a", cpp="mlx_c::expm1")
def expm1(a: array, /, *, stream: StreamLike = None) -> array:
    """Exponential minus one, exact near zero.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.expm1(mx.array([0.0, 1e-6]))
        array([0, 1e-06], dtype=float32)

    See: MLX ``mlx.core.expm1``.
    """

@method
@cached_node
@c("mlx_log", "array a")
def log(a: array, /, *, stream: StreamLike = None) -> array:
    """Natural logarithm of every element.

    Zero gives negative infinity, a negative real number gives NaN.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.log(mx.array([1.0, mx.e]))
        array([0, 1], dtype=float32)

    See: MLX ``mlx.core.log``.
    """

@method
@cached_node
@c("mlx_log2", "array a")
def log2(a: array, /, *, stream: StreamLike = None) -> array:
    """Base-2 logarithm of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.log2(mx.array([1.0, 8.0]))
        array([0, 3], dtype=float32)

    See: MLX ``mlx.core.log2``.
    """

@method
@cached_node
@c("mlx_log10", "array a")
def log10(a: array, /, *, stream: StreamLike = None) -> array:
    """Base-10 logarithm of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.log10(mx.array([1.0, 100.0]))
        array([0, 2], dtype=float32)

    See: MLX ``mlx.core.log10``.
    """

@method
@cached_node
@c("mlx_log1p", "array a")
def log1p(a: array, /, *, stream: StreamLike = None) -> array:
    """Natural logarithm of one plus every element, exact near zero.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.log1p(mx.array([0.0, 1e-6]))
        array([0, 1e-06], dtype=float32)

    See: MLX ``mlx.core.log1p``.
    """

@cached_node
@c("mlx_sigmoid", "array a")
def sigmoid(a: array, /, *, stream: StreamLike = None) -> array:
    """Logistic function ``1 / (1 + exp(-a))`` of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sigmoid(mx.array([0.0, 2.0]))
        array([0.5, 0.880797], dtype=float32)

    See: MLX ``mlx.core.sigmoid``.
    """

@cached_node
@c("mlx_erf", "array a")
def erf(a: array, /, *, stream: StreamLike = None) -> array:
    """Error function of every element.

    The integral of the Gaussian ``2 / sqrt(pi) * exp(-t * t)`` from zero to the element.

    Args:
        a: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.erf(mx.array([0.5, 1.0]))
        array([0.5205, 0.842701], dtype=float32)

    See: MLX ``mlx.core.erf``.
    """

@cached_node
@c("mlx_erfinv", "array a")
def erfinv(a: array, /, *, stream: StreamLike = None) -> array:
    """Inverse of the error function for elements in ``(-1, 1)``.

    Args:
        a: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.erfinv(mx.array([0.0, 0.5]))
        array([0, 0.476936], dtype=float32)

    See: MLX ``mlx.core.erfinv``.
    """

@weak("a", "b")
@cached_node
@c("mlx_logaddexp", "array a, array b")
def logaddexp(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """``log(exp(a) + exp(b))`` without overflow.

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
        >>> mx.logaddexp(mx.array([0.0, 1000.0]), mx.array([0.0, 1000.0]))
        array([0.693147, 1000.69], dtype=float32)

    See: MLX ``mlx.core.logaddexp``.
    """
