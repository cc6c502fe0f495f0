"""Shapes, axes and layouts: the same elements, seen another way."""


@method("*shape: int | Sequence[int], stream: StreamLike = None")
@c("mlx_reshape", "array a, shape shape")
def reshape(a: array, /, shape: Sequence[int], *, stream: StreamLike = None) -> array:
    """The elements in row-major order in another shape.

    Args:
        a: Input array of any shape and dtype.
        shape: New lengths; one of them may be -1 and is then worked out.
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


@c("mlx_unflatten", "array a, int axis, shape shape")
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
@c("mlx_squeeze_axis", "array a, int axis", when="isinstance(axis, int)")
@c("mlx_squeeze_axes", "array a, ints axes", axes="axis")
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


@c("mlx_expand_dims", "array a, int axis", when="isinstance(axis, int)")
@c("mlx_expand_dims_axes", "array a, ints axes", axes="axis")
def expand_dims(a: array, /, axis: IntOrInts, *, stream: StreamLike = None) -> array:
    """The array with new axes of length one.

    Args:
        a: Input array of any shape and dtype.
        axis: Position or positions of the new axes in the result.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the same elements and more axes.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.expand_dims(mx.array([1, 2]), 1)
        array([[1],
               [2]], dtype=int32)

    See: MLX ``mlx.core.expand_dims``.
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


@c("mlx_moveaxis", "array a, int source, int destination")
@method
def moveaxis(a: array, /, source: int, destination: int, *, stream: StreamLike = None) -> array:
    """One axis moved to another place, the others kept in order.

    Args:
        a: Input array of any shape and dtype.
        source: Axis to move.
        destination: Where it is to be in the result.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the axes in the new order.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.moveaxis(mx.zeros((2, 3, 4)), 0, 2).shape
        (3, 4, 2)

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
@c("mlx_transpose", "array a", when="axes is None")
@c("mlx_transpose_axes", "array a, ints axes")
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


@c("mlx_broadcast_to", "array a, shape shape")
def broadcast_to(a: Scalar | array, /, shape: Sequence[int], *, stream: StreamLike = None) -> array:
    """The array repeated along new or length-one axes to fit a shape.

    Args:
        a: Array or scalar.
        shape: Shape of the result.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape, without a copy.

    Raises:
        ValueError: If ``a`` does not broadcast to the shape.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.broadcast_to(mx.array([1, 2]), (2, 2))
        array([[1, 2],
               [1, 2]], dtype=int32)

    See: MLX ``mlx.core.broadcast_to``.
    """


@c("mlx_broadcast_arrays", "arrays inputs", inputs="arrays")
def broadcast_arrays(*arrays: array, stream: StreamLike = None) -> list[array]:
    """Arrays broadcast against each other.

    Args:
        *arrays: Arrays whose shapes broadcast.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        List of the arrays, all of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> [x.shape for x in mx.broadcast_arrays(mx.zeros((2, 1)), mx.zeros(3))]
        [(2, 3), (2, 3)]

    See: MLX ``mlx.core.broadcast_arrays``.
    """


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape that arrays of some shapes broadcast to.

    Args:
        *shapes: At least one shape.

    Returns:
        The common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.broadcast_shapes((2, 1), (3,))
        (2, 3)

    See: MLX ``mlx.core.broadcast_shapes``.
    """
    if not shapes:
        raise ValueError("broadcast_shapes needs at least one shape")
    lengths = []
    for shape in shapes:
        for back, length in enumerate(reversed(shape)):
            if length < 0:
                raise ValueError(f"a length is negative in {tuple(shape)}")
            if back == len(lengths):
                lengths.append(length)
            elif lengths[back] == 1:
                lengths[back] = length
            elif length not in (1, lengths[back]):
                raise ValueError(f"the shapes {shapes} do not broadcast")
    return tuple(reversed(lengths))


@c("mlx_atleast_1d", "array a", cpp="mlx::core::atleast_1d")
def _atleast_1d(a: array, stream: StreamLike = None) -> array:
    """One array with at least one dimension."""


def atleast_1d(*arys: array, stream: StreamLike = None) -> array | list[array]:
    """Arrays with at least one dimension.

    Args:
        *arys: Arrays or scalars.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        One array for one argument, else a list; scalars get shape ``(1,)``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.atleast_1d(mx.array(3))
        array([3], dtype=int32)

    See: MLX ``mlx.core.atleast_1d``.
    """
    results = [_atleast_1d(value, stream) for value in arys]
    return results[0] if len(results) == 1 else results


@c("mlx_atleast_2d", "array a", cpp="mlx::core::atleast_2d")
def _atleast_2d(a: array, stream: StreamLike = None) -> array:
    """One array with at least two dimensions."""


def atleast_2d(*arys: array, stream: StreamLike = None) -> array | list[array]:
    """Arrays with at least two dimensions.

    Args:
        *arys: Arrays or scalars.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        One array for one argument, else a list; missing axes are added in front.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.atleast_2d(mx.array([1, 2]))
        array([[1, 2]], dtype=int32)

    See: MLX ``mlx.core.atleast_2d``.
    """
    results = [_atleast_2d(value, stream) for value in arys]
    return results[0] if len(results) == 1 else results


