"""Reductions: many elements to one, over some axes or all."""

cpp_includes = ["core/statistics.hpp"]

@method
@cached_node
@c("mlx_sum", "array a, bool keepdims", cpp="mlx_c::sum", when="axis is None")
@c(
    "mlx_sum_axis",
    "array a, int axis, bool keepdims",
    cpp="mlx_c::sum",
    when="isinstance(axis, int)",
)
@c("mlx_sum_axes", "array a, ints axes, bool keepdims", cpp="mlx_c::sum", axes="axis")
def sum(
    a: array,
    /,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    *,
    dtype: Dtype | None = None,
    stream: StreamLike = None,
) -> array:
    """Sum of the elements over some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        dtype: Type to which the elements are converted first, and which the result has. Default
            ``None``: that of the elements, small integers and booleans widened.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one); small integers and booleans add up in
        ``int32`` or ``uint32``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sum(mx.array([[1, 2], [3, 4]]), axis=0)
        array([4, 6], dtype=int32)

    See: MLX ``mlx.core.sum``.
    """
    if dtype is not None:
        whole = a.astype(dtype, stream=stream).sum(axis, keepdims, stream=stream)
        return whole.astype(dtype, stream=stream)

@method
@cached_node
@c("mlx_prod", "array a, bool keepdims", cpp="mlx_c::prod", when="axis is None")
@c(
    "mlx_prod_axis",
    "array a, int axis, bool keepdims",
    cpp="mlx_c::prod",
    when="isinstance(axis, int)",
)
@c("mlx_prod_axes", "array a, ints axes, bool keepdims", cpp="mlx_c::prod", axes="axis")
def prod(
    a: array,
    /,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    *,
    dtype: Dtype | None = None,
    stream: StreamLike = None,
) -> array:
    """Product of the elements over some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        dtype: Type to which the elements are converted first, and which the result has. Default
            ``None``: that of the elements, small integers and booleans widened.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one); small integers and booleans multiply in
        ``int32`` or ``uint32``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.prod(mx.array([[1, 2], [3, 4]]), axis=1)
        array([2, 12], dtype=int32)

    See: MLX ``mlx.core.prod``.
    """
    if dtype is not None:
        whole = a.astype(dtype, stream=stream).prod(axis, keepdims, stream=stream)
        return whole.astype(dtype, stream=stream)

@method
@cached_node
@c("mlx_min", "array a, bool keepdims", when="axis is None")
@c("mlx_min_axis", "array a, int axis, bool keepdims", when="isinstance(axis, int)")
@c("mlx_min_axes", "array a, ints axes, bool keepdims", axes="axis")
def min(
    a: array, /, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Smallest element over some axes; NaN wins.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), of the dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated or no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.min(mx.array([[1, 2], [3, 4]]), axis=0)
        array([1, 2], dtype=int32)

    See: MLX ``mlx.core.min``.
    """

@method
@cached_node
@c("mlx_max", "array a, bool keepdims", when="axis is None")
@c("mlx_max_axis", "array a, int axis, bool keepdims", when="isinstance(axis, int)")
@c("mlx_max_axes", "array a, ints axes, bool keepdims", axes="axis")
def max(
    a: array, /, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Largest element over some axes; NaN wins.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), of the dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated or no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.max(mx.array([[1, 2], [3, 4]]), axis=0)
        array([3, 4], dtype=int32)

    See: MLX ``mlx.core.max``.
    """

@c("mlx_minmax", "array a, bool keepdims", when="axis is None")
@c("mlx_minmax_axis", "array a, int axis, bool keepdims", when="isinstance(axis, int)")
@c("mlx_minmax_axes", "array a, ints axes, bool keepdims", axes="axis")
def minmax(
    a: array, /, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> tuple[array, array]:
    """Smallest and largest element over some axes, in one pass.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of minimum and maximum, each shaped as by :func:`min`.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated or no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.minmax(mx.array([[1, 2], [3, 4]]), axis=0)
        (array([1, 2], dtype=int32), array([3, 4], dtype=int32))

    See: MLX ``mlx.core.minmax``.
    """

@method
@cached_node
@c("mlx_all", "array a, bool keepdims", when="axis is None")
@c("mlx_all_axis", "array a, int axis, bool keepdims", when="isinstance(axis, int)")
@c("mlx_all_axes", "array a, ints axes, bool keepdims", axes="axis")
def all(
    a: array, /, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Whether all elements over some axes are true; nonzero counts as true.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), boolean.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.all(mx.array([[True, False], [True, True]]), axis=1)
        array([False, True], dtype=bool)

    See: MLX ``mlx.core.all``.
    """
    a = to_array(a, "a")
    if a.size == 0:
        # MLX leaves this result uninitialised; an empty sum is zero.
        return a.sum(axis, keepdims, stream=stream) == 0

@method
@cached_node
@c("mlx_any", "array a, bool keepdims", when="axis is None")
@c("mlx_any_axis", "array a, int axis, bool keepdims", when="isinstance(axis, int)")
@c("mlx_any_axes", "array a, ints axes, bool keepdims", axes="axis")
def any(
    a: array, /, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Whether any element over some axes is true; nonzero counts as true.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), boolean.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.any(mx.array([[True, False], [False, False]]), axis=1)
        array([True, False], dtype=bool)

    See: MLX ``mlx.core.any``.
    """
    a = to_array(a, "a")
    if a.size == 0:
        # MLX leaves this result uninitialised; an empty sum is zero.
        return a.sum(axis, keepdims, stream=stream) != 0

@method
@cached_node
@c("mlx_argmin", "array a, bool keepdims", when="axis is None", cpp="mlx_c::argmin")
@c("mlx_argmin_axis", "array a, int axis, bool keepdims", cpp="mlx_c::argmin")
def argmin(
    a: array, /, axis: int | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Index of the smallest element along an axis, the first of equals.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along; ``None`` (default) works on the flattened array.
        keepdims: Keep the reduced axis with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array of indices, without the reduced axis (or with length one).

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.argmin(mx.array([[3, 1, 2], [4, 9, 5]]), axis=1)
        array([1, 0], dtype=uint32)

    See: MLX ``mlx.core.argmin``.
    """

@method
@cached_node
@c("mlx_argmax", "array a, bool keepdims", when="axis is None", cpp="mlx_c::argmax")
@c("mlx_argmax_axis", "array a, int axis, bool keepdims", cpp="mlx_c::argmax")
def argmax(
    a: array, /, axis: int | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Index of the largest element along an axis, the first of equals.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along; ``None`` (default) works on the flattened array.
        keepdims: Keep the reduced axis with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array of indices, without the reduced axis (or with length one).

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.argmax(mx.array([[3, 1, 2], [4, 9, 5]]), axis=1)
        array([0, 1], dtype=uint32)

    See: MLX ``mlx.core.argmax``.
    """
