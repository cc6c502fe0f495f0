"""Elements chosen by conditions, and where they are.

How many elements a condition chooses depends on its values, so these functions evaluate it. While
``compile`` or ``vmap`` traces a function there are no values: ``size=`` then says how many elements
there are to be.
"""

cpp_includes = ["core/positions.hpp"]

def _known(value: array, function: str, remedy: str) -> object:
    """The number in an array of one element, evaluated."""
    try:
        return value.item()
    except ValueError as error:
        if not str(error).startswith("[eval]"):
            raise
        raise ValueError(
            f"what {function} returns depends on values, which are not known while compile or vmap "
            f"traces it: {remedy}"
        ) from None

def _choice(value: object, name: str, choices: Sequence[str]) -> str:
    """A string out of a few."""
    if not isinstance(value, str):
        raise WrongTypeError(f"{name} must be a string, not {type(value).__name__}")
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value

def _axis_of(axis: object, ndim: int, name: str) -> int:
    """An axis, counted from the front."""
    number = to_int(axis, name)
    if not -ndim <= number < ndim:
        raise OutOfRangeError(f"{name} {number} is out of bounds for {ndim} dimensions")
    return number % ndim

def _length(value: object, name: str) -> int:
    """A number of elements."""
    number = to_int(value, name)
    if number < 0:
        raise ValueError(f"{name} must not be negative, but is {number}")
    return number

def _count_of(a: array, size: object, function: str) -> int:
    """How many elements are nonzero, or `size` if that is given."""
    if size is not None:
        return _length(size, "size")
    return _known(count_nonzero(a), function, "pass size=")

@c("_mlx_positions", "array a, int size", cpp="mlx_c::positions({a}, {size}, {s})")
def _positions(a: array, size: int, *, stream: StreamLike = None) -> array:
    """Where the elements of the flattened array are nonzero; its length in the places left over."""

def _unravelled(flat: array, shape: Sequence[int]) -> list[array]:
    """The indices for each axis of a flat index."""
    results = []
    for axis in range(len(shape) - 1, 0, -1):
        length = shape[axis] or 1
        above = flat // length
        results.append(flat - above * length)
        flat = above
    return [flat, *reversed(results)] if shape else []

def _fill_index(fill_value: object, name: str) -> int:
    """An index for the places left over."""
    if fill_value is None:
        return 0
    number = to_int(fill_value, name)
    if number < 0:
        raise ValueError(f"{name} must not be negative, as indices are uint32, but is {number}")
    return number

@composed
def nonzero(
    a: array,
    *,
    size: int | None = None,
    fill_value: int | Sequence[int] | None = None,
    stream: StreamLike = None,
) -> tuple[array, ...]:
    """Indices of the elements that are not zero, in row-major order.

    Evaluates ``a``, unless ``size`` is given.

    Args:
        a: Input array of at least one dimension and any dtype; NaN is not zero.
        size: How many indices to return: more are dropped, missing ones filled. ``None`` (default)
            means as many as there are.
        fill_value: Index in the places left over, for all axes or for each. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of a ``uint32`` vector for each axis.

    Raises:
        ValueError: If ``a`` is a scalar, or ``size`` or ``fill_value`` is negative; or while
            ``compile`` or ``vmap`` traces the function, without ``size``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nonzero(mx.array([[3, 0], [0, 4]]))
        (array([0, 1], dtype=uint32), array([0, 1], dtype=uint32))
        >>> mx.nonzero(mx.array([0, 5, 0]), size=2, fill_value=3)
        (array([1, 3], dtype=uint32),)

    See: NumPy ``numpy.nonzero``; ``size`` and ``fill_value`` as in JAX.
    """
    a = to_array(a, "a")
    if size is not None:
        size = _length(size, "size")
    if fill_value is None or isinstance(fill_value, int):
        fills = [_fill_index(fill_value, "fill_value")] * a.ndim
    else:
        fills = [
            _fill_index(value, "fill_value") for value in to_int_list(fill_value, "fill_value")
        ]
        if len(fills) != a.ndim:
            raise ValueError(f"fill_value has {len(fills)} entries for {a.ndim} axes")
    if a.ndim == 0:
        raise ValueError("nonzero takes an array of at least one dimension: see atleast_1d")
    found = _positions(a, _count_of(a, size, "nonzero"))
    results = _unravelled(found, a.shape)
    if size is not None:
        known = found < a.size
        results = [where(known, index, fill) for index, fill in zip(results, fills, strict=True)]
    return tuple(results)

