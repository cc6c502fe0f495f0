"""Signs, roots, rounding, bounds and complex parts, element by element."""

cpp_includes = ["core/numeric_functions.hpp", "core/special_values.hpp"]

@method
@cached_node
@c("mlx_abs", "array a")
def abs(a: array, /, *, stream: StreamLike = None) -> array:
    """Absolute value of every element; the magnitude of complex numbers.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``; ``float32`` if ``a`` is complex.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.abs(mx.array([-1.5, 2.0]))
        array([1.5, 2], dtype=float32)

    See: MLX ``mlx.core.abs``.
    """

@cached_node
@c("mlx_sign", "array a", cpp="mlx_c::sign")
def sign(a: array, /, *, stream: StreamLike = None) -> array:
    """Sign of every element: -1, 0 or 1; NaN of NaN.

    A complex element is divided by its magnitude; zero stays zero.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sign(mx.array([-3.0, 0.0, 5.0]))
        array([-1, 0, 1], dtype=float32)

    See: MLX ``mlx.core.sign``.
    """

@cached_node
@c("mlx_positive", "array a")
def positive(a: array, /, *, stream: StreamLike = None) -> array:
    """The array itself, unchanged: the unary plus.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.positive(mx.array([1, -2]))
        array([1, -2], dtype=int32)

    See: MLX ``mlx.core.positive``.
    """

@cached_node
@c("mlx_negative", "array a")
def negative(a: array, /, *, stream: StreamLike = None) -> array:
    """Every element with its sign turned.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        ValueError: If ``a`` is boolean.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.negative(mx.array([1.0, -2.0]))
        array([-1, 2], dtype=float32)

    See: MLX ``mlx.core.negative``.
    """

@method
@cached_node
@c("mlx_square", "array a")
def square(a: array, /, *, stream: StreamLike = None) -> array:
    """Every element times itself.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.square(mx.array([2.0, -3.0]))
        array([4, 9], dtype=float32)

    See: MLX ``mlx.core.square``.
    """

@method
@cached_node
@c("mlx_sqrt", "array a")
def sqrt(a: array, /, *, stream: StreamLike = None) -> array:
    """Square root of every element.

    Negative real numbers give NaN.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sqrt(mx.array([4.0, 9.0]))
        array([2, 3], dtype=float32)

    See: MLX ``mlx.core.sqrt``.
    """

@method
@cached_node
@c("mlx_rsqrt", "array a")
def rsqrt(a: array, /, *, stream: StreamLike = None) -> array:
    """One over the square root of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.rsqrt(mx.array([4.0, 16.0]))
        array([0.5, 0.25], dtype=float32)

    See: MLX ``mlx.core.rsqrt``.
    """

@method
@cached_node
@c("mlx_reciprocal", "array a")
def reciprocal(a: array, /, *, stream: StreamLike = None) -> array:
    """One over every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.reciprocal(mx.array([2.0, 4.0]))
        array([0.5, 0.25], dtype=float32)

    See: MLX ``mlx.core.reciprocal``.
    """

@cached_node
@c("mlx_floor", "array a")
def floor(a: array, /, *, stream: StreamLike = None) -> array:
    """Largest integer not above every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.floor(mx.array([1.7, -1.2]))
        array([1, -2], dtype=float32)

    See: MLX ``mlx.core.floor``.
    """

@cached_node
@c("mlx_ceil", "array a")
def ceil(a: array, /, *, stream: StreamLike = None) -> array:
    """Smallest integer not below every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.ceil(mx.array([1.2, -1.7]))
        array([2, -1], dtype=float32)

    See: MLX ``mlx.core.ceil``.
    """

@alias("fix")
@cached_node
@c("mlx_trunc", "array a")
def trunc(a: array, /, *, stream: StreamLike = None) -> array:
    """Every element without its fraction: rounded towards zero.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.trunc(mx.array([1.7, -1.7]))
        array([1, -1], dtype=float32)

    See: MLX ``mlx.core.trunc``.
    """

@cached_node
@c("mlx_real", "array a")
def real(a: array, /, *, stream: StreamLike = None) -> array:
    """Real part of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``; ``float32`` if ``a`` is complex, else ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.real(mx.array([1 + 2j, 3 - 4j]))
        array([1, 3], dtype=float32)

    See: MLX ``mlx.core.real``.
    """

