"""Parts of numbers, and arithmetic that NumPy has and MLX lacks, element by element."""

cpp_includes = ["core/numeric_functions.hpp"]

@weak("a", "b")
@c("mlx_copysign", "array a, array b", cpp="mlx_c::copysign({a}, {b}, {s})")
def copysign(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """The size of one number with the sign of another, element by element.

    Args:
        a: Array or scalar with the sizes.
        b: Array or scalar with the signs, that of zero and NaN among them.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.copysign(mx.array([1.0, -2.0]), mx.array([-0.0, 3.0]))
        array([-1, 2], dtype=float32)

    See: NumPy ``numpy.copysign``.
    """

@c("mlx_signbit", "array a", cpp="mlx_c::signbit({a}, {s})")
def signbit(a: array, /, *, stream: StreamLike = None) -> array:
    """Where the sign is set: negative numbers, minus zero, NaN with a sign.

    Args:
        a: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the shape of ``a``.

    Raises:
        ValueError: If ``a`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.signbit(mx.array([-1.0, -0.0, 0.0]))
        array([True, True, False], dtype=bool)

    See: NumPy ``numpy.signbit``.
    """

@weak("a", "b")
@c("mlx_hypot", "array a, array b", cpp="mlx_c::hypot({a}, {b}, {s})")
def hypot(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Square root of the sum of squares, without overflow in between.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.hypot(mx.array([3.0, 5.0]), mx.array([4.0, 12.0]))
        array([5, 13], dtype=float32)

    See: NumPy ``numpy.hypot``.
    """

@weak("a", "b")
@c("mlx_nextafter", "array a, array b", cpp="mlx_c::nextafter({a}, {b}, {s})")
def nextafter(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """The next number of the type after one in the direction of another.

    Args:
        a: Array or scalar to start from.
        b: Array or scalar to go towards.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nextafter(mx.array([1.0]), 2) - 1
        array([1.19209e-07], dtype=float32)

    See: NumPy ``numpy.nextafter``.
    """

@c("mlx_spacing", "array a", cpp="mlx_c::spacing({a}, {s})")
def spacing(a: array, /, *, stream: StreamLike = None) -> array:
    """Distance to the next number away from zero, with the sign of the element.

    Args:
        a: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.
        NaN for infinities and NaN.

    Raises:
        ValueError: If ``a`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.spacing(mx.array([1.0, 1024.0]))
        array([1.19209e-07, 0.00012207], dtype=float32)

    See: NumPy ``numpy.spacing``.
    """

@weak("a", "b")
@c("mlx_fmax", "array a, array b", cpp="mlx_c::fmax({a}, {b}, {s})")
def fmax(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """The larger of two arrays, element by element; a number wins over NaN.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fmax(mx.array([1.0, mx.nan]), 0.5)
        array([1, 0.5], dtype=float32)

    See: NumPy ``numpy.fmax``.
    """

@weak("a", "b")
@c("mlx_fmin", "array a, array b", cpp="mlx_c::fmin({a}, {b}, {s})")
def fmin(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """The smaller of two arrays, element by element; a number wins over NaN.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fmin(mx.array([1.0, mx.nan]), 0.5)
        array([0.5, 0.5], dtype=float32)

    See: NumPy ``numpy.fmin``.
    """

@weak("a", "b")
@c("mlx_fmod", "array a, array b", cpp="mlx_c::fmod({a}, {b}, {s})")
def fmod(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Remainder of the division of two arrays, with the sign of the dividend.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.
        The remainder of an integer and zero is the integer.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fmod(mx.array([7.0, -7.0]), 4)
        array([3, -3], dtype=float32)

    See: NumPy ``numpy.fmod``.
    """

@c("mlx_modf", "array a", cpp="mlx_c::modf({a}, {s})")
def modf(a: array, /, *, stream: StreamLike = None) -> tuple[array, array]:
    """Fractional and integral part of every element, both with its sign.

    Args:
        a: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Two floating-point arrays of the shape of ``a``: the fractions and the integral parts.

    Raises:
        ValueError: If ``a`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.modf(mx.array([1.5, -2.25]))
        (array([0.5, -0.25], dtype=float32), array([1, -2], dtype=float32))

    See: NumPy ``numpy.modf``.
    """

@c("mlx_frexp", "array a", cpp="mlx_c::frexp({a}, {s})")
def frexp(a: array, /, *, stream: StreamLike = None) -> tuple[array, array]:
    """Mantissa and exponent of every element: ``a`` is ``mantissa * 2**exponent``.

    The parts have no gradient.

    Args:
        a: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        A floating-point array of mantissas, whose sizes lie from 0.5 up to 1, and an ``int32``
        array of exponents. Zero, infinities and NaN are their own mantissas, with the exponent 0.

    Raises:
        ValueError: If ``a`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.frexp(mx.array([8.0, 0.75]))
        (array([0.5, 0.75], dtype=float32), array([4, 0], dtype=int32))

    See: NumPy ``numpy.frexp``.
    """

@c("mlx_ldexp", "array a, array b", cpp="mlx_c::ldexp({a}, {b}, {s})")
def ldexp(a: Scalar | array, b: int | array, /, *, stream: StreamLike = None) -> array:
    """Every element times a power of two, rounded once.

    Args:
        a: Array or scalar, the factor.
        b: Integer exponents, which broadcast with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape, in the type of ``a``; integers become
        ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast, ``a`` is complex, or ``b`` does not hold
            integers.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.ldexp(mx.array([1.0, 0.5]), mx.array([3, 2]))
        array([8, 2], dtype=float32)

    See: NumPy ``numpy.ldexp``.
    """

@c("mlx_cbrt", "array a", cpp="mlx_c::cbrt({a}, {s})")
def cbrt(a: array, /, *, stream: StreamLike = None) -> array:
    """Real cube root of every element.

    Args:
        a: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        ValueError: If ``a`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.cbrt(mx.array([27.0, -8.0]))
        array([3, -2], dtype=float32)

    See: NumPy ``numpy.cbrt``.
    """

@c("mlx_exp2", "array a", cpp="mlx_c::exp2({a}, {s})")
def exp2(a: array, /, *, stream: StreamLike = None) -> array:
    """Two to the power of every element.

    Args:
        a: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        ValueError: If ``a`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.exp2(mx.array([3.0, -1.0]))
        array([8, 0.5], dtype=float32)

    See: NumPy ``numpy.exp2``.
    """

@weak("a", "b")
@c("mlx_logaddexp2", "array a, array b", cpp="mlx_c::logaddexp2({a}, {b}, {s})")
def logaddexp2(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """``log2(2**a + 2**b)`` without overflow.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.logaddexp2(mx.array([3.0]), 3)
        array([4], dtype=float32)

    See: NumPy ``numpy.logaddexp2``.
    """

@weak("a", "b")
@c("mlx_heaviside", "array a, array b", cpp="mlx_c::heaviside({a}, {b}, {s})")
def heaviside(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """The step function: 0 below zero, 1 above, and ``b`` at zero.

    Args:
        a: Array or scalar to look at; NaN stays.
        b: Array or scalar with the values at zero.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.heaviside(mx.array([-1.0, 0.0, 2.0]), 0.5)
        array([0, 0.5, 1], dtype=float32)

    See: NumPy ``numpy.heaviside``.
    """

@c("mlx_sinc", "array a", cpp="mlx_c::sinc({a}, {s})")
def sinc(a: array, /, *, stream: StreamLike = None) -> array:
    """``sin(pi a) / (pi a)`` of every element, 1 at zero.

    Args:
        a: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        ValueError: If ``a`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sinc(mx.array([0.0, 0.5]))
        array([1, 0.63662], dtype=float32)

    See: NumPy ``numpy.sinc``.
    """

@weak("a", "b")
@c("mlx_gcd", "array a, array b", cpp="mlx_c::gcd({a}, {b}, {s})")
def gcd(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Greatest common divisor of two integers, element by element; that of zeros is 0.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.

    Raises:
        ValueError: If the shapes do not broadcast or an operand does not hold integers.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.gcd(mx.array([12, 7]), 18)
        array([6, 1], dtype=int32)

    See: NumPy ``numpy.gcd``.
    """

@weak("a", "b")
@c("mlx_lcm", "array a, array b", cpp="mlx_c::lcm({a}, {b}, {s})")
def lcm(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Least common multiple of two integers, element by element; that with zero is 0.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype.
        What does not fit the type wraps round.

    Raises:
        ValueError: If the shapes do not broadcast or an operand does not hold integers.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.lcm(mx.array([4, 7]), 6)
        array([12, 42], dtype=int32)

    See: NumPy ``numpy.lcm``.
    """

@weak("a", "b")
@c("mlx_float_power", "array a, array b", cpp="mlx_c::float_power({a}, {b}, {s})")
def float_power(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """``a`` raised to the power ``b``, as floating-point numbers.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and promoted dtype; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.float_power(mx.array([2, 3]), -1)
        array([0.5, 0.333333], dtype=float32)

    See: NumPy ``numpy.float_power``, which computes in ``float64``.
    """

@c("mlx_rint", "array a", cpp="mlx_c::rint({a}, {s})")
def rint(a: array, /, *, stream: StreamLike = None) -> array:
    """Every element rounded to the nearest integer, halves to even.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.rint(mx.array([0.5, 1.5, -1.7]))
        array([0, 2, -2], dtype=float32)

    See: NumPy ``numpy.rint``.
    """
