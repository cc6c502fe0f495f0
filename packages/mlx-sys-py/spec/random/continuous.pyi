"""Other continuous distributions."""

cpp_includes = ["core/random_distributions.hpp"]

@c(
    "mlx_random_lognormal",
    "array mean, array sigma, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::lognormal({mean}, {sigma}, {shape}, {dtype}, {key}, {s})",
)
def lognormal(
    mean: Scalar | array = 0.0,
    sigma: Scalar | array = 1.0,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers whose logarithms are normally distributed.

    Args:
        mean: Mean of the logarithm, broadcast to ``shape``. Default 0.0.
        sigma: Standard deviation of the logarithm, 0 or more, broadcast to ``shape``. Default 1.0.
        shape: Shape of the result; ``None`` (default) is what the parameters broadcast to.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.lognormal(2.0, 2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.lognormal``.
    """
    mean, sigma = to_array(mean, "mean"), to_array(sigma, "sigma")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (mean + sigma).shape

@c(
    "mlx_random_logistic",
    "array loc, array scale, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::logistic({loc}, {scale}, {shape}, {dtype}, {key}, {s})",
)
def logistic(
    loc: Scalar | array = 0.0,
    scale: Scalar | array = 1.0,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from logistic distributions.

    Args:
        loc: Mean, broadcast to ``shape``. Default 0.0.
        scale: Scale, 0 or more, broadcast to ``shape``. Default 1.0.
        shape: Shape of the result; ``None`` (default) is what the parameters broadcast to.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.logistic(2.0, 2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.logistic``.
    """
    loc, scale = to_array(loc, "loc"), to_array(scale, "scale")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (loc + scale).shape

@c(
    "mlx_random_cauchy",
    "array loc, array scale, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::cauchy({loc}, {scale}, {shape}, {dtype}, {key}, {s})",
)
def cauchy(
    loc: Scalar | array = 0.0,
    scale: Scalar | array = 1.0,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from Cauchy distributions.

    Args:
        loc: Median, broadcast to ``shape``. Default 0.0.
        scale: Scale, 0 or more, broadcast to ``shape``. Default 1.0.
        shape: Shape of the result; ``None`` (default) is what the parameters broadcast to.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.cauchy(2.0, 2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.standard_cauchy``.
    """
    loc, scale = to_array(loc, "loc"), to_array(scale, "scale")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (loc + scale).shape

@c(
    "mlx_random_pareto",
    "array a, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::pareto({a}, {shape}, {dtype}, {key}, {s})",
)
def pareto(
    a: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from Lomax distributions: Pareto's, less 1.

    Args:
        a: Shape parameter, above 0, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is that of ``a``.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.pareto(2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.pareto``.
    """
    a = to_array(a, "a")
    if dtype is None:
        dtype = float32
    if shape is None:
        shape = a.shape

@c(
    "mlx_random_rayleigh",
    "array scale, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::rayleigh({scale}, {shape}, {dtype}, {key}, {s})",
)
def rayleigh(
    scale: Scalar | array = 1.0,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from Rayleigh distributions.

    Args:
        scale: Scale, 0 or more, broadcast to ``shape``. Default 1.0.
        shape: Shape of the result; ``None`` (default) is that of ``scale``.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.rayleigh(2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.rayleigh``.
    """
    scale = to_array(scale, "scale")
    if dtype is None:
        dtype = float32
    if shape is None:
        shape = scale.shape

@c(
    "mlx_random_weibull",
    "array a, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::weibull({a}, {shape}, {dtype}, {key}, {s})",
)
def weibull(
    a: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from Weibull distributions.

    Args:
        a: Shape parameter, above 0, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is that of ``a``.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.weibull(2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.weibull``.
    """
    a = to_array(a, "a")
    if dtype is None:
        dtype = float32
    if shape is None:
        shape = a.shape

@c(
    "mlx_random_wald",
    "array mean, array scale, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::wald({mean}, {scale}, {shape}, {dtype}, {key}, {s})",
)
def wald(
    mean: Scalar | array,
    scale: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from inverse Gaussian distributions.

    Args:
        mean: Mean, above 0, broadcast to ``shape``.
        scale: Scale, above 0, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is what the parameters broadcast to.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.wald(2.0, 2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.wald``.
    """
    mean, scale = to_array(mean, "mean"), to_array(scale, "scale")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (mean + scale).shape

@c(
    "mlx_random_triangular",
    "array left, array mode, array right, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::triangular({left}, {mode}, {right}, {shape}, {dtype}, {key}, {s})",
)
def triangular(
    left: Scalar | array,
    mode: Scalar | array,
    right: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from triangular distributions.

    Args:
        left: Lower limit, broadcast to ``shape``.
        mode: Where the peak is, broadcast to ``shape``.
        right: Upper limit, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is what the parameters broadcast to.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.triangular(0, 1, 3, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.triangular``.
    """
    left, mode, right = to_array(left, "left"), to_array(mode, "mode"), to_array(right, "right")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (left + mode + right).shape

@c(
    "mlx_random_vonmises",
    "array mu, array kappa, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::vonmises({mu}, {kappa}, {shape}, {dtype}, {key}, {s})",
)
def vonmises(
    mu: Scalar | array,
    kappa: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Angles from von Mises distributions, between -pi and pi.

    There is no gradient with respect to ``kappa``.

    Args:
        mu: Angle of the peak, broadcast to ``shape``.
        kappa: Concentration, 0 or more, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is what the parameters broadcast to.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.vonmises(2.0, 2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.vonmises``.
    """
    mu, kappa = to_array(mu, "mu"), to_array(kappa, "kappa")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (mu + kappa).shape
