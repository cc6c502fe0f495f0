"""The gamma function and its relatives."""

cpp_includes = ["core/special_functions.hpp"]

@alias("lgamma")
@c("mlx_special_gammaln", "array x", cpp="mlx_c::special::gammaln({x}, {s})")
def gammaln(x: array, /, *, stream: StreamLike = None) -> array:
    """Logarithm of the size of the gamma function.

    Infinite at zero and at negative integers.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.gammaln(mx.array([1.0, 5.0]))
        array([0, 3.17805], dtype=float32)

    See: SciPy ``scipy.special.gammaln``.
    """

@c("mlx_special_gamma", "array x", cpp="mlx_c::special::gamma({x}, {s})")
def gamma(x: array, /, *, stream: StreamLike = None) -> array:
    """The gamma function.

    NaN at negative integers, infinite at zero.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.gamma(mx.array([0.5, 5.0]))
        array([1.77245, 24], dtype=float32)

    See: SciPy ``scipy.special.gamma``.
    """

@alias("psi")
@c("mlx_special_digamma", "array x", cpp="mlx_c::special::digamma({x}, {s})")
def digamma(x: array, /, *, stream: StreamLike = None) -> array:
    """Derivative of the logarithm of the gamma function.

    NaN at negative integers, infinite at zero.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.digamma(mx.array([1.0, 2.0]))
        array([-0.577216, 0.422784], dtype=float32)

    See: SciPy ``scipy.special.digamma``.
    """

@c("mlx_special_polygamma", "array n, array x", cpp="mlx_c::special::polygamma({n}, {x}, {s})")
def polygamma(n: int | array, x: array, /, *, stream: StreamLike = None) -> array:
    """Derivative of :func:`digamma`, of any order.

    From order 2 on, NaN below zero.

    Args:
        n: Order, an integer of 0 or more, or an array of orders, which has no gradient.
        x: Real array, which broadcasts with ``n``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If ``n`` is a number but no integer of 0 or more, the shapes do not broadcast,
            or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.polygamma(1, mx.array([1.0, 2.0]))
        array([1.64493, 0.644934], dtype=float32)

    See: SciPy ``scipy.special.polygamma``.
    """

@weak("a", "b")
@c("mlx_special_beta", "array a, array b", cpp="mlx_c::special::beta({a}, {b}, {s})")
def beta(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """The beta function ``gamma(a) * gamma(b) / gamma(a + b)``.

    Args:
        a: Array or scalar, the first parameter.
        b: Array or scalar, the second parameter.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.beta(mx.array([1.0, 2.0]), 3)
        array([0.333333, 0.0833333], dtype=float32)

    See: SciPy ``scipy.special.beta``.
    """

@weak("a", "b")
@c("mlx_special_betaln", "array a, array b", cpp="mlx_c::special::betaln({a}, {b}, {s})")
def betaln(a: Scalar | array, b: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Logarithm of the size of the beta function.

    Args:
        a: Array or scalar, the first parameter.
        b: Array or scalar, the second parameter.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.betaln(mx.array([1.0]), 1)
        array([0], dtype=float32)

    See: SciPy ``scipy.special.betaln``.
    """

@c("mlx_special_multigammaln", "array a, int d", cpp="mlx_c::special::multigammaln({a}, {d}, {s})")
def multigammaln(a: array, d: int, /, *, stream: StreamLike = None) -> array:
    """Logarithm of the multivariate gamma function.

    Args:
        a: Real array of any shape, above ``(d - 1) / 2``.
        d: Dimension of the space, from 1 to 1000.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``; integers become ``float32``.

    Raises:
        ValueError: If ``d`` is out of its range or ``a`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.multigammaln(mx.array([2.0]), 1)
        array([0], dtype=float32)

    See: SciPy ``scipy.special.multigammaln``.
    """

@weak("a", "x")
@c("mlx_special_gammainc", "array a, array x", cpp="mlx_c::special::gammainc({a}, {x}, {s})")
def gammainc(a: Scalar | array, x: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Regularised lower incomplete gamma function.

    It runs on the CPU only, and has no gradient with respect to ``a``.

    Args:
        a: Array or scalar, the parameter, 0 or more.
        x: Array or scalar, the end of the integral, 0 or more.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast, an operand is complex, or the stream is not the
            CPU's.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.gammainc(mx.array([1.0]), 1, stream=mx.cpu)
        array([0.632121], dtype=float32)

    See: SciPy ``scipy.special.gammainc``.
    """

@weak("a", "x")
@c("mlx_special_gammaincc", "array a, array x", cpp="mlx_c::special::gammaincc({a}, {x}, {s})")
def gammaincc(a: Scalar | array, x: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Regularised upper incomplete gamma function, ``1 - gammainc(a, x)``.

    It runs on the CPU only, and has no gradient with respect to ``a``.

    Args:
        a: Array or scalar, the parameter, 0 or more.
        x: Array or scalar, the start of the integral, 0 or more.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast, an operand is complex, or the stream is not the
            CPU's.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.gammaincc(mx.array([1.0]), 1, stream=mx.cpu)
        array([0.367879], dtype=float32)

    See: SciPy ``scipy.special.gammaincc``.
    """

@weak("a", "b", "x")
@c(
    "mlx_special_betainc",
    "array a, array b, array x",
    cpp="mlx_c::special::betainc({a}, {b}, {x}, {s})",
)
def betainc(
    a: Scalar | array,
    b: Scalar | array,
    x: Scalar | array,
    /,
    *,
    stream: StreamLike = None,
) -> array:
    """Regularised incomplete beta function.

    It runs on the CPU only, and has no gradient with respect to ``a`` and ``b``.

    Args:
        a: Array or scalar, the first parameter, above 0.
        b: Array or scalar, the second parameter, above 0.
        x: Array or scalar, the end of the integral, from 0 to 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast, an operand is complex, or the stream is not the
            CPU's.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.betainc(mx.array([2.0]), 2, 0.5, stream=mx.cpu)
        array([0.5], dtype=float32)

    See: SciPy ``scipy.special.betainc``.
    """

@weak("x", "q")
@c("mlx_special_zeta", "array x, array q", cpp="mlx_c::special::zeta({x}, {q}, {s})")
def zeta(x: Scalar | array, q: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """The zeta function of Hurwitz: the sum of ``(q + k)**-x`` over all ``k`` from 0.

    There is a gradient with respect to ``q`` only.

    Args:
        x: Array or scalar, the exponent: infinite at 1, NaN below.
        q: Array or scalar, the first base: above 0, else infinite at integers and NaN elsewhere.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.zeta(mx.array([2.0]), 1)
        array([1.64493], dtype=float32)

    See: SciPy ``scipy.special.zeta``.
    """
