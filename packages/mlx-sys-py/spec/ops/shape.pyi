"""Shapes, axes and layouts: the same elements, seen another way."""

cpp_includes = ["core/axes.hpp", "core/cached_views.hpp", "core/checks.hpp"]

@method("*shape: int | Sequence[int], copy: bool | None = None, stream: StreamLike = None")
@cached_node
@c("mlx_reshape", "array a, shape shape", check="mlx_c::check_lengths({shape})")
def reshape(
    a: array, /, shape: Sequence[int], *, copy: bool | None = None, stream: StreamLike = None
) -> array:
    """The elements in row-major order in another shape.

    Args:
        a: Input array of any shape and dtype.
        shape: New lengths; one of them may be -1 and is then worked out.
        copy: Taken for the array API. It changes nothing: what is written to one array shows in no
            other.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape.

    Raises:
        ValueError: If the shape does not hold the number of elements of ``a``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.reshape(mx.arange(4), (2, -1))
        array([[0, 1],
               [2, 3]], dtype=int32)

    See: MLX ``mlx.core.reshape``.
    """
    if copy is not None:
        to_bool(copy, "copy")
    if isinstance(shape, tuple) and len(shape) == 1 and isinstance(shape[0], (list, tuple)):
        shape = shape[0]

@method
@c("mlx_flatten", "array a, int start_axis, int end_axis")
def flatten(
    a: array, /, start_axis: int = 0, end_axis: int = -1, *, stream: StreamLike = None
) -> array:
    """A range of axes merged into one.

    Args:
        a: Input array of any shape and dtype.
        start_axis: First axis of the range. Default 0.
        end_axis: Last axis of the range. Default -1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the axes of the range as one; a scalar becomes a vector of length one.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If the range is empty.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.flatten(mx.array([[1, 2], [3, 4]]))
        array([1, 2, 3, 4], dtype=int32)

    See: MLX ``mlx.core.flatten``.
    """

@c(
    "mlx_unflatten",
    "array a, int axis, shape shape",
    check="mlx_c::check_lengths({shape})",
)
def unflatten(a: array, /, axis: int, shape: Sequence[int], *, stream: StreamLike = None) -> array:
    """One axis split into several.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to split.
        shape: Lengths in its place; one of them may be -1 and is then worked out.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with ``axis`` replaced by axes of the given lengths.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``shape`` does not hold the length of the axis.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.unflatten(mx.arange(4), 0, (2, -1))
        array([[0, 1],
               [2, 3]], dtype=int32)

    See: MLX ``mlx.core.unflatten``.
    """

@method
@c("mlx_squeeze", "array a", when="axis is None")
@c("mlx_squeeze_axis", "array a, int axis", when="isinstance(axis, int)", cpp="mlx_c::squeeze")
@c("mlx_squeeze_axes", "array a, ints axes", axes="axis", cpp="mlx_c::squeeze")
def squeeze(a: array, /, axis: IntOrInts | None = None, *, stream: StreamLike = None) -> array:
    """The array without axes of length one.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to leave out; ``None`` (default) means all of length one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the same elements and fewer axes.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a given axis is not of length one or repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.squeeze(mx.array([[[1, 2]]]))
        array([1, 2], dtype=int32)

    See: MLX ``mlx.core.squeeze``.
    """

@c("mlx_flip", "array a", when="axis is None")
@c("mlx_flip_axis", "array a, int axis", when="isinstance(axis, int)")
@c("mlx_flip_axes", "array a, ints axes", axes="axis")
def flip(a: array, /, axis: IntOrInts | None = None, *, stream: StreamLike = None) -> array:
    """The elements in reverse order along some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to turn round; ``None`` (default) means all of them.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.flip(mx.array([[1, 2], [3, 4]]), axis=1)
        array([[2, 1],
               [4, 3]], dtype=int32)

    See: MLX ``mlx.core.flip``.
    """

@c("mlx_unstack", "array x, int axis")
def unstack(x: array, /, *, axis: int = 0, stream: StreamLike = None) -> tuple[array, ...]:
    """The slices of an array along an axis.

    Args:
        x: Array of at least one dimension.
        axis: Axis that is taken apart. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple with one array without that axis for every position on it.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.unstack(mx.array([[1, 2], [3, 4]]))
        (array([1, 2], dtype=int32), array([3, 4], dtype=int32))

    See: MLX ``mlx.core.unstack``.
    """

@c(
    "mlx_moveaxis",
    "array a, int source, int destination",
    when="isinstance(source, int) and isinstance(destination, int)",
)
@c(
    "mlx_moveaxis_axes",
    "array a, ints source, ints destination",
    cpp="mlx_c::move_axes({a}, {source}, {destination}, {s})",
)
@method
def moveaxis(
    a: array, /, source: IntOrInts, destination: IntOrInts, *, stream: StreamLike = None
) -> array:
    """Axes moved to other places, the others kept in order.

    Args:
        a: Input array of any shape and dtype.
        source: Axis or axes to move.
        destination: Where each is to be in the result.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the axes in the new order.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated, or there are not as many places as axes.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.moveaxis(mx.zeros((2, 3, 4)), 0, 2).shape
        (3, 4, 2)
        >>> mx.moveaxis(mx.zeros((2, 3, 4)), (0, 1), (-1, -2)).shape
        (4, 3, 2)

    See: MLX ``mlx.core.moveaxis``.
    """

@method
@c("mlx_swapaxes", "array a, int axis1, int axis2")
def swapaxes(a: array, /, axis1: int, axis2: int, *, stream: StreamLike = None) -> array:
    """Two axes exchanged.

    Args:
        a: Input array of any shape and dtype.
        axis1: One axis.
        axis2: The other axis.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the two axes in each other's place.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.swapaxes(mx.zeros((2, 3, 4)), 0, 2).shape
        (4, 3, 2)

    See: MLX ``mlx.core.swapaxes``.
    """

@alias("permute_dims")
@method("*axes: int | Sequence[int], stream: StreamLike = None")
@c("mlx_transpose", "array a", when="axes is None", cpp="mlx_c::transpose")
@c("mlx_transpose_axes", "array a, ints axes", cpp="mlx_c::transpose")
def transpose(
    a: array, /, axes: Sequence[int] | None = None, *, stream: StreamLike = None
) -> array:
    """The axes in another order.

    Args:
        a: Input array of any shape and dtype.
        axes: Order of the axes; ``None`` (default), or none at all, reverses them.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with its axes permuted.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``axes`` is not a permutation of the axes of ``a``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.transpose(mx.array([[1, 2], [3, 4]]))
        array([[1, 3],
               [2, 4]], dtype=int32)

    See: MLX ``mlx.core.transpose``.
    """
    if isinstance(axes, tuple) and not axes:
        axes = None
    elif isinstance(axes, tuple) and isinstance(axes[0], (list, tuple)):
        axes = axes[0]

@c("mlx_matrix_transpose", "array a")
def matrix_transpose(a: array, /, *, stream: StreamLike = None) -> array:
    """The last two axes exchanged.

    Args:
        a: Array of at least two dimensions.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., N, M)`` for an input of ``(..., M, N)``.

    Raises:
        ValueError: If ``a`` has fewer than two dimensions.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.matrix_transpose(mx.zeros((2, 3, 4))).shape
        (2, 4, 3)

    See: MLX ``mlx.core.matrix_transpose``.
    """
