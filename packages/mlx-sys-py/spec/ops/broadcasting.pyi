"""Shapes brought together: broadcasting and added axes."""

cpp_includes = ["core/checks.hpp"]

@c("mlx_expand_dims", "array a, int axis", when="isinstance(axis, int)", cpp="mlx_c::expand_dims")
@c("mlx_expand_dims_axes", "array a, ints axes", axes="axis", cpp="mlx_c::expand_dims")
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
        *shapes: Any number of shapes.

    Returns:
        The common shape; that of a scalar if there are none.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.broadcast_shapes((2, 1), (3,))
        (2, 3)

    See: MLX ``mlx.core.broadcast_shapes``.
    """
    lengths = []
    for shape in shapes:
        for back, length in enumerate(reversed(to_int_list(shape, "shapes"))):
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
    results = [_atleast_1d(to_array(value, "arys"), stream) for value in arys]
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
    results = [_atleast_2d(to_array(value, "arys"), stream) for value in arys]
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
    results = [_atleast_3d(to_array(value, "arys"), stream) for value in arys]
    return results[0] if len(results) == 1 else results

@c(
    "mlx_number_of_elements",
    "array a, ints axes, bool inverted, dtype dtype",
    check="mlx_c::check_axes({a}, {axes})",
    python=False,
)
def number_of_elements(a: array, axes: Sequence[int], inverted: bool, dtype: Dtype) -> array:
    """Product of the lengths of some axes, known only when shapes are."""
