"""Arrays from numbers and shapes."""

cpp_includes = ["core/cached_views.hpp"]

@c(
    "mlx_arange",
    "double start, double stop, double step, dtype dtype",
    start="0.0 if stop is None or begin is None else start_or_stop if start is None else start",
    stop="end",
    step="1.0 if step is None else step",
    dtype="dtype if dtype is not None else to_range_dtype(begin, stop, step)",
    cpp="mlx_c::arange",
)
def arange(
    start_or_stop: int | float | None = None,
    /,
    stop: int | float | None = None,
    step: int | float | Dtype | None = None,
    dtype: Dtype | None = None,
    *,
    start: int | float | None = None,
    device: Device | DeviceType | None = None,
    stream: StreamLike = None,
) -> array:
    """Evenly spaced numbers from ``start`` up to, not including, ``stop``.

    It is called as ``arange(stop)``, ``arange(start, stop)`` or ``arange(start, stop, step)``, each
    with ``dtype`` after them, or by keywords; ``arange(stop, step, dtype)`` is one more way.

    Args:
        start_or_stop: The start if a stop is given too, else the stop.
        stop: Bound that is not reached.
        step: Distance of two numbers, not zero. Default 1.
        dtype: Type of the result; ``None`` (default) is an integer type for integers, else
            ``float32``.
        start: First number. Default 0.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        One-dimensional array of ``ceil((stop - start) / step)`` numbers.

    Raises:
        TypeError: If no stop is given, one start too many, or a bound is not a number.
        ValueError: If ``step`` is zero, all bounds are boolean, one is NaN, or the result would be
            too long.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.arange(2, 8, 2)
        array([2, 4, 6], dtype=int32)
        >>> mx.arange(3.0)
        array([0, 1, 2], dtype=float32)

    See: MLX ``mlx.core.arange``.
    """
    # The most frequent call.
    if (
        type(start_or_stop) is int
        and stop is None
        and step is None
        and dtype is None
        and start is None
        and device is None
        and stream is None
    ):
        return int_range(start_or_stop)
    stream = to_stream_on(stream, device)
    # Arguments are not assigned to: that costs references, of which those to None add up.
    if step is not None and isinstance(step, Dtype) and dtype is None and start is None:
        return arange(stop=start_or_stop, step=stop, dtype=step, stream=stream)
    if start is None:
        begin = start_or_stop
    elif start_or_stop is None:
        begin = start
    else:
        raise TypeError("arange takes one start")
    end = start_or_stop if stop is None else stop
    if end is None:
        raise TypeError("arange needs a stop")
    # Beside another number a boolean is 0 or 1.
    if step is None and isinstance(end, bool) and (begin is None or isinstance(begin, bool)):
        raise ValueError("arange has no booleans")

@c("mlx_linspace", "double start, double stop, int num, dtype dtype", python=False)
@c(
    "mlx_linspace_endpoint",
    "double start, double stop, int num, bool endpoint, dtype dtype",
    cpp="mlx::core::linspace",
)
def linspace(
    start: Scalar,
    stop: Scalar,
    num: int | None = 50,
    endpoint: bool = True,
    dtype: Dtype | None = float32,
    stream: StreamLike = None,
    *,
    device: Device | DeviceType | None = None,
) -> array:
    """A given number of evenly spaced numbers between two bounds.

    Args:
        start: First number.
        stop: Last number, or the bound after it if ``endpoint`` is false.
        num: How many numbers. Default 50.
        endpoint: Whether ``stop`` is the last number. Default ``True``.
        dtype: Type of the result. Default ``float32``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        One-dimensional array of ``num`` numbers.

    Raises:
        ValueError: If ``num`` is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linspace(0, 1, 5)
        array([0, 0.25, 0.5, 0.75, 1], dtype=float32)

    See: MLX ``mlx.core.linspace``.
    """
    stream = to_stream_on(stream, device)
    if num is None:
        num = 50
    if dtype is None:
        dtype = float32

@c("mlx_full", "shape shape, array vals, dtype dtype", vals="value")
def full(
    shape: IntOrInts,
    fill_value: Scalar | array | None = None,
    dtype: Dtype | None = None,
    *,
    vals: Scalar | array | None = None,
    device: Device | DeviceType | None = None,
    stream: StreamLike = None,
) -> array:
    """An array of a given shape, filled with a value.

    MLX ignores ``dtype`` when the value is an array; here it always decides.

    Args:
        shape: Shape of the result, or the length of its only axis.
        fill_value: Scalar or array that broadcasts to ``shape``.
        dtype: Type of the result; ``None`` (default) is that of the value.
        vals: MLX's name of ``fill_value``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape.

    Raises:
        TypeError: If there is no value, or both names have one.
        ValueError: If a length is negative or the value does not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.full((2, 2), 7)
        array([[7, 7],
               [7, 7]], dtype=int32)

    See: MLX ``mlx.core.full``.
    """
    stream = to_stream_on(stream, device)
    name = "fill_value" if vals is None else "vals"
    value = fill_value if vals is None else vals
    if value is None or not (vals is None or fill_value is None):
        # Unless something else is wrong.
        zeros(shape, dtype, stream=stream)
        raise TypeError("full takes one value: fill_value, or vals, which MLX calls it")
    # A number of Python by itself would be made in single precision.
    if dtype is float64 and isinstance(value, float):
        value = array(value, dtype)
    value = to_array(value, name)
    if dtype is None:
        dtype = value.dtype