@composed
def flatnonzero(
    a: array,
    *,
    size: int | None = None,
    fill_value: int | None = None,
    stream: StreamLike = None,
) -> array:
    """Indices of the elements of the flattened array that are not zero.

    Evaluates ``a``, unless ``size`` is given.

    Args:
        a: Input array of any shape and dtype; NaN is not zero.
        size: How many indices to return: more are dropped, missing ones filled. ``None`` (default)
            means as many as there are.
        fill_value: Index in the places left over. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` vector.

    Raises:
        ValueError: If ``size`` or ``fill_value`` is negative; or while ``compile`` or ``vmap``
            traces the function, without ``size``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.flatnonzero(mx.array([[3, 0], [0, 4]]))
        array([0, 3], dtype=uint32)

    See: NumPy ``numpy.flatnonzero``; ``size`` and ``fill_value`` as in JAX.
    """
    a = to_array(a, "a")
    fill_value = _fill_index(fill_value, "fill_value")
    count = _count_of(a, size, "flatnonzero")
    found = _positions(a, count)
    return found if size is None else where(found < a.size, found, fill_value)

@composed
def argwhere(
    a: array,
    *,
    size: int | None = None,
    fill_value: int | Sequence[int] | None = None,
    stream: StreamLike = None,
) -> array:
    """Indices of the elements that are not zero, a row for each.

    Evaluates ``a``, unless ``size`` is given.

    Args:
        a: Input array of any shape and dtype; NaN is not zero.
        size: How many rows to return: more are dropped, missing ones filled. ``None`` (default)
            means as many as there are.
        fill_value: Index in the places left over, for all axes or for each. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array of shape ``(N, a.ndim)``.

    Raises:
        ValueError: If ``size`` or ``fill_value`` is negative; or while ``compile`` or ``vmap``
            traces the function, without ``size``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.argwhere(mx.array([[3, 0], [0, 4]]))
        array([[0, 0],
               [1, 1]], dtype=uint32)

    See: NumPy ``numpy.argwhere``; ``size`` and ``fill_value`` as in JAX.
    """
    a = to_array(a, "a")
    if a.ndim == 0:
        _fill_index(fill_value, "fill_value")
        return zeros((_count_of(a, size, "argwhere"), 0), uint32)
    return stack(nonzero(a, size=size, fill_value=fill_value), 1)

@composed
def compress(
    condition: array | Sequence[Any],
    a: array,
    axis: int | None = None,
    *,
    size: int | None = None,
    fill_value: Scalar = 0,
    stream: StreamLike = None,
) -> array:
    """Slices of an array for which a condition holds.

    Evaluates ``condition``, unless ``size`` is given.

    Args:
        condition: Boolean vector; other dtypes count nonzero as true. What it is too short for is
            not chosen.
        a: Input array of any shape and dtype.
        axis: Axis to choose along; ``None`` (default) means the flattened array.
        size: How many slices to return: more are dropped, missing ones filled. ``None`` (default)
            means as many as are chosen.
        fill_value: Element of the slices left over. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds, or a position that ``a`` lacks is chosen.
        ValueError: If ``condition`` is not a vector; or while ``compile`` or ``vmap`` traces the
            function, without ``size``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.compress([True, False, True], mx.array([[1, 2], [3, 4], [5, 6]]), axis=0)
        array([[1, 2],
               [5, 6]], dtype=int32)

    See: NumPy ``numpy.compress``; ``size`` and ``fill_value`` as in JAX.
    """
    condition = to_array(condition, "condition")
    a = to_array(a, "a")
    fill_value = to_operand(fill_value, a, None, "fill_value")
    if axis is None:
        a, axis = a.flatten(), 0
    axis = _axis_of(axis, a.ndim, "axis")
    count = _count_of(condition, size, "compress")
    if condition.ndim != 1:
        raise ValueError(f"condition must be a vector, not of shape {condition.shape}")
    found = _positions(condition, count)
    if size is None:
        return take(a, found, axis)
    known = found < condition.size
    chosen = (
        take(a, where(known, found, 0), axis)
        if a.shape[axis]
        else zeros([*a.shape[:axis], count, *a.shape[axis + 1 :]], a.dtype)
    )
    known = known.reshape([count] + [1] * (a.ndim - 1 - axis))
    return where(known, chosen, fill_value.astype(a.dtype))