@c("mlx_atleast_3d", "array a", cpp="mlx::core::atleast_3d")
def _atleast_3d(a: array, stream: StreamLike = None) -> array:
    """One array with at least three dimensions."""


def atleast_3d(*arys: array, stream: StreamLike = None) -> array | list[array]:
    """Arrays with at least three dimensions.

    Args:
        *arys: Arrays or scalars.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        One array for one argument, else a list; ``(N,)`` becomes ``(1, N, 1)`` and ``(M, N)``
        becomes ``(M, N, 1)``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.atleast_3d(mx.array([1, 2])).shape
        (1, 2, 1)

    See: MLX ``mlx.core.atleast_3d``.
    """
    results = [_atleast_3d(value, stream) for value in arys]
    return results[0] if len(results) == 1 else results


@c("mlx_number_of_elements", "array a, ints axes, bool inverted, dtype dtype", python=False)
def number_of_elements(a: array, axes: Sequence[int], inverted: bool, dtype: Dtype) -> array:
    """Product of the lengths of some axes, known only when shapes are."""


@method
@c("mlx_astype", "array a, dtype dtype")
def astype(a: array, /, dtype: Dtype, stream: StreamLike = None) -> array:
    """The elements converted to another type.

    Args:
        a: Input array of any shape and dtype.
        dtype: Type of the result.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        TypeError: If ``dtype`` is not a dtype.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.astype(mx.array([1.7, -1.7]), mx.int32)
        array([1, -1], dtype=int32)

    See: MLX ``mlx.core.astype``.
    """


@method
@c("mlx_view", "array a, dtype dtype")
def view(a: Scalar | array, dtype: Dtype, stream: StreamLike = None) -> array:
    """The bytes of the elements read as another type.

    Args:
        a: Array or scalar.
        dtype: Type of the result; a size other than that of ``a`` changes the last axis.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the same bytes.

    Raises:
        ValueError: If the last axis does not hold a whole number of elements of ``dtype``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.view(mx.array([1.0]), mx.int32)
        array([1065353216], dtype=int32)

    See: MLX ``mlx.core.view``.
    """


@c("mlx_as_strided", "array a, shape shape, strides strides, size offset")
def as_strided(
    a: array,
    /,
    shape: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
    offset: int = 0,
    *,
    stream: StreamLike = None,
) -> array:
    """A view of the elements in row-major order with any shape and strides.

    MLX reads whatever lies there; here positions outside of ``a`` are refused.

    Args:
        a: Input array of any shape and dtype.
        shape: Shape of the view; ``None`` (default) is that of ``a``.
        strides: Steps, in elements, along every axis; ``None`` (default) is row-major.
        offset: Position of the first element. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the given shape.

    Raises:
        ValueError: If shape and strides differ in length or the view leaves the array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.as_strided(mx.arange(5), (3, 2), (1, 2))
        array([[0, 2],
               [1, 3],
               [2, 4]], dtype=int32)

    See: MLX ``mlx.core.as_strided``.
    """
    a = to_array(a, "a")
    shape = a.shape if shape is None else tuple(shape)
    if strides is None:
        strides = [1] * len(shape)
        for axis in range(len(shape) - 2, -1, -1):
            strides[axis] = strides[axis + 1] * shape[axis + 1]
    if len(strides) != len(shape):
        raise ValueError(f"strides has {len(strides)} steps for {len(shape)} axes of shape")
    if 0 not in shape:
        lowest = highest = offset
        for length, step in zip(shape, strides):
            if step < 0:
                lowest += (length - 1) * step
            else:
                highest += (length - 1) * step
        if lowest < 0 or highest >= a.size:
            raise ValueError(
                f"shape, strides and offset reach from element {lowest} to {highest}, "
                f"but a has {a.size} elements"
            )


@c("mlx_contiguous", "array a, bool allow_col_major")
def contiguous(a: array, /, allow_col_major: bool = False, *, stream: StreamLike = None) -> array:
    """The array with its elements one after the other in memory.

    Args:
        a: Input array of any shape and dtype.
        allow_col_major: Leave a column-major array as it is. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array equal to ``a``, copied only if needed.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.contiguous(mx.array([[1, 2], [3, 4]]).T)
        array([[1, 3],
               [2, 4]], dtype=int32)

    See: MLX ``mlx.core.contiguous``.
    """


@c("mlx_copy", "array a", python=False)
def copy(a: array) -> array:
    """A copy of an array."""


@c("mlx_depends", "arrays inputs, arrays dependencies", stream=False, cpp="mlx::core::depends")
def _depends(inputs: Sequence[array], dependencies: Sequence[array]) -> list[array]:
    """Arrays that wait for others when they are evaluated."""


def depends(
    inputs: array | Sequence[array], dependencies: array | Sequence[array]
) -> array | list[array]:
    """The same arrays, evaluated only after some others.

    Args:
        inputs: Array or arrays to hold back.
        dependencies: Array or arrays to evaluate first.

    Returns:
        An array for an array, a list for a sequence.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.depends(mx.array(1), mx.array(2))
        array(1, dtype=int32)

    See: MLX ``mlx.core.depends``.
    """
    single = isinstance(inputs, array)
    results = _depends(
        [inputs] if single else inputs,
        [dependencies] if isinstance(dependencies, array) else dependencies,
    )
    return results[0] if single else results