@c("mlx_full_like", "array a, array vals, dtype dtype", vals="value")
def full_like(
    a: array,
    fill_value: Scalar | array | None = None,
    dtype: Dtype | None = None,
    *,
    vals: Scalar | array | None = None,
    device: Device | DeviceType | None = None,
    stream: StreamLike = None,
) -> array:
    """An array of the shape of another, filled with a value.

    Args:
        a: Array that gives the shape.
        fill_value: Scalar or array that broadcasts to the shape of ``a``.
        dtype: Type of the result; ``None`` (default) is the type of ``a``.
        vals: MLX's name of ``fill_value``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If there is no value, or both names have one.
        ValueError: If the value does not broadcast to the shape of ``a``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.full_like(mx.array([1.0, 2.0]), 7)
        array([7, 7], dtype=float32)

    See: MLX ``mlx.core.full_like``.
    """
    stream = to_stream_on(stream, device)
    a = to_array(a, "a")
    if dtype is None:
        dtype = a.dtype
    name = "fill_value" if vals is None else "vals"
    value = fill_value if vals is None else vals
    if value is None or not (vals is None or fill_value is None):
        # Unless something else is wrong.
        zeros_like(a, dtype, stream=stream)
        raise TypeError("full_like takes one value: fill_value, or vals, which MLX calls it")
    if dtype is float64 and isinstance(value, float):
        value = array(value, dtype)
    value = to_array(value, name)

@alias("empty")
@c("mlx_zeros", "shape shape, dtype dtype", cpp="mlx_c::zeros")
def zeros(
    shape: IntOrInts,
    dtype: Dtype | None = float32,
    *,
    device: Device | DeviceType | None = None,
    stream: StreamLike = None,
) -> array:
    """An array of zeros.

    Args:
        shape: Shape of the result, or the length of its only axis.
        dtype: Type of the result. Default ``float32``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape.

    Raises:
        ValueError: If a length is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.zeros((2, 3))
        array([[0, 0, 0],
               [0, 0, 0]], dtype=float32)

    See: MLX ``mlx.core.zeros``.
    """
    stream = to_stream_on(stream, device)
    if dtype is None:
        dtype = float32

@alias("empty_like")
@c("mlx_zeros_like", "array a", when="dtype is None")
@c("mlx_zeros_like_dtype", "array a, dtype dtype", cpp="mlx::core::zeros_like")
def zeros_like(
    a: array,
    /,
    dtype: Dtype | None = None,
    *,
    device: Device | DeviceType | None = None,
    stream: StreamLike = None,
) -> array:
    """An array of zeros of the shape of another.

    Args:
        a: Array that gives the shape.
        dtype: Type of the result; ``None`` (default) is the type of ``a``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.zeros_like(mx.array([1, 2]))
        array([0, 0], dtype=int32)

    See: MLX ``mlx.core.zeros_like``.
    """
    stream = to_stream_on(stream, device)

@c("mlx_ones", "shape shape, dtype dtype", cpp="mlx_c::ones")
def ones(
    shape: IntOrInts,
    dtype: Dtype | None = float32,
    *,
    device: Device | DeviceType | None = None,
    stream: StreamLike = None,
) -> array:
    """An array of ones.

    Args:
        shape: Shape of the result, or the length of its only axis.
        dtype: Type of the result. Default ``float32``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape.

    Raises:
        ValueError: If a length is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.ones((2, 2), mx.int32)
        array([[1, 1],
               [1, 1]], dtype=int32)

    See: MLX ``mlx.core.ones``.
    """
    stream = to_stream_on(stream, device)
    if dtype is None:
        dtype = float32

@c("mlx_ones_like", "array a", when="dtype is None")
@c("mlx_ones_like_dtype", "array a, dtype dtype", cpp="mlx::core::ones_like")
def ones_like(
    a: array,
    /,
    dtype: Dtype | None = None,
    *,
    device: Device | DeviceType | None = None,
    stream: StreamLike = None,
) -> array:
    """An array of ones of the shape of another.

    Args:
        a: Array that gives the shape.
        dtype: Type of the result; ``None`` (default) is the type of ``a``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.ones_like(mx.array([1, 2]))
        array([1, 1], dtype=int32)

    See: MLX ``mlx.core.ones_like``.
    """
    stream = to_stream_on(stream, device)
