"""Scans (cumulative reductions) along an axis, and differences."""

cpp_includes = ["core/checks.hpp", "core/statistics.hpp"]

@alias("cumulative_sum")
@method
@c(
    "mlx_cumsum",
    "array a, int axis, bool reverse, bool inclusive",
    cpp="mlx_c::cumsum({a}, {axis}, {reverse}, {inclusive}, std::nullopt, {s})",
    python=False,
)
@c(
    "mlx_cumulative_sum",
    "array a, int axis, bool reverse, bool inclusive, dtype? dtype",
    cpp="mlx_c::cumulative_sum({a}, {axis}, {reverse}, {inclusive}, {dtype}, {s})",
    when="include_initial",
)
@c(
    "mlx_cumsum_dtype",
    "array a, int axis, bool reverse, bool inclusive, dtype? dtype",
    cpp="mlx_c::cumsum",
)
def cumsum(
    a: array,
    /,
    axis: int | None = None,
    *,
    reverse: bool = False,
    inclusive: bool = True,
    dtype: Dtype | None = None,
    include_initial: bool = False,
    stream: StreamLike = None,
) -> array:
    """Running sum along an axis.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along; ``None`` (default) works on the flattened array.
        reverse: Run from the end to the start. Default ``False``.
        inclusive: Count an element in its own result. Default ``True``.
        dtype: Type to accumulate in and return; ``None`` (default) chooses it from ``a`` as
            :func:`sum` does.
        include_initial: Put the sum of no elements, 0, where the run starts. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``, one longer along the axis with ``include_initial``;
        one-dimensional when ``axis`` is ``None``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.cumsum(mx.array([1, 2, 3]))
        array([1, 3, 6], dtype=int32)

    See: MLX ``mlx.core.cumsum``.
    """
    include_initial = to_bool(include_initial, "include_initial")
    if axis is None:
        a = to_array(a, "a").flatten(stream=stream)
        axis = 0

@alias("cumulative_prod")
@method
@c(
    "mlx_cumprod",
    "array a, int axis, bool reverse, bool inclusive",
    cpp="mlx_c::cumprod({a}, {axis}, {reverse}, {inclusive}, std::nullopt, {s})",
    python=False,
)
@c(
    "mlx_cumulative_prod",
    "array a, int axis, bool reverse, bool inclusive, dtype? dtype",
    cpp="mlx_c::cumulative_prod({a}, {axis}, {reverse}, {inclusive}, {dtype}, {s})",
    when="include_initial",
)
@c(
    "mlx_cumprod_dtype",
    "array a, int axis, bool reverse, bool inclusive, dtype? dtype",
    cpp="mlx_c::cumprod",
)
def cumprod(
    a: array,
    /,
    axis: int | None = None,
    *,
    reverse: bool = False,
    inclusive: bool = True,
    dtype: Dtype | None = None,
    include_initial: bool = False,
    stream: StreamLike = None,
) -> array:
    """Running product along an axis.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along; ``None`` (default) works on the flattened array.
        reverse: Run from the end to the start. Default ``False``.
        inclusive: Count an element in its own result. Default ``True``.
        dtype: Type to accumulate in and return; ``None`` (default) chooses it from ``a`` as
            :func:`prod` does.
        include_initial: Put the product of no elements, 1, where the run starts. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``, one longer along the axis with ``include_initial``;
        one-dimensional when ``axis`` is ``None``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.cumprod(mx.array([1, 2, 3]))
        array([1, 2, 6], dtype=int32)

    See: MLX ``mlx.core.cumprod``.
    """
    include_initial = to_bool(include_initial, "include_initial")
    if axis is None:
        a = to_array(a, "a").flatten(stream=stream)
        axis = 0

@method
@c("mlx_cummax", "array a, int axis, bool reverse, bool inclusive")
def cummax(
    a: array,
    /,
    axis: int | None = None,
    *,
    reverse: bool = False,
    inclusive: bool = True,
    stream: StreamLike = None,
) -> array:
    """Running maximum along an axis.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along; ``None`` (default) works on the flattened array.
        reverse: Run from the end to the start. Default ``False``.
        inclusive: Count an element in its own result. Default ``True``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``, or one-dimensional when ``axis`` is ``None``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.cummax(mx.array([1, 3, 2]))
        array([1, 3, 3], dtype=int32)

    See: MLX ``mlx.core.cummax``.
    """
    if axis is None:
        a = to_array(a, "a").flatten(stream=stream)
        axis = 0

@method
@c("mlx_cummin", "array a, int axis, bool reverse, bool inclusive")
def cummin(
    a: array,
    /,
    axis: int | None = None,
    *,
    reverse: bool = False,
    inclusive: bool = True,
    stream: StreamLike = None,
) -> array:
    """Running minimum along an axis.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along; ``None`` (default) works on the flattened array.
        reverse: Run from the end to the start. Default ``False``.
        inclusive: Count an element in its own result. Default ``True``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``, or one-dimensional when ``axis`` is ``None``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.cummin(mx.array([3, 1, 2]))
        array([3, 1, 1], dtype=int32)

    See: MLX ``mlx.core.cummin``.
    """
    if axis is None:
        a = to_array(a, "a").flatten(stream=stream)
        axis = 0

@method
@c("mlx_logcumsumexp", "array a, int axis, bool reverse, bool inclusive")
def logcumsumexp(
    a: array,
    /,
    axis: int | None = None,
    *,
    reverse: bool = False,
    inclusive: bool = True,
    stream: StreamLike = None,
) -> array:
    """Running log-sum-exp along an axis.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along; ``None`` (default) works on the flattened array.
        reverse: Run from the end to the start. Default ``False``.
        inclusive: Count an element in its own result. Default ``True``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``, or one-dimensional when ``axis`` is ``None``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.logcumsumexp(mx.array([0.0, 0.0]))
        array([0, 0.693147], dtype=float32)

    See: MLX ``mlx.core.logcumsumexp``.
    """
    if axis is None:
        a = to_array(a, "a").flatten(stream=stream)
        axis = 0

@c(
    "mlx_diff",
    "array a, int n, int axis",
    cpp="mlx::core::diff({a}, mlx_c::at_most_length({a}, {axis}, {n}), {axis}, {s})",
)
def diff(
    a: array,
    /,
    n: int = 1,
    axis: int = -1,
    prepend: Scalar | array | None = None,
    append: Scalar | array | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Differences of neighbours along an axis, taken ``n`` times.

    Args:
        a: Input array of any shape and dtype.
        n: How often to take differences. Default 1.
        axis: Axis to work along. Default -1.
        prepend: Values put before the first ones along the axis, before differences are taken: an
            array of as many dimensions, or a scalar.
        append: Values put behind the last ones, likewise.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array shorter by ``n`` along ``axis``, with what is put there, and empty if nothing is left.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``n`` is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.diff(mx.array([1, 4, 9, 16]))
        array([3, 5, 7], dtype=int32)

    See: MLX ``mlx.core.diff``; NumPy ``numpy.diff``.
    """
    if (prepend is not None or append is not None) and n != 0:
        a = to_array(a, "a")
        ends = []
        for value, name in ((prepend, "prepend"), (append, "append")):
            if value is not None:
                value = to_operand(value, a, None, name)
                if value.ndim == 0:
                    place = _axis_of(axis, a.ndim, "axis")
                    shape = [*a.shape[:place], 1, *a.shape[place + 1 :]]
                    value = broadcast_to(value, shape, stream=stream)
            ends.append(value)
        parts = [part for part in (ends[0], a, ends[1]) if part is not None]
        a = concatenate(parts, axis, stream=stream)
