"""Arrays joined, split, repeated, padded and rolled."""

cpp_includes = ["core/checks.hpp", "core/fixed_shape.hpp"]

@alias("concat")
@c("mlx_concatenate", "arrays arrays", when="axis is None", cpp="mlx::core::concatenate")
@c("mlx_concatenate_axis", "arrays arrays, int axis", cpp="mlx_c::concatenate")
def concatenate(
    arrays: Sequence[array], axis: int | None = 0, *, stream: StreamLike = None
) -> array:
    """Arrays joined along an axis they have.

    Args:
        arrays: Arrays of the same shape but for ``axis``.
        axis: Axis to join along, 0 by default; ``None`` flattens the arrays first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the promoted dtype.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If there are no arrays or their shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.concatenate([mx.array([1, 2]), mx.array([3])])
        array([1, 2, 3], dtype=int32)

    See: MLX ``mlx.core.concatenate``.
    """

@c("mlx_stack", "arrays arrays", when="axis is None")
@c("mlx_stack_axis", "arrays arrays, int axis")
def stack(arrays: Sequence[array], axis: int | None = 0, *, stream: StreamLike = None) -> array:
    """Arrays of one shape joined along a new axis.

    Args:
        arrays: Arrays of the same shape.
        axis: Position of the new axis in the result. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the promoted dtype with one axis more.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If there are no arrays or their shapes differ.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.stack([mx.array([1, 2]), mx.array([3, 4])], axis=1)
        array([[1, 3],
               [2, 4]], dtype=int32)

    See: MLX ``mlx.core.stack``.
    """

@method
@c(
    "mlx_split",
    "array a, int num_splits, int axis",
    check="mlx_c::check_pieces({a}, {num_splits})",
    when="isinstance(indices_or_sections, int)",
    num_splits="indices_or_sections",
)
@c("mlx_split_sections", "array a, shape indices, int axis", indices="indices_or_sections")
def split(
    a: array, /, indices_or_sections: IntOrInts, axis: int = 0, *, stream: StreamLike = None
) -> list[array]:
    """An array cut into pieces along an axis.

    Args:
        a: Input array of any shape and dtype.
        indices_or_sections: Number of equal pieces, or the positions to cut at.
        axis: Axis to cut. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        List of arrays.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If the axis cannot be cut into that many equal pieces.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.split(mx.arange(4), 2)
        [array([0, 1], dtype=int32), array([2, 3], dtype=int32)]
        >>> mx.split(mx.arange(4), [1])
        [array([0], dtype=int32), array([1, 2, 3], dtype=int32)]

    See: MLX ``mlx.core.split``.
    """
    # An int of another kind, such as NumPy's, is a number of pieces too.
    if getattr(indices_or_sections, "ndim", 1) == 0:
        indices_or_sections = to_int(indices_or_sections, "indices_or_sections")

@c("mlx_meshgrid", "arrays arrays, bool sparse, str indexing")
def meshgrid(
    *arrays: array,
    sparse: bool | None = False,
    indexing: str | None = "xy",
    stream: StreamLike = None,
) -> tuple[array, ...]:
    """Coordinates of the points of a grid, from the coordinates on its axes.

    Args:
        *arrays: Vectors or scalars.
        sparse: Return arrays that broadcast instead of full ones. Default ``False``.
        indexing: "xy" (default) runs the first vector along the second axis, "ij" along the first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of one array for every vector.

    Raises:
        ValueError: If ``indexing`` is neither "xy" nor "ij".

    Example:
        >>> import mlx_core_py as mx
        >>> mx.meshgrid(mx.array([1, 2]), mx.array([3, 4]))
        (array([[1, 2],
               [1, 2]], dtype=int32), array([[3, 3],
               [4, 4]], dtype=int32))

    See: MLX ``mlx.core.meshgrid``.
    """
    if sparse is None:
        sparse = False
    if indexing is None:
        indexing = "xy"

