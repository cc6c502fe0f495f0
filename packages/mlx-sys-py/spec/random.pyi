"""Random numbers, from a state of every thread or from explicit keys."""

cpp_includes = ["core/random_numbers.hpp", "cpu/ops/fused_ops.hpp"]

@c("mlx_random_seed", "uint64 seed", stream=False)
def seed(seed: int) -> None:
    """Start the random state of this thread afresh.

    Args:
        seed: Integer from 0 up to, not including, ``2**64``.

    Returns:
        Nothing.

    Raises:
        ValueError: If ``seed`` is out of range.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.seed(7)

    See: MLX ``mlx.core.random.seed``.
    """

@c("mlx_random_key", "uint64 seed", stream=False)
def key(seed: int) -> array:
    """A key to draw random numbers from.

    The same key always gives the same numbers; :func:`split` makes independent ones.

    Args:
        seed: Integer from 0 up to, not including, ``2**64``.

    Returns:
        ``uint32`` array of shape ``(2,)``.

    Raises:
        ValueError: If ``seed`` is out of range.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.key(7)
        array([0, 7], dtype=uint32)

    See: MLX ``mlx.core.random.key``; Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2,
        3".
    """

@c("mlx_random_split", "array key", returns="array, array", python=False)
@c("mlx_random_split_num", "array key, int num")
def split(key: array, num: int = 2, stream: StreamLike = None) -> array:
    """Several independent keys from one.

    Args:
        key: Key from :func:`key`.
        num: How many keys. Default 2.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array of shape ``(num, 2)``.

    Raises:
        ValueError: If ``key`` is not a key or ``num`` is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.split(mx.random.key(7)).shape
        (2, 2)

    See: MLX ``mlx.core.random.split``.
    """

@c("mlx_random_bits", "shape shape, int width, array? key", python=False)
def bits(shape: Sequence[int], width: int, key: array | None) -> array:
    """Uniformly distributed bits in unsigned integers of 1, 2 or 4 bytes."""

