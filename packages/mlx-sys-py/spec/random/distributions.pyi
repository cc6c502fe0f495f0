"""Distributions that NumPy has and MLX lacks."""

cpp_includes = ["core/random_distributions.hpp"]

@c(
    "mlx_random_exponential",
    "array scale, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::exponential({scale}, {shape}, {dtype}, {key}, {s})",
)
def exponential(
    scale: Scalar | array = 1.0,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Exponentially distributed numbers.

    Args:
        scale: Mean, 0 or more, broadcast to ``shape``. Default 1.0.
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
        >>> mx.random.exponential(2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.exponential``.
    """
    scale = to_array(scale, "scale")
    if dtype is None:
        dtype = float32
    if shape is None:
        shape = scale.shape

@c(
    "mlx_random_gamma",
    "array a, array scale, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::gamma({a}, {scale}, {shape}, {dtype}, {key}, {s})",
)
def gamma(
    a: Scalar | array,
    scale: Scalar | array = 1.0,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Gamma-distributed numbers.

    There is no gradient with respect to ``a``.

    Args:
        a: Shape parameter, above 0, broadcast to ``shape``.
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
        >>> mx.random.gamma(2.0, 2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.gamma``.
    """
    a, scale = to_array(a, "a"), to_array(scale, "scale")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (a + scale).shape

@c(
    "mlx_random_beta",
    "array a, array b, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::beta({a}, {b}, {shape}, {dtype}, {key}, {s})",
)
def beta(
    a: Scalar | array,
    b: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Beta-distributed numbers, between 0 and 1.

    There is no gradient with respect to the parameters.

    Args:
        a: First parameter, above 0, broadcast to ``shape``.
        b: Second parameter, above 0, broadcast to ``shape``.
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
        >>> mx.random.beta(2.0, 2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.beta``.
    """
    a, b = to_array(a, "a"), to_array(b, "b")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (a + b).shape

@c(
    "mlx_random_chisquare",
    "array df, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::chisquare({df}, {shape}, {dtype}, {key}, {s})",
)
def chisquare(
    df: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from chi-square distributions.

    There is no gradient with respect to ``df``.

    Args:
        df: Degrees of freedom, above 0, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is that of ``df``.
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
        >>> mx.random.chisquare(2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.chisquare``.
    """
    df = to_array(df, "df")
    if dtype is None:
        dtype = float32
    if shape is None:
        shape = df.shape

@c(
    "mlx_random_f",
    "array dfnum, array dfden, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::f({dfnum}, {dfden}, {shape}, {dtype}, {key}, {s})",
)
def f(
    dfnum: Scalar | array,
    dfden: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from F distributions.

    There is no gradient with respect to the parameters.

    Args:
        dfnum: Degrees of freedom of the numerator, above 0, broadcast to ``shape``.
        dfden: Degrees of freedom of the denominator, above 0, broadcast to ``shape``.
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
        >>> mx.random.f(2.0, 2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.f``.
    """
    dfnum, dfden = to_array(dfnum, "dfnum"), to_array(dfden, "dfden")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (dfnum + dfden).shape

@c(
    "mlx_random_standard_t",
    "array df, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::standard_t({df}, {shape}, {dtype}, {key}, {s})",
)
def standard_t(
    df: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from Student's t distributions.

    There is no gradient with respect to ``df``.

    Args:
        df: Degrees of freedom, above 0, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is that of ``df``.
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
        >>> mx.random.standard_t(2.0, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.standard_t``.
    """
    df = to_array(df, "df")
    if dtype is None:
        dtype = float32
    if shape is None:
        shape = df.shape

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

@c(
    "mlx_random_poisson",
    "array lam, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::poisson({lam}, {shape}, {dtype}, {key}, {s})",
)
def poisson(
    lam: Scalar | array = 1.0,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = int32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers of events, from Poisson distributions.

    Args:
        lam: Mean, 0 or more, below ``2**31``, broadcast to ``shape``. Default 1.0.
        shape: Shape of the result; ``None`` (default) is that of ``lam``.
        dtype: Integer or floating-point type of the result. Default ``int32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype; -1 where a parameter is out of its range.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.poisson(0.5, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.poisson``.
    """
    lam = to_array(lam, "lam")
    if dtype is None:
        dtype = int32
    if shape is None:
        shape = lam.shape

@c(
    "mlx_random_binomial",
    "array n, array p, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::binomial({n}, {p}, {shape}, {dtype}, {key}, {s})",
)
def binomial(
    n: Scalar | array,
    p: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = int32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers of successes, from binomial distributions.

    Args:
        n: Trials, an integer from 0 to ``2**24``, broadcast to ``shape``.
        p: Probability of success, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is what the parameters broadcast to.
        dtype: Integer or floating-point type of the result. Default ``int32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype; -1 where a parameter is out of its range.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.binomial(10, 0.5, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.binomial``.
    """
    n, p = to_array(n, "n"), to_array(p, "p")
    if dtype is None:
        dtype = int32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (n + p).shape

@c(
    "mlx_random_negative_binomial",
    "array n, array p, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::negative_binomial({n}, {p}, {shape}, {dtype}, {key}, {s})",
)
def negative_binomial(
    n: Scalar | array,
    p: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = int32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers of failures before ``n`` successes.

    Args:
        n: Successes, above 0, broadcast to ``shape``.
        p: Probability of success, above 0, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is what the parameters broadcast to.
        dtype: Integer or floating-point type of the result. Default ``int32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype; -1 where a parameter is out of its range.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.negative_binomial(0.5, 0.5, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.negative_binomial``.
    """
    n, p = to_array(n, "n"), to_array(p, "p")
    if dtype is None:
        dtype = int32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (n + p).shape

@c(
    "mlx_random_geometric",
    "array p, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::geometric({p}, {shape}, {dtype}, {key}, {s})",
)
def geometric(
    p: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = int32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers of trials up to the first success.

    Args:
        p: Probability of success, above 0, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is that of ``p``.
        dtype: Integer or floating-point type of the result. Default ``int32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype; -1 where a parameter is out of its range.

    Raises:
        ValueError: If a parameter is a number out of its range, the shapes do not broadcast, or
            ``dtype`` is no such type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.geometric(0.5, shape=(2, 3), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.geometric``.
    """
    p = to_array(p, "p")
    if dtype is None:
        dtype = int32
    if shape is None:
        shape = p.shape

@c(
    "mlx_random_dirichlet",
    "array alpha, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::dirichlet({alpha}, {shape}, {dtype}, {key}, {s})",
)
def dirichlet(
    alpha: array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Vectors of probabilities from Dirichlet distributions.

    There is no gradient with respect to ``alpha``.

    Args:
        alpha: Concentrations along the last axis, above 0.
        shape: Axes of the result before the last, to which those of ``alpha`` broadcast; ``None``
            (default) is those of ``alpha``.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(*shape, n)``, whose sums over the last axis are 1.

    Raises:
        ValueError: If ``alpha`` is a number, the shapes do not broadcast or ``dtype`` is not
            floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.dirichlet(mx.array([1.0, 2.0, 3.0]), (2,), key=mx.random.key(7)).shape
        (2, 3)

    See: NumPy ``numpy.random.Generator.dirichlet``.
    """
    alpha = to_array(alpha, "alpha")
    if dtype is None:
        dtype = float32
    if shape is None:
        shape = alpha.shape[:-1]

@c(
    "mlx_random_multinomial",
    "array n, array pvals, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::multinomial({n}, {pvals}, {shape}, {dtype}, {key}, {s})",
)
def multinomial(
    n: Scalar | array,
    pvals: array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = int32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """How often each category comes up in a number of trials.

    Args:
        n: Trials, integers from 0 to ``2**24``, broadcast to ``shape``.
        pvals: Probabilities along the last axis, whose sum is taken for 1.
        shape: Axes of the result before the last; ``None`` (default) is what ``n`` and the leading
            axes of ``pvals`` broadcast to.
        dtype: Integer or floating-point type of the result. Default ``int32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(*shape, categories)``, whose sums over the last axis are ``n``.

    Raises:
        ValueError: If ``pvals`` is a number, the shapes do not broadcast or ``dtype`` is no such
            type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.multinomial(6, mx.array([0.25, 0.75]), key=mx.random.key(7)).sum()
        array(6, dtype=int32)

    See: NumPy ``numpy.random.Generator.multinomial``.
    """
    n, pvals = to_array(n, "n"), to_array(pvals, "pvals")
    if dtype is None:
        dtype = int32
    if shape is None:
        # The sum is never evaluated: it only says what the parameters broadcast to.
        shape = (n + pvals[..., 0]).shape if pvals.ndim and pvals.shape[-1] else ()

@c(
    "mlx_random_rademacher",
    "shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::rademacher({shape}, {dtype}, {key}, {s})",
)
def rademacher(
    shape: Sequence[int] = (),
    dtype: Dtype | None = int32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Signs: 1 and -1 with the same probability.

    Args:
        shape: Shape of the result. Default ``()``.
        dtype: Type of the result, one with negative numbers. Default ``int32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape and dtype.

    Raises:
        ValueError: If ``dtype`` has no negative numbers.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.rademacher((2, 3), key=mx.random.key(7)).abs().sum()
        array(6, dtype=int32)

    See: JAX ``jax.random.rademacher``.
    """
    if dtype is None:
        dtype = int32

@c(
    "mlx_random_choice",
    "int count, shape shape, bool replace, array? p, array? key",
    cpp="mlx_c::random::choice({count}, {shape}, {replace}, {p}, {key}, {s})",
)
def _choice(
    count: int,
    shape: Sequence[int],
    replace: bool,
    p: array | None,
    key: array | None,
    stream: StreamLike = None,
) -> array:
    """Indices below a count, chosen with given probabilities."""

def choice(
    a: int | array,
    shape: Sequence[int] = (),
    replace: bool = True,
    p: array | None = None,
    axis: int = 0,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Slices of an array, or numbers below a bound, chosen at random.

    Args:
        a: Array, or an integer for the numbers from 0 up to it.
        shape: Shape of the choice, which takes the place of ``axis``. Default ``()``, one.
        replace: Whether the same may be chosen again. Default ``True``.
        p: Probabilities, or what is proportional to them; ``None`` (default) for the same for all.
        axis: Axis to choose along. Default 0.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``a``; ``uint32`` for an integer.

    Raises:
        IndexError: If ``axis`` is out of bounds.
        ValueError: If there is nothing to choose from, too little without replacement, or
            ``p`` does not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sort(mx.random.choice(3, (3,), replace=False))
        array([0, 1, 2], dtype=uint32)

    See: NumPy ``numpy.random.Generator.choice``.
    """
    if isinstance(a, int):
        return _choice(a, shape, replace, p, key, stream)
    a = to_array(a, "a")
    axis = to_int(axis, "axis")
    if not -a.ndim <= axis < a.ndim:
        raise OutOfRangeError(f"axis {axis} is out of bounds for an array of {a.ndim} axes")
    return a.take(_choice(a.shape[axis], shape, replace, p, key, stream), axis, stream=stream)