@c(
    "mlx_repeat",
    "array arr, int repeats",
    cpp="mlx::core::repeat(mlx_c::fixed_shape({arr}, {s}), {repeats}, {s})",
    when="axis is None",
    arr="array",
)
@c(
    "mlx_repeat_axis",
    "array arr, int repeats, int axis",
    cpp="mlx::core::repeat(mlx_c::fixed_shape({arr}, {s}), {repeats}, {axis}, {s})",
    arr="array",
)
def repeat(
    array: array,
    repeats: IntOrInts | array,
    axis: int | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Every element repeated in place.

    Args:
        array: Input array of any shape and dtype.
        repeats: How often, not negative; or how often each element along the axis, which is
            evaluated then, as the shape of the result depends on it.
        axis: Axis to work along; ``None`` (default) flattens first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of ``repeats`` times the length along the axis, or of the sum of ``repeats``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``repeats`` is negative, or not of the length of the axis.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.repeat(mx.array([1, 2]), 2)
        array([1, 1, 2, 2], dtype=int32)
        >>> mx.repeat(mx.array([1, 2]), [2, 1])
        array([1, 1, 2], dtype=int32)

    See: MLX ``mlx.core.repeat``.
    """
    if not isinstance(repeats, int):
        array = to_array(array, "array")
        if axis is None:
            array, axis = flatten(array, stream=stream), 0
        counts = to_array(repeats, "repeats")
        if not -array.ndim <= to_int(axis, "axis") < array.ndim:
            raise OutOfRangeError(f"axis {axis} is out of bounds for {array.ndim} dimensions")
        length = array.shape[axis]
        if counts.ndim > 1 or (counts.size != 1 and counts.size != length):
            raise ValueError(
                f"repeats must be a number or one for each of {length} elements, "
                f"but has the shape {counts.shape}"
            )
        if counts.dtype in (float16, bfloat16, float32, float64, complex64) and counts.size:
            raise WrongTypeError(f"repeats must hold ints, not {counts.dtype}")
        counts = broadcast_to(counts.astype(int64).reshape(-1), (length,), stream=stream)
        if length and min(counts, stream=stream).item() < 0:
            raise ValueError("repeats must not be negative")
        ends = cumsum(counts, stream=stream)
        count = ends[-1].item() if length else 0
        places = searchsorted(
            ends, arange(count, dtype=int64, stream=stream), side="right", stream=stream
        )
        return take(array, places, axis, stream=stream)

@c("mlx_tile", "array arr, ints reps", arr="a")
def tile(a: array, reps: IntOrInts, /, *, stream: StreamLike = None) -> array:
    """The whole array repeated along its axes.

    Args:
        a: Input array of any shape and dtype.
        reps: How often along every axis; missing ones, on either side, count as one in front.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array whose lengths are multiplied by ``reps``.

    Raises:
        ValueError: If a number is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.tile(mx.array([1, 2]), 2)
        array([1, 2, 1, 2], dtype=int32)

    See: MLX ``mlx.core.tile``.
    """

@c("mlx_roll", "array a, shape shift", when="axis is None")
@c("mlx_roll_axis", "array a, shape shift, int axis", when="isinstance(axis, int)")
@c("mlx_roll_axes", "array a, shape shift, ints axes", axes="axis")
def roll(
    a: array, /, shift: IntOrInts, axis: IntOrInts | None = None, *, stream: StreamLike = None
) -> array:
    """The elements moved round along some axes.

    Args:
        a: Input array of any shape and dtype.
        shift: Places to move, positive to the end; several add up or go with several axes.
        axis: Axis or axes to move along; ``None`` (default) moves the flattened array.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``shift`` and ``axis`` differ in length.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.roll(mx.array([1, 2, 3]), 1)
        array([3, 1, 2], dtype=int32)

    See: MLX ``mlx.core.roll``.
    """
    if axis is not None and not isinstance(axis, int):
        shift = to_int_list(shift, "shift")
        if len(shift) == 1:
            shift *= len(to_int_list(axis, "axis"))

def _pad_widths(pad_width: object, ndim: int) -> list[tuple[int, int]]:
    """The padding before and after every axis, from one of the forms that `pad` takes."""
    # NumPy's ints and arrays of either kind too.
    if hasattr(pad_width, "tolist"):
        pad_width = pad_width.tolist()
    if isinstance(pad_width, int):
        return [(pad_width, pad_width)] * ndim
    try:
        widths = list(pad_width)
        if False not in [isinstance(width, int) for width in widths] and len(widths) in (1, 2):
            widths = [widths] * ndim
        elif len(widths) == 1:
            widths *= ndim
        pairs = [(width[0], width[-1]) for width in widths if len(width) in (1, 2)]
    except (TypeError, IndexError, KeyError):
        raise TypeError("pad_width must be an integer, a pair or a list of pairs") from None
    if len(pairs) != ndim or len(widths) != ndim:
        raise ValueError(f"pad_width must hold one pair for every one of the {ndim} axes")
    return pairs

@c(
    "mlx_pad",
    "array a, ints axes, shape low_pad_size, shape high_pad_size, array pad_value, str mode",
    axes="range(len(widths))",
    low_pad_size="before",
    high_pad_size="after",
    pad_value="constant_values",
)
@c("mlx_pad_symmetric", "array a, int pad_width, array pad_value, str mode", python=False)
def pad(
    a: array,
    pad_width: int | Sequence[int] | Sequence[Sequence[int]],
    mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant",
    constant_values: Scalar | array = 0,
    *,
    stream: StreamLike = None,
) -> array:
    """An array with a border.

    Args:
        a: Input array of any shape and dtype.
        pad_width: Border on all sides, a pair for before and after, or a pair for every axis.
        mode: "constant" (default), "edge" (repeat the last element), or the mirror images "reflect"
            and "symmetric", without and with the last element.
        constant_values: Scalar for the mode "constant". Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array longer by the border along every axis.

    Raises:
        TypeError: If ``pad_width`` has none of the forms above.
        ValueError: If a width is negative or missing, ``mode`` is unknown, or ``constant_values``
            is not a single number.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.pad(mx.array([1, 2]), (1, 2))
        array([0, 1, 2, 0, 0], dtype=int32)
        >>> mx.pad(mx.array([1, 2, 3]), 1, "reflect")
        array([2, 1, 2, 3, 2], dtype=int32)

    See: MLX ``mlx.core.pad``.
    """
    a = to_array(a, "a")
    widths = _pad_widths(pad_width, a.ndim)
    before = [width[0] for width in widths]
    after = [width[1] for width in widths]
    constant_values = to_operand(constant_values, a, None, "constant_values")
    if constant_values.ndim > 0 and constant_values.size != 1:
        raise ValueError(f"constant_values must be one number, not {constant_values.size} of them")
