"""Distributions of counts."""

cpp_includes = ["core/random_distributions.hpp"]

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
