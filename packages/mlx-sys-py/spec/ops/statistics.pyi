"""Means, medians, variances and counts of elements."""

cpp_includes = ["core/order_statistics.hpp", "core/statistics.hpp"]

@method
@c("mlx_mean", "array a, bool keepdims", cpp="mlx_c::mean", when="axis is None")
@c(
    "mlx_mean_axis",
    "array a, int axis, bool keepdims",
    cpp="mlx_c::mean",
    when="isinstance(axis, int)",
)
@c("mlx_mean_axes", "array a, ints axes, bool keepdims", cpp="mlx_c::mean", axes="axis")
def mean(
    a: array, /, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Mean of the elements over some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), floating-point.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.mean(mx.array([[1, 2], [3, 4]]), axis=0)
        array([2, 3], dtype=float32)

    See: MLX ``mlx.core.mean``.
    """

@c("mlx_count_nonzero", "array a, bool keepdims", when="axis is None")
@c("mlx_count_nonzero_axis", "array a, int axis, bool keepdims", when="isinstance(axis, int)")
@c("mlx_count_nonzero_axes", "array a, ints axes, bool keepdims", axes="axis")
def count_nonzero(
    a: array, /, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Number of nonzero elements over some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), ``int32``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.count_nonzero(mx.array([[0, 2], [3, 4]]), axis=1)
        array([1, 2], dtype=int32)

    See: MLX ``mlx.core.count_nonzero``.
    """

@method
@c(
    "mlx_var_correction",
    "array a, ints axes, bool keepdims, double correction",
    cpp="mlx_c::corrected_var({a}, {axes}, {keepdims}, {correction}, {s})",
    when="correction is not None",
    axes="range(a.ndim) if axis is None else axis",
)
@c("mlx_var", "array a, bool keepdims, int ddof", cpp="mlx_c::var", when="axis is None")
@c(
    "mlx_var_axis",
    "array a, int axis, bool keepdims, int ddof",
    cpp="mlx_c::var",
    when="isinstance(axis, int)",
)
@c("mlx_var_axes", "array a, ints axes, bool keepdims, int ddof", cpp="mlx_c::var", axes="axis")
def var(
    a: array,
    /,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    ddof: int = 0,
    *,
    correction: float | None = None,
    stream: StreamLike = None,
) -> array:
    """Variance of the elements over some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        ddof: Taken off the number of elements in the divisor. Default 0.
        correction: The array API's name of ``ddof``, used instead of it when given; any number.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), floating-point.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.var(mx.array([1.0, 2.0, 3.0, 4.0]))
        array(1.25, dtype=float32)
        >>> mx.var(mx.array([1.0, 2.0, 3.0, 4.0]), ddof=1)
        array(1.66667, dtype=float32)

    See: MLX ``mlx.core.var``.
    """
    if correction is not None:
        a = to_array(a, "a")

@method
@c(
    "mlx_std_correction",
    "array a, ints axes, bool keepdims, double correction",
    cpp="mlx_c::corrected_std({a}, {axes}, {keepdims}, {correction}, {s})",
    when="correction is not None",
    axes="range(a.ndim) if axis is None else axis",
)
@c("mlx_std", "array a, bool keepdims, int ddof", cpp="mlx_c::std", when="axis is None")
@c(
    "mlx_std_axis",
    "array a, int axis, bool keepdims, int ddof",
    cpp="mlx_c::std",
    when="isinstance(axis, int)",
)
@c("mlx_std_axes", "array a, ints axes, bool keepdims, int ddof", cpp="mlx_c::std", axes="axis")
def std(
    a: array,
    /,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    ddof: int = 0,
    *,
    correction: float | None = None,
    stream: StreamLike = None,
) -> array:
    """Standard deviation of the elements over some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        ddof: Taken off the number of elements in the divisor. Default 0.
        correction: The array API's name of ``ddof``, used instead of it when given; any number.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), floating-point.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.std(mx.array([1.0, 2.0, 3.0, 4.0]))
        array(1.11803, dtype=float32)
        >>> mx.std(mx.array([1.0, 2.0, 3.0, 4.0]), ddof=1)
        array(1.29099, dtype=float32)

    See: MLX ``mlx.core.std``.
    """
    if correction is not None:
        a = to_array(a, "a")

@c("mlx_median", "array a, ints axes, bool keepdims", cpp="mlx_c::median", axes="axis")
def median(
    a: array, /, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Median of the elements over some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), floating-point.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated or ``a`` is empty.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.median(mx.array([[1.0, 5.0], [3.0, 4.0], [9.0, 0.0]]), axis=0)
        array([3, 4], dtype=float32)

    See: MLX ``mlx.core.median``.
    """
    a = to_array(a, "a")
    if axis is None:
        axis = range(a.ndim)
    elif not isinstance(axis, int):
        axis = to_int_list(axis, "axis")
    if not isinstance(axis, int) and len(axis) == 0:
        # Every element stands alone, and is its own mean and median.
        return a.mean((), keepdims, stream=stream)
