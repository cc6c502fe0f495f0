"""Choices and signs."""

cpp_includes = ["core/random_distributions.hpp"]

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
    chosen = _choice(a.shape[axis], shape, replace, p, key, stream)
    return a[(slice(None),) * (axis % a.ndim) + (chosen,)]
