"""Elements turned round, put in and left out."""

@composed
def rot90(
    m: array, k: int = 1, axes: Sequence[int] = (0, 1), *, stream: StreamLike = None
) -> array:
    """An array turned by right angles in the plane of two axes.

    Args:
        m: Input array of at least two dimensions and any dtype.
        k: How many right angles, from the first of the axes towards the second. Default 1.
        axes: The two axes. Default ``(0, 1)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``m``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If there are not two different axes.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.rot90(mx.array([[1, 2], [3, 4]]))
        array([[2, 4],
               [1, 3]], dtype=int32)

    See: NumPy ``numpy.rot90``.
    """
    m = to_array(m, "m")
    k = to_int(k, "k") % 4
    axes = [*to_int_list(axes, "axes")]
    if len(axes) != 2:
        raise ValueError(f"axes must be two, not {len(axes)}")
    first, second = [_axis_of(axis, m.ndim, "axes") for axis in axes]
    if first == second:
        raise ValueError(f"axes must be different, but both are {first}")
    if k == 0:
        return array(m)
    if k == 2:
        return flip(m, [first, second])
    if k == 1:
        return swapaxes(flip(m, second), first, second)
    return flip(swapaxes(m, first, second), second)

@composed
def fliplr(m: array, *, stream: StreamLike = None) -> array:
    """An array with the order along the second axis reversed.

    Args:
        m: Input array of at least two dimensions and any dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``m``.

    Raises:
        ValueError: If ``m`` has fewer than two dimensions.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fliplr(mx.array([[1, 2], [3, 4]]))
        array([[2, 1],
               [4, 3]], dtype=int32)

    See: NumPy ``numpy.fliplr``.
    """
    m = to_array(m, "m")
    if m.ndim < 2:
        raise ValueError(f"m must have at least two dimensions, not {m.ndim}")
    return flip(m, 1)

@composed
def flipud(m: array, *, stream: StreamLike = None) -> array:
    """An array with the order along the first axis reversed.

    Args:
        m: Input array of at least one dimension and any dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``m``.

    Raises:
        ValueError: If ``m`` is a scalar.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.flipud(mx.array([[1, 2], [3, 4]]))
        array([[3, 4],
               [1, 2]], dtype=int32)

    See: NumPy ``numpy.flipud``.
    """
    m = to_array(m, "m")
    if m.ndim < 1:
        raise ValueError("m must have at least one dimension")
    return flip(m, 0)

@composed
def ravel(a: array, *, stream: StreamLike = None) -> array:
    """The elements of an array as a vector, in row-major order.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the dtype of ``a``.

    Raises:
        TypeError: If ``a`` cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.ravel(mx.array([[1, 2], [3, 4]]))
        array([1, 2, 3, 4], dtype=int32)

    See: NumPy ``numpy.ravel``.
    """
    return flatten(to_array(a, "a"))