@composed
def extract(
    condition: array,
    arr: array,
    *,
    size: int | None = None,
    fill_value: Scalar = 0,
    stream: StreamLike = None,
) -> array:
    """Elements of the flattened array for which a condition holds.

    Evaluates ``condition``, unless ``size`` is given.

    Args:
        condition: Boolean array of the size of ``arr``; other dtypes count nonzero as true.
        arr: Input array of any shape and dtype.
        size: How many elements to return: more are dropped, missing ones filled. ``None`` (default)
            means as many as are chosen.
        fill_value: Element in the places left over. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the dtype of ``arr``.

    Raises:
        IndexError: If a position that ``arr`` lacks is chosen.
        ValueError: While ``compile`` or ``vmap`` traces the function, without ``size``.

    Example:
        >>> import mlx_core_py as mx
        >>> a = mx.array([3, 1, 4, 1])
        >>> mx.extract(a > 2, a)
        array([3, 4], dtype=int32)

    See: NumPy ``numpy.extract``; ``size`` and ``fill_value`` as in JAX.
    """
    condition = to_array(condition, "condition").flatten()
    return compress(condition, to_array(arr, "arr"), None, size=size, fill_value=fill_value)

@composed
def select(
    condlist: Sequence[array],
    choicelist: Sequence[array],
    default: Scalar | array = 0,
    *,
    stream: StreamLike = None,
) -> array:
    """Elements of the first of several arrays whose condition holds.

    Args:
        condlist: Boolean arrays, one for each array to choose from.
        choicelist: Arrays or scalars that broadcast with the conditions.
        default: Array or scalar taken where no condition holds. Default 0.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and the promoted dtype of ``choicelist`` and ``default``.

    Raises:
        TypeError: If a condition is not boolean.
        ValueError: If there are no conditions, or not as many as choices.

    Example:
        >>> import mlx_core_py as mx
        >>> x = mx.arange(6)
        >>> mx.select([x < 2, x > 3], [x, x * 10], -1)
        array([0, 1, -1, -1, 40, 50], dtype=int32)

    See: NumPy ``numpy.select``.
    """
    conditions = list(to_arrays(condlist, "condlist"))
    choices = list(to_arrays(choicelist, "choicelist"))
    if not conditions or len(conditions) != len(choices):
        raise ValueError(
            f"select needs a condition for each choice, not {len(conditions)} for {len(choices)}"
        )
    dtyped = choices[0]
    for choice in choices[1:]:
        dtyped = add(zeros((), dtyped.dtype), zeros((), choice.dtype))
    result = to_operand(default, dtyped, None, "default")
    for condition in conditions:
        if condition.dtype != bool_:
            raise WrongTypeError(f"condlist must hold boolean arrays, not {condition.dtype.name}")
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = where(condition, choice, result)
    return result

def _within(a: array, length: int) -> bool | None:
    """Whether all indices are from zero to a length; None if that is not known."""
    if a.size == 0:
        return True
    try:
        least, greatest = [value.item() for value in minmax(a)]
    except ValueError as error:
        if not str(error).startswith("[eval]"):
            raise
        return None
    return least >= 0 and greatest < length

@composed
def choose(
    a: array,
    choices: Sequence[array],
    mode: str = "raise",
    *,
    stream: StreamLike = None,
) -> array:
    """Elements of several arrays, which an array of indices chooses from.

    Args:
        a: Integer array of indices of ``choices``.
        choices: Arrays or scalars that broadcast with ``a``.
        mode: What becomes of an index out of range: "raise" (default) raises, "wrap" takes the
            remainder by the number of choices, "clip" the nearest choice.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape and the promoted dtype of ``choices``.

    Raises:
        IndexError: If an index is out of range and ``mode`` is "raise", for which ``a`` is
            evaluated.
        ValueError: If there are no choices or ``mode`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.choose(mx.array([1, 0, 1]), [mx.array([1, 2, 3]), mx.array([10, 20, 30])])
        array([10, 2, 30], dtype=int32)

    See: NumPy ``numpy.choose``.
    """
    a = to_array(a, "a")
    arrays = list(to_arrays(choices, "choices"))
    _choice(mode, "mode", ("raise", "wrap", "clip"))
    if a.dtype == bool_:
        a = a.astype(int32)
    if not arrays:
        raise ValueError("choices must hold at least one array")
    count = len(arrays)
    if mode == "wrap":
        a = a % count
    elif mode == "clip":
        a = clip(a, 0, count - 1)
    elif a.size and _within(a, count) is False:
        raise OutOfRangeError(f"a has an index that is out of range for {count} choices")
    if count <= 8 and (mode != "raise" or _within(a, count)):
        result = arrays[-1]
        for number in range(count - 2, -1, -1):
            result = where(a == number, arrays[number], result)
        return broadcast_to(result, broadcast_shapes(a.shape, result.shape))
    if mode == "raise":
        a = where(a < 0, count, a)
    a, *arrays = broadcast_arrays(a, *arrays)
    return take_along_axis(stack(arrays, 0), a[None], 0)[0]
