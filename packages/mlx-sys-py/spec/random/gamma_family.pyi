"""Exponential and gamma distributions and what is made of them."""

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