@cached_node
@c("mlx_imag", "array a")
def imag(a: array, /, *, stream: StreamLike = None) -> array:
    """Imaginary part of every element.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``; zeros if ``a`` is real.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.imag(mx.array([1 + 2j, 3 - 4j]))
        array([2, -4], dtype=float32)

    See: MLX ``mlx.core.imag``.
    """

@alias("conjugate")
@method
@c("mlx_conjugate", "array a", cpp="mlx::core::conjugate")
def conj(a: array, *, stream: StreamLike = None) -> array:
    """Complex conjugate of every element; real arrays are unchanged.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.conj(mx.array([1 + 2j]))
        array([1-2j], dtype=complex64)

    See: MLX ``mlx.core.conj``.
    """

@method
@c("mlx_round", "array a, int decimals", cpp="mlx_c::round")
def round(a: array, /, decimals: int = 0, stream: StreamLike = None) -> array:
    """Every element rounded to a number of decimals, halves to even.

    Args:
        a: Input array of any shape and dtype.
        decimals: Digits kept after the point; negative ones round before it. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.round(mx.array([0.5, 1.5, 2.347]), 1)
        array([0.5, 1.5, 2.3], dtype=float32)

    See: MLX ``mlx.core.round``.
    """

@cached_node
@c("mlx_stop_gradient", "array a")
def stop_gradient(a: array, /, *, stream: StreamLike = None) -> array:
    """The same values, with no gradient flowing back through them.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.grad(lambda x: x * mx.stop_gradient(x))(mx.array(3.0))
        array(3, dtype=float32)

    See: MLX ``mlx.core.stop_gradient``.
    """

@weak("a", "min", "max")
@c(
    "mlx_clip",
    "array a, array? a_min, array? a_max",
    cpp="mlx_c::clip",
    a_min="min",
    a_max="max",
)
def clip(
    a: array,
    /,
    min: Scalar | array | None = None,
    max: Scalar | array | None = None,
    *,
    a_min: Scalar | array | None = None,
    a_max: Scalar | array | None = None,
    stream: StreamLike = None,
) -> array:
    """Every element held between a lower and an upper bound.

    NaN stays, and where a bound is NaN, so is the result. Without bounds, it is ``a``.

    Args:
        a: Input array of any shape and dtype.
        min: Lower bound, broadcast against ``a``; ``None`` (default) for no bound.
        max: Upper bound, broadcast against ``a``; ``None`` (default) for no bound.
        a_min: MLX's name of ``min``.
        a_max: MLX's name of ``max``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        TypeError: If both names of a bound are given.
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.clip(mx.array([-2, 0, 5]), 0, 3)
        array([0, 0, 3], dtype=int32)

    See: MLX ``mlx.core.clip``.
    """
    if a_min is not None:
        if min is not None:
            raise TypeError("clip takes one lower bound: min, or a_min, which MLX calls it")
        min = to_operand(a_min, a, a_max, "a_min")
    if a_max is not None:
        if max is not None:
            raise TypeError("clip takes one upper bound: max, or a_max, which MLX calls it")
        max = to_operand(a_max, a, min, "a_max")
    if min is None and max is None:
        a = to_array(a, "a")
        return astype(a, a.dtype, stream=stream)

@c(
    "mlx_nan_to_num",
    "array a, float nan, float? posinf, float? neginf",
    cpp="mlx_c::nan_to_num",
)
def nan_to_num(
    a: Scalar | array,
    nan: float = 0,
    posinf: float | None = None,
    neginf: float | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """NaN and the infinities replaced by finite numbers.

    Args:
        a: Array or scalar.
        nan: Number in place of NaN. Default 0.
        posinf: Number in place of infinity; ``None`` (default) is the largest of the dtype.
        neginf: Number in place of minus infinity; ``None`` (default) is the lowest of the dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nan_to_num(mx.array([mx.nan, mx.inf, 1.0]), posinf=9.0)
        array([0, 9, 1], dtype=float32)

    See: MLX ``mlx.core.nan_to_num``.
    """