@composed
def append(
    arr: array,
    values: Scalar | array | Sequence[Any],
    axis: int | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """A copy with values behind the end of an axis.

    Args:
        arr: Input array of any shape and dtype.
        values: Values of the shape of ``arr`` but for the axis; of any shape if that is ``None``.
        axis: Axis to append along; ``None`` (default) flattens both first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the promoted dtype.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If the shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.append(mx.array([1, 2]), 3)
        array([1, 2, 3], dtype=int32)

    See: NumPy ``numpy.append``.
    """
    arr = to_array(arr, "arr")
    values = to_operand(values, arr, None, "values")
    return concatenate([arr, values], axis)

def _places(obj: object, length: int, name: str, most: int) -> list[int]:
    """The positions along an axis that an index means, counted from the front."""
    if hasattr(obj, "indices"):
        return [*range(*obj.indices(length))]
    indices = to_array(obj, name)
    if indices.dtype in (float16, bfloat16, float32, float64, complex64) and indices.size:
        raise WrongTypeError(f"{name} must hold integers or booleans, not {indices.dtype.name}")
    numbers = _known_list(indices.flatten(), name)
    if indices.dtype == bool_:
        if indices.shape != (length,):
            raise ValueError(f"{name} is a mask of shape {indices.shape}, not ({length},)")
        return [place for place, chosen in enumerate(numbers) if chosen]
    for number in numbers:
        if not -length <= number < most:
            raise OutOfRangeError(f"{name} {number} is out of bounds for a length of {length}")
    return [number + length if number < 0 else number for number in numbers]

def _known_list(a: array, name: str) -> list[object]:
    """The elements of a vector."""
    try:
        return a.tolist()
    except ValueError as error:
        if not str(error).startswith("[eval]"):
            raise
        raise ValueError(
            f"{name} is not known while compile or vmap traces the function: pass ints"
        ) from None

@composed
def delete(
    arr: array,
    obj: int | Sequence[int] | Any | array,
    axis: int | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """A copy without some positions along an axis.

    Args:
        arr: Input array of any shape and dtype.
        obj: Position, positions, a slice of them, or a boolean vector that is true there; read when
            the function is called.
        axis: Axis to delete along; ``None`` (default) flattens ``arr`` first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``arr``.

    Raises:
        IndexError: If an axis or a position is out of bounds.
        TypeError: If ``obj`` holds other than integers or booleans.
        ValueError: If a boolean vector has another length than the axis.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.delete(mx.array([1, 2, 3, 4]), [0, 2])
        array([2, 4], dtype=int32)

    See: NumPy ``numpy.delete``.
    """
    arr = to_array(arr, "arr")
    if axis is None:
        arr, axis = arr.flatten(), 0
    axis = _axis_of(axis, arr.ndim, "axis")
    length = arr.shape[axis]
    gone = sorted({*_places(obj, length, "obj", length)})
    if len(gone) <= 8:
        moved = moveaxis(arr, axis, 0)
        bounds = zip([0, *[place + 1 for place in gone]], [*gone, length], strict=True)
        return moveaxis(concatenate([moved[start:stop] for start, stop in bounds]), 0, axis)
    left = put_along_axis(ones((length,), bool_), array(gone, int32), array(False), 0)
    return take(arr, _positions(left, length - len(gone)), axis)

@composed
def insert(
    arr: array,
    obj: int | Sequence[int] | Any | array,
    values: Scalar | array | Sequence[Any],
    axis: int | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """A copy with values put before some positions along an axis.

    Args:
        arr: Input array of any shape and dtype.
        obj: Position, positions, or a slice of them, in ``arr``; read when the function is called.
        values: Values, which broadcast to the slices put in, and take the dtype of ``arr``. At one
            position several slices can be put in, which are along the first axis of ``values`` if
            ``obj`` is an int.
        axis: Axis to insert along; ``None`` (default) flattens ``arr`` first.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``arr``.

    Raises:
        IndexError: If an axis or a position is out of bounds.
        TypeError: If ``obj`` holds other than integers or booleans.
        ValueError: If the shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.insert(mx.array([1, 2, 3]), 1, 9)
        array([1, 9, 2, 3], dtype=int32)

    See: NumPy ``numpy.insert``.
    """
    arr = to_array(arr, "arr")
    values = to_operand(values, arr, None, "values").astype(arr.dtype)
    if axis is None:
        arr, axis = arr.flatten(), 0
    axis = _axis_of(axis, arr.ndim, "axis")
    length = arr.shape[axis]
    places = _places(obj, length, "obj", length + 1)
    single = isinstance(obj, int) or getattr(obj, "ndim", 1) == 0
    moved = moveaxis(arr, axis, 0)
    if single or len(places) == 1:
        # The values may be several slices: along their first axis, beside an int.
        values = values.reshape([1] * (arr.ndim - values.ndim) + [*values.shape])
        values = values if single else moveaxis(values, axis, 0)
        places = places * values.shape[0]
    else:
        shape = [*arr.shape[:axis], len(places), *arr.shape[axis + 1 :]]
        values = moveaxis(broadcast_to(values, shape), axis, 0)
    values = broadcast_to(values, [len(places), *moved.shape[1:]])
    # Each element of the result is one of the old or of the new.
    order = sorted(range(len(places)), key=places.__getitem__)
    if len(order) <= 8:
        parts = []
        start = 0
        for number in order:
            parts += [moved[start : places[number]], values[number : number + 1]]
            start = places[number]
        return moveaxis(concatenate([*parts, moved[start:]]), 0, axis)
    taken = array([places[number] + before for before, number in enumerate(order)], int32)
    old = put_along_axis(ones((length + len(order),), bool_), taken, array(False), 0)
    index = cumsum(old.astype(int32)) - 1
    index = put_along_axis(index, taken, array([length + n for n in order], int32), 0)
    return moveaxis(take(concatenate([moved, values]), index, 0), 0, axis)

@composed
def resize(a: array, new_shape: IntOrInts, *, stream: StreamLike = None) -> array:
    """An array of another shape, filled with the elements in order, again and again.

    Args:
        a: Input array of any shape and dtype.
        new_shape: Shape of the result.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``a``; zeros if that has no elements.

    Raises:
        ValueError: If a length is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.resize(mx.array([1, 2, 3]), (2, 2))
        array([[1, 2],
               [3, 1]], dtype=int32)

    See: NumPy ``numpy.resize``.
    """
    a = to_array(a, "a").flatten()
    if isinstance(new_shape, int):
        shape = [to_int(new_shape, "new_shape")]
    else:
        shape = [*to_int_list(new_shape, "new_shape")]
    size = 1
    for length in shape:
        if length < 0:
            raise ValueError(f"new_shape has a negative length: {shape}")
        size *= length
    if a.size == 0 or size == 0:
        return zeros(shape, a.dtype)
    repeats = -(-size // a.size)
    return (tile(a, repeats)[:size] if repeats > 1 else a[:size]).reshape(shape)

@composed
def trim_zeros(
    filt: array, trim: str = "fb", axis: IntOrInts | None = None, *, stream: StreamLike = None
) -> array:
    """An array without the zeros at its ends.

    Evaluates ``filt``.

    Args:
        filt: Input array of any shape and dtype.
        trim: Ends to trim: "f" the front, "b" the back, "fb" (default) both.
        axis: Axis or axes to trim; ``None`` (default) means all of them. Slices are left out that
            hold nothing but zeros.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``filt``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``trim`` is another string; or while ``compile`` or ``vmap`` traces the
            function.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.trim_zeros(mx.array([0, 1, 0, 2, 0]))
        array([1, 0, 2], dtype=int32)

    See: NumPy ``numpy.trim_zeros``.
    """
    filt = to_array(filt, "filt")
    if not isinstance(trim, str):
        raise WrongTypeError(f"trim must be a string, not {type(trim).__name__}")
    if axis is None:
        axes = [*range(filt.ndim)]
    elif isinstance(axis, int):
        axes = [_axis_of(axis, filt.ndim, "axis")]
    else:
        axes = [_axis_of(number, filt.ndim, "axis") for number in to_int_list(axis, "axis")]
    ends = trim.lower()
    if ends not in ("f", "b", "fb", "bf"):
        raise ValueError(f"trim must be 'f', 'b' or 'fb', not {trim!r}")
    result = filt
    for d in axes:
        others = [other for other in range(filt.ndim) if other != d]
        nonzeros = any(filt != 0, others)
        places = _known_list(nonzeros, "filt")
        start, stop = 0, len(places)
        if True not in places:
            start, stop = (stop, stop) if "f" in ends else (0, 0)
        else:
            start = places.index(True) if "f" in ends else 0
            stop = stop - places[::-1].index(True) if "b" in ends else stop
        result = moveaxis(moveaxis(result, d, 0)[start:stop], 0, d)
    return result
