"""The error function, the normal and the logistic distribution."""

cpp_includes = ["core/special_functions.hpp"]

@c("mlx_special_erf", "array x", cpp="mlx::core::erf")
def erf(x: array, /, *, stream: StreamLike = None) -> array:
    """Error function; :func:`mlx_core_py.erf`.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.erf(mx.array([0.5]))
        array([0.5205], dtype=float32)

    See: SciPy ``scipy.special.erf``.
    """

@c("mlx_special_erfc", "array x", cpp="mlx_c::special::erfc({x}, {s})")
def erfc(x: array, /, *, stream: StreamLike = None) -> array:
    """Complementary error function ``1 - erf(x)``, with all digits where it is small.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.erfc(mx.array([0.0, 1.0]))
        array([1, 0.157299], dtype=float32)

    See: SciPy ``scipy.special.erfc``.
    """

@c("mlx_special_erfcx", "array x", cpp="mlx_c::special::erfcx({x}, {s})")
def erfcx(x: array, /, *, stream: StreamLike = None) -> array:
    """Scaled complementary error function ``exp(x**2) * erfc(x)``.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.erfcx(mx.array([0.0, 1.0]))
        array([1, 0.427584], dtype=float32)

    See: SciPy ``scipy.special.erfcx``.
    """

@c("mlx_special_erfinv", "array x", cpp="mlx::core::erfinv")
def erfinv(x: array, /, *, stream: StreamLike = None) -> array:
    """Inverse of the error function; :func:`mlx_core_py.erfinv`.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.erfinv(mx.array([0.5]))
        array([0.476936], dtype=float32)

    See: SciPy ``scipy.special.erfinv``.
    """

@c("mlx_special_ndtr", "array x", cpp="mlx_c::special::ndtr({x}, {s})")
def ndtr(x: array, /, *, stream: StreamLike = None) -> array:
    """Distribution function of the standard normal distribution.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.ndtr(mx.array([0.0, 1.0]))
        array([0.5, 0.841345], dtype=float32)

    See: SciPy ``scipy.special.ndtr``.
    """

@c("mlx_special_log_ndtr", "array x", cpp="mlx_c::special::log_ndtr({x}, {s})")
def log_ndtr(x: array, /, *, stream: StreamLike = None) -> array:
    """Logarithm of :func:`ndtr`, with all digits where that is 0 or 1.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.log_ndtr(mx.array([0.0, -20.0]))
        array([-0.693147, -203.917], dtype=float32)

    See: SciPy ``scipy.special.log_ndtr``.
    """

@c("mlx_special_ndtri", "array x", cpp="mlx_c::special::ndtri({x}, {s})")
def ndtri(x: array, /, *, stream: StreamLike = None) -> array:
    """Inverse of :func:`ndtr`: quantiles of the standard normal distribution.

    NaN outside 0 to 1.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.ndtri(mx.array([0.5, 0.975]))
        array([0, 1.95996], dtype=float32)

    See: SciPy ``scipy.special.ndtri``.
    """

@c("mlx_special_expit", "array x", cpp="mlx::core::sigmoid")
def expit(x: array, /, *, stream: StreamLike = None) -> array:
    """Logistic function ``1 / (1 + exp(-x))``; :func:`mlx_core_py.sigmoid`.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.expit(mx.array([0.0, 2.0]))
        array([0.5, 0.880797], dtype=float32)

    See: SciPy ``scipy.special.expit``.
    """

@c("mlx_special_logit", "array x", cpp="mlx_c::special::logit({x}, {s})")
def logit(x: array, /, *, stream: StreamLike = None) -> array:
    """``log(x / (1 - x))``, the inverse of :func:`expit`.

    NaN outside 0 to 1.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.logit(mx.array([0.5, 0.75]))
        array([0, 1.09861], dtype=float32)

    See: SciPy ``scipy.special.logit``.
    """