@c("mlx_random_uniform", "array low, array high, shape shape, dtype dtype, array? key")
def uniform(
    low: Scalar | array = 0,
    high: Scalar | array = 1,
    shape: Sequence[int] = (),
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Uniformly distributed numbers from ``low`` up to, not including, ``high``.

    Args:
        low: Lower bound, broadcast to ``shape``. Default 0.
        high: Upper bound, broadcast to ``shape``. Default 1.
        shape: Shape of the result. Default ``()``.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape and dtype.

    Raises:
        ValueError: If the bounds do not broadcast or ``dtype`` is not floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.uniform(shape=(2,), key=mx.random.key(7)).shape
        (2,)

    See: MLX ``mlx.core.random.uniform``.
    """
    if dtype is None:
        dtype = float32
    # Bounds that are float32 as they come need no cast beside the numbers that are drawn.
    if type(low) is int and type(high) is int and -(1 << 24) <= low <= high <= 1 << 24:
        low, high = float(low), float(high)

@c(
    "mlx_random_normal",
    "shape shape, dtype dtype, float loc, float scale, array? key",
    python=False,
)
@c(
    "mlx_random_normal_broadcast",
    "shape shape, dtype dtype, array? loc, array? scale, array? key",
    cpp=(
        "mlx_c::cpu::fuses_random_normal({shape}, {dtype}, {loc}, {scale}, {key}, {s})"
        " ? mlx_c::cpu::random_normal({shape}, {key}, {s})"
        " : mlx::core::random::normal({shape}, {dtype}, {loc}, {scale}, {key}, {s})"
    ),
)
def normal(
    shape: Sequence[int] = (),
    dtype: Dtype | None = float32,
    loc: Scalar | array | None = None,
    scale: Scalar | array | None = None,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Normally distributed numbers.

    Args:
        shape: Shape of the result. Default ``()``.
        dtype: Floating-point type of the result. Default ``float32``.
        loc: Mean, broadcast to ``shape``; ``None`` (default) is 0.
        scale: Standard deviation, broadcast to ``shape``; ``None`` (default) is 1.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape and dtype.

    Raises:
        ValueError: If mean or deviation do not broadcast or ``dtype`` is not floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.normal((2, 3), loc=1.0, key=mx.random.key(7)).shape
        (2, 3)

    See: MLX ``mlx.core.random.normal``.
    """
    if dtype is None:
        dtype = float32
    # A scalar is exact in the type of the result, and must not widen it.
    if loc is not None:
        loc = to_array(loc, "loc").astype(dtype)
    if scale is not None:
        scale = to_array(scale, "scale").astype(dtype)

@c("mlx_random_multivariate_normal", "array mean, array cov, shape shape, dtype dtype, array? key")
def multivariate_normal(
    mean: array,
    cov: array,
    shape: Sequence[int] = (),
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Vectors from a normal distribution with a given covariance.

    Args:
        mean: Means of shape ``(..., n)``.
        cov: Positive semi-definite covariances of shape ``(..., n, n)``.
        shape: Leading axes of the result, to which those of ``mean`` and ``cov`` broadcast. Default
            ``()``.
        dtype: Type of the result, only ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., n)``.

    Raises:
        ValueError: If the shapes do not fit or ``dtype`` is not ``float32``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.multivariate_normal(mx.zeros(2), mx.eye(2), (3,), stream=mx.cpu).shape
        (3, 2)

    See: MLX ``mlx.core.random.multivariate_normal``.
    """
    if dtype is None:
        dtype = float32

@c(
    "mlx_random_randint",
    "array low, array high, shape shape, dtype dtype, array? key",
    cpp="mlx_c::random::randint",
)
def randint(
    low: Scalar | array,
    high: Scalar | array,
    shape: Sequence[int] = (),
    dtype: Dtype | None = int32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Uniformly distributed integers from ``low`` up to, not including, ``high``.

    Args:
        low: Lower bound, broadcast to ``shape``.
        high: Upper bound, broadcast to ``shape``.
        shape: Shape of the result. Default ``()``.
        dtype: Integer type of the result. Default ``int32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape and dtype.

    Raises:
        ValueError: If the bounds do not broadcast or ``dtype`` is not an integer type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.randint(3, 4, (2,))
        array([3, 3], dtype=int32)

    See: MLX ``mlx.core.random.randint``.
    """
    if dtype is None:
        dtype = int32

@c(
    "mlx_random_bernoulli",
    "array p, shape shape, array? key",
    check="mlx_c::check_probability({p})",
)
def bernoulli(
    p: Scalar | array = 0.5,
    shape: Sequence[int] | None = None,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Booleans that are true with a given probability.

    Args:
        p: Probability of true, broadcast to ``shape``. Default 0.5.
        shape: Shape of the result; ``None`` (default) is the shape of ``p``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array.

    Raises:
        ValueError: If ``p`` does not broadcast to ``shape`` or is not floating-point, or is a
            number outside 0 to 1.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.bernoulli(mx.array([0.0, 1.0]))
        array([False, True], dtype=bool)

    See: MLX ``mlx.core.random.bernoulli``.
    """
    p = to_array(p, "p")
    if shape is None:
        shape = p.shape

@c("mlx_random_truncated_normal", "array lower, array upper, shape shape, dtype dtype, array? key")
def truncated_normal(
    lower: Scalar | array,
    upper: Scalar | array,
    shape: Sequence[int] | None = None,
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Normally distributed numbers that lie between two bounds.

    Args:
        lower: Lower bound, broadcast to ``shape``.
        upper: Upper bound, broadcast to ``shape``.
        shape: Shape of the result; ``None`` (default) is the broadcast shape of the bounds.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given dtype.

    Raises:
        ValueError: If the bounds do not broadcast or ``dtype`` is not floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.truncated_normal(-1.0, mx.array([1.0, 2.0])).shape
        (2,)

    See: MLX ``mlx.core.random.truncated_normal``.
    """
    lower, upper = to_array(lower, "lower"), to_array(upper, "upper")
    if dtype is None:
        dtype = float32
    if shape is None:
        # The sum is never evaluated: it only says what the bounds broadcast to.
        shape = (lower + upper).shape

@c("mlx_random_gumbel", "shape shape, dtype dtype, array? key")
def gumbel(
    shape: Sequence[int] = (),
    dtype: Dtype | None = float32,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from the standard Gumbel distribution.

    Args:
        shape: Shape of the result. Default ``()``.
        dtype: Floating-point type of the result. Default ``float32``.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape and dtype.

    Raises:
        ValueError: If ``dtype`` is not floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.gumbel((2,)).shape
        (2,)

    See: MLX ``mlx.core.random.gumbel``.
    """
    if dtype is None:
        dtype = float32

@c(
    "mlx_random_categorical_shape",
    "array logits, int axis, shape shape, array? key",
    when="shape is not None",
)
@c(
    "mlx_random_categorical_num_samples",
    "array logits_, int axis, int num_samples, array? key",
    when="num_samples is not None",
    logits_="logits",
)
@c("mlx_random_categorical", "array logits, int axis, array? key")
def categorical(
    logits: array,
    axis: int = -1,
    shape: Sequence[int] | None = None,
    num_samples: int | None = None,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Indices drawn from distributions given by unnormalised log-probabilities.

    Args:
        logits: Array of log-probabilities.
        axis: Axis of the categories. Default -1.
        shape: Shape of the result, to which that of ``logits`` without ``axis`` broadcasts.
        num_samples: Draws from every distribution, on a new last axis.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array, by default of the shape of ``logits`` without ``axis``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If both ``shape`` and ``num_samples`` are given or the shape does not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.categorical(mx.array([[0.0, -mx.inf], [-mx.inf, 0.0]]))
        array([0, 1], dtype=uint32)

    See: MLX ``mlx.core.random.categorical``.
    """
    if shape is not None and num_samples is not None:
        raise ValueError("shape and num_samples are both given; give at most one")

@c("mlx_random_laplace", "shape shape, dtype dtype, float loc, float scale, array? key")
def laplace(
    shape: Sequence[int] = (),
    dtype: Dtype | None = float32,
    loc: float = 0.0,
    scale: float = 1.0,
    key: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Numbers from a Laplace distribution.

    Args:
        shape: Shape of the result. Default ``()``.
        dtype: Floating-point type of the result. Default ``float32``.
        loc: Mean. Default 0.
        scale: Scale, the mean distance from the mean. Default 1.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape and dtype.

    Raises:
        ValueError: If ``dtype`` is not floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.random.laplace((2,)).shape
        (2,)

    See: MLX ``mlx.core.random.laplace``.
    """
    if dtype is None:
        dtype = float32

@c("mlx_random_permutation_arange", "int x, array? key", when="isinstance(x, int)")
@c("mlx_random_permutation", "array x, int axis, array? key")
def permutation(
    x: int | array, axis: int = 0, key: array | None = None, stream: StreamLike = None
) -> array:
    """The slices of an array, or the numbers below a bound, in random order.

    Args:
        x: Array, or an integer for the numbers from 0 up to it.
        axis: Axis to permute. Default 0.
        key: Key from :func:`key` or :func:`split`; ``None`` (default) draws from the global state.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``x``; ``uint32`` for an integer.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sort(mx.random.permutation(4))
        array([0, 1, 2, 3], dtype=uint32)

    See: MLX ``mlx.core.random.permutation``.
    """
