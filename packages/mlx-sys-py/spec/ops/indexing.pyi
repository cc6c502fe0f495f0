"""Elements taken from and put at positions that arrays give."""

cpp_includes = ["core/cached_views.hpp", "core/checks.hpp", "core/fixed_shape.hpp"]

@c("mlx_take", "array a, array indices", when="axis is None")
@c("mlx_take_axis", "array a, array indices, int axis", cpp="mlx_c::take")
def take(
    a: array, /, indices: int | array, axis: int | None = None, *, stream: StreamLike = None
) -> array:
    """Elements, or slices along an axis, at given positions.

    Args:
        a: Input array of any shape and dtype.
        indices: Integer array or integer; negative positions count from the end.
        axis: Axis that the positions are on; ``None`` (default) means the flattened array.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the shape of ``indices`` in place of the axis.

    Raises:
        IndexError: If an axis is out of bounds. Likewise for an integer position.
        ValueError: If ``indices`` is not of an integer type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.take(mx.array([[1, 2], [3, 4]]), mx.array([1, 0]), axis=1)
        array([[2, 1],
               [4, 3]], dtype=int32)

    See: MLX ``mlx.core.take``.
    """
    if isinstance(indices, int):
        a = to_array(a, "a")
        length = a.size
        if axis is not None:
            if not -a.ndim <= axis < a.ndim:
                raise OutOfRangeError(f"axis {axis} is out of bounds for {a.ndim} dimensions")
            length = a.shape[axis]
        if not -length <= indices < length:
            raise OutOfRangeError(f"index {indices} is out of bounds for a length of {length}")
        if indices < 0:
            indices += length

@c("mlx_take_along_axis", "array a, array indices, int axis")
def take_along_axis(
    a: array, /, indices: array, axis: int | None = -1, *, stream: StreamLike = None
) -> array:
    """Elements at positions that differ from row to row.

    Args:
        a: Input array of any shape and dtype.
        indices: Integer array of positions along the axis, as many dimensions as ``a``.
        axis: Axis to work along, the last one by default; ``None`` flattens first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape of ``indices`` and the other axes of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``indices`` has another number of dimensions or does not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.take_along_axis(mx.array([[3, 1], [2, 4]]), mx.array([[1], [0]]), axis=1)
        array([[1],
               [2]], dtype=int32)

    See: MLX ``mlx.core.take_along_axis``.
    """
    if axis is None:
        a = flatten(a, stream=stream)
        axis = 0

