"""Sorted order, selection and search."""

@c("mlx_sort", "array a", when="axis is None")
@c("mlx_sort_axis", "array a, int axis")
def sort(
    a: array,
    /,
    axis: int | None = -1,
    *,
    descending: bool = False,
    stable: bool = True,
    stream: StreamLike = None,
) -> array:
    """The elements in ascending order along an axis; NaN comes last.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along, the last one by default; ``None`` flattens first.
        descending: Order from the greatest element to the smallest; NaN then comes first.
            Default ``False``.
        stable: Whether equal elements keep their order. They always do.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sort(mx.array([3, 1, 2]))
        array([1, 2, 3], dtype=int32)

    See: MLX ``mlx.core.sort``.
    """
    to_bool(stable, "stable")
    if to_bool(descending, "descending"):
        return flip(sort(a, axis, stream=stream), -1 if axis is None else axis, stream=stream)

@c("mlx_argsort", "array a", when="axis is None")
@c("mlx_argsort_axis", "array a, int axis")
def argsort(
    a: array,
    /,
    axis: int | None = -1,
    *,
    descending: bool = False,
    stable: bool = True,
    stream: StreamLike = None,
) -> array:
    """Indices that put the elements into ascending order along an axis.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along, the last one by default; ``None`` flattens first.
        descending: Order from the greatest element to the smallest; NaN then comes first.
            Default ``False``.
        stable: Whether equal elements keep their order. They always do.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array of indices.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.argsort(mx.array([3, 1, 2]))
        array([1, 2, 0], dtype=uint32)

    See: MLX ``mlx.core.argsort``.
    """
    to_bool(stable, "stable")
    if to_bool(descending, "descending"):
        if axis is None:
            a, axis = flatten(a, stream=stream), 0
        # Backwards twice, so that equal elements keep their order.
        order = flip(
            argsort(flip(a, axis, stream=stream), axis, stream=stream), axis, stream=stream
        )
        last = order.shape[axis] - 1 if order.size else 0
        return subtract(last, order, stream=stream)

@c("mlx_partition", "array a, int kth", when="axis is None")
@c("mlx_partition_axis", "array a, int kth, int axis")
def partition(a: array, /, kth: int, axis: int | None = -1, *, stream: StreamLike = None) -> array:
    """The elements with one of them in its sorted place.

    Smaller elements are before it and larger ones after it, in no given order.

    Args:
        a: Input array of any shape and dtype.
        kth: Place that gets the element it would have in sorted order.
        axis: Axis to work along, the last one by default; ``None`` flattens first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``kth`` is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.partition(mx.array([4, 1, 3, 2]), 2)[2]
        array(3, dtype=int32)

    See: MLX ``mlx.core.partition``.
    """

@c("mlx_argpartition", "array a, int kth", when="axis is None")
@c("mlx_argpartition_axis", "array a, int kth, int axis")
def argpartition(
    a: array, /, kth: int, axis: int | None = -1, *, stream: StreamLike = None
) -> array:
    """Indices that put one element into its sorted place.

    Args:
        a: Input array of any shape and dtype.
        kth: Place that gets the index of the element it would have in sorted order.
        axis: Axis to work along, the last one by default; ``None`` flattens first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array of indices.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``kth`` is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.argpartition(mx.array([4, 1, 3, 2]), 2)[2]
        array(2, dtype=uint32)

    See: MLX ``mlx.core.argpartition``.
    """

@c("mlx_topk", "array a, int k", when="axis is None")
@c("mlx_topk_axis", "array a, int k, int axis")
def topk(a: array, /, k: int, axis: int | None = -1, *, stream: StreamLike = None) -> array:
    """The ``k`` largest elements along an axis, in no given order.

    Args:
        a: Input array of any shape and dtype.
        k: How many elements.
        axis: Axis to work along, the last one by default; ``None`` flattens first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``a`` with length ``k`` along the axis.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``k`` is negative or above the length of the axis.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.sort(mx.topk(mx.array([4, 1, 3, 2]), 2))
        array([3, 4], dtype=int32)

    See: MLX ``mlx.core.topk``.
    """

@weak("sorted_sequence", "values")
@c("mlx_searchsorted", "array sorted_sequence, array values, str side")
def searchsorted(
    sorted_sequence: array,
    values: Scalar | array,
    /,
    side: str = "left",
    sorter: array | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Positions at which values would keep a sorted vector sorted.

    Args:
        sorted_sequence: Vector in ascending order.
        values: Array of values to place, or a scalar.
        side: "left" (default) before, or "right" after equal elements.
        sorter: Integer vector of the indices that sort ``sorted_sequence``, if it is not in order;
            see :func:`argsort`.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array of the shape of ``values``.

    Raises:
        ValueError: If ``sorted_sequence`` is not a vector or ``side`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.searchsorted(mx.array([1, 3, 5]), mx.array([3, 4]))
        array([1, 2], dtype=uint32)

    See: MLX ``mlx.core.searchsorted``; NumPy ``numpy.searchsorted``.
    """
    if sorter is not None:
        sorted_sequence = to_array(sorted_sequence, "sorted_sequence")
        sorter = to_array(sorter, "sorter")
        sorted_sequence = take(sorted_sequence, sorter, stream=stream)

@c(
    "mlx_unique",
    "array a, int size, bool return_index, bool return_inverse, bool return_counts, array? "
    "fill_value",
    cpp="mlx::core::unique",
)
def _unique(
    a: array,
    size: int,
    return_index: bool,
    return_inverse: bool,
    return_counts: bool,
    fill_value: array | None,
    stream: StreamLike = None,
) -> tuple[array, ...]:
    """The distinct elements and what was asked for about them."""

@composed
def lexsort(keys: Sequence[array] | array, axis: int = -1, *, stream: StreamLike = None) -> array:
    """Indices that put several keys into ascending order along an axis, the last key first.

    Args:
        keys: Arrays of one shape, or an array of them along its first axis. Equal elements of the
            last are ordered by the one before, and so on.
        axis: Axis of the keys to work along. Default -1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array of indices, of the shape of a key.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If there are no keys or their shapes differ.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.lexsort([mx.array([3, 1, 2]), mx.array([0, 1, 0])])
        array([2, 0, 1], dtype=uint32)

    See: NumPy ``numpy.lexsort``.
    """
    parts = _many(keys, "keys")
    for part in parts:
        if part.shape != parts[0].shape:
            raise ValueError(f"keys have different shapes: {parts[0].shape} and {part.shape}")
    axis = to_int(axis, "axis")
    if parts[0].ndim == 0:
        return zeros((), uint32)
    axis = _axis_of(axis, parts[0].ndim, "axis")
    order = argsort(parts[0], axis)
    for part in parts[1:]:
        next_order = argsort(take_along_axis(part, order, axis), axis)
        order = take_along_axis(order, next_order, axis)
    return order