@c("mlx_put_along_axis", "array a, array indices, array values, int axis")
def put_along_axis(
    a: array,
    /,
    indices: array,
    values: array,
    axis: int | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """A copy with values put at positions that differ from row to row.

    Args:
        a: Input array of any shape and dtype.
        indices: Integer array of positions along the axis, as many dimensions as ``a``.
        values: Values, broadcast to the shape of ``indices``.
        axis: Axis to work along; ``None`` (default) means the flattened array.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``indices`` has another number of dimensions or does not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.put_along_axis(mx.zeros((2, 2)), mx.array([[1], [0]]), mx.array(5.0), axis=1)
        array([[0, 5],
               [5, 0]], dtype=float32)

    See: MLX ``mlx.core.put_along_axis``.
    """
    if axis is None:
        a = to_array(a, "a")
        flat = put_along_axis(a.flatten(stream=stream), indices, values, 0, stream=stream)
        return flat.reshape(a.shape, stream=stream)

@c(
    "mlx_slice",
    "array a, shape start, shape stop, shape strides",
    cpp="mlx_c::slice",
    check="mlx_c::check_strides({strides})",
    python=False,
)
@c(
    "mlx_slice_dynamic",
    "array a, array start, ints axes, shape slice_size",
    check="mlx_c::check_slice_size({slice_size})",
    start="start_indices",
)
def slice(
    a: array,
    start_indices: array,
    axes: Sequence[int],
    slice_size: Sequence[int],
    *,
    stream: StreamLike = None,
) -> array:
    """A block of an array whose start is itself an array.

    Args:
        a: Input array of any shape and dtype.
        start_indices: Integer vector of first positions, one for every axis in ``axes``.
        axes: Axes that the start is given for; the block starts at zero along others.
        slice_size: Length of the block along every axis of ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``slice_size``.

    Raises:
        ValueError: If the lengths of the arguments do not fit, or one in ``slice_size`` is
            negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.slice(mx.array([[1, 2, 3], [4, 5, 6]]), mx.array([1]), (1,), (2, 2))
        array([[2, 3],
               [5, 6]], dtype=int32)

    See: MLX ``mlx.core.slice``.
    """

@c(
    "mlx_slice_update",
    "array src, array update, shape start, shape stop, shape strides",
    cpp="mlx_c::slice_update",
    check="mlx_c::check_strides({strides})",
    python=False,
)
@c(
    "mlx_slice_update_dynamic",
    "array src, array update, array start, ints axes",
    check="mlx_c::check_update({src}, {update})",
    src="a",
    start="start_indices",
)
def slice_update(
    a: array, update: array, start_indices: array, axes: Sequence[int], *, stream: StreamLike = None
) -> array:
    """A copy with a block replaced whose start is itself an array.

    Args:
        a: Input array of any shape and dtype.
        update: The block.
        start_indices: Integer vector of first positions, one for every axis in ``axes``.
        axes: Axes that the start is given for; the block starts at zero along others.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``a``.

    Raises:
        ValueError: If the lengths of the arguments do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.slice_update(mx.zeros((2, 3)), mx.ones((2, 1)), mx.array([2]), (1,))
        array([[0, 0, 1],
               [0, 0, 1]], dtype=float32)

    See: MLX ``mlx.core.slice_update``.
    """

@c(
    "mlx_slice_update_add",
    "array src, array update, shape start, shape stop, shape strides",
    cpp=(
        "mlx::core::slice_update_add(mlx_c::fixed_shape({src}, {s}), {update}, {start}, "
        "{stop}, {strides}, {s})"
    ),
    check="mlx_c::check_strides({strides})",
    python=False,
)
def slice_update_add(
    src: array, update: array, start: Sequence[int], stop: Sequence[int], strides: Sequence[int]
) -> array:
    """A copy with a block added to."""

@c(
    "mlx_slice_update_prod",
    "array src, array update, shape start, shape stop, shape strides",
    cpp=(
        "mlx::core::slice_update_prod(mlx_c::fixed_shape({src}, {s}), {update}, {start}, "
        "{stop}, {strides}, {s})"
    ),
    check="mlx_c::check_strides({strides})",
    python=False,
)
def slice_update_prod(
    src: array, update: array, start: Sequence[int], stop: Sequence[int], strides: Sequence[int]
) -> array:
    """A copy with a block multiplied."""

@c(
    "mlx_slice_update_max",
    "array src, array update, shape start, shape stop, shape strides",
    cpp=(
        "mlx::core::slice_update_max(mlx_c::fixed_shape({src}, {s}), {update}, {start}, "
        "{stop}, {strides}, {s})"
    ),
    check="mlx_c::check_strides({strides})",
    python=False,
)
def slice_update_max(
    src: array, update: array, start: Sequence[int], stop: Sequence[int], strides: Sequence[int]
) -> array:
    """A copy with the larger of its own and the new elements in a block."""

@c(
    "mlx_slice_update_min",
    "array src, array update, shape start, shape stop, shape strides",
    cpp=(
        "mlx::core::slice_update_min(mlx_c::fixed_shape({src}, {s}), {update}, {start}, "
        "{stop}, {strides}, {s})"
    ),
    check="mlx_c::check_strides({strides})",
    python=False,
)
def slice_update_min(
    src: array, update: array, start: Sequence[int], stop: Sequence[int], strides: Sequence[int]
) -> array:
    """A copy with the smaller of its own and the new elements in a block."""

@c("mlx_gather", "array a, arrays indices, ints axes, shape slice_sizes", python=False)
@c("mlx_gather_single", "array a, array indices, int axis, shape slice_sizes", python=False)
def gather(
    a: array, indices: Sequence[array], axes: Sequence[int], slice_sizes: Sequence[int]
) -> array:
    """Slices of a given size from positions along some axes."""

@c(
    "mlx_scatter",
    "array a, arrays indices, array updates, ints axes",
    check="mlx_c::check_scatter({indices}, {updates})",
    python=False,
)
@c(
    "mlx_scatter_single",
    "array a, array indices, array updates, int axis",
    check="mlx_c::check_scatter({{{indices}}}, {updates})",
    python=False,
)
def scatter(a: array, indices: Sequence[array], updates: array, axes: Sequence[int]) -> array:
    """A copy with slices at positions along some axes replaced by updates."""

@c(
    "mlx_scatter_add",
    "array a, arrays indices, array updates, ints axes",
    check="mlx_c::check_scatter({indices}, {updates})",
    python=False,
)
@c(
    "mlx_scatter_add_single",
    "array a, array indices, array updates, int axis",
    check="mlx_c::check_scatter({{{indices}}}, {updates})",
    python=False,
)
def scatter_add(a: array, indices: Sequence[array], updates: array, axes: Sequence[int]) -> array:
    """A copy with slices at positions along some axes added to."""

@c(
    "mlx_scatter_prod",
    "array a, arrays indices, array updates, ints axes",
    check="mlx_c::check_scatter({indices}, {updates})",
    python=False,
)
@c(
    "mlx_scatter_prod_single",
    "array a, array indices, array updates, int axis",
    check="mlx_c::check_scatter({{{indices}}}, {updates})",
    python=False,
)
def scatter_prod(a: array, indices: Sequence[array], updates: array, axes: Sequence[int]) -> array:
    """A copy with slices at positions along some axes multiplied."""

@c(
    "mlx_scatter_max",
    "array a, arrays indices, array updates, ints axes",
    check="mlx_c::check_scatter({indices}, {updates})",
    python=False,
)
@c(
    "mlx_scatter_max_single",
    "array a, array indices, array updates, int axis",
    check="mlx_c::check_scatter({{{indices}}}, {updates})",
    python=False,
)
def scatter_max(a: array, indices: Sequence[array], updates: array, axes: Sequence[int]) -> array:
    """A copy with slices at positions along some axes replaced by updates that are larger."""

@c(
    "mlx_scatter_min",
    "array a, arrays indices, array updates, ints axes",
    check="mlx_c::check_scatter({indices}, {updates})",
    python=False,
)
@c(
    "mlx_scatter_min_single",
    "array a, array indices, array updates, int axis",
    check="mlx_c::check_scatter({{{indices}}}, {updates})",
    python=False,
)
def scatter_min(a: array, indices: Sequence[array], updates: array, axes: Sequence[int]) -> array:
    """A copy with slices at positions along some axes replaced by updates that are smaller."""

@c("mlx_scatter_add_axis", "array a, array indices, array values, int axis", python=False)
def scatter_add_axis(a: array, indices: array, values: array, axis: int) -> array:
    """A copy with values added at positions that differ from row to row."""

@c("mlx_masked_scatter", "array a, array mask, array src", python=False)
def masked_scatter(a: array, mask: array, src: array) -> array:
    """A copy with the elements under a mask replaced, in order, by those of a source."""
