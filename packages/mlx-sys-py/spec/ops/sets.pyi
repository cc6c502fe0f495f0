"""Distinct elements, and sets of them.

How many elements are distinct depends on their values, so these functions evaluate their arguments.
While ``compile`` or ``vmap`` traces a function there are no values: ``size=`` then says how many
elements there are to be.
"""

cpp_includes = ["core/membership.hpp"]

def _same_as_before(a: array, equal_nan: bool) -> array:
    """Whether each element of a vector, but for the first, equals the one before it."""
    same = a[1:] == a[:-1]
    if equal_nan and a.dtype in (float16, bfloat16, float32, float64, complex64):
        nan = isnan(a)
        same = logical_or(same, logical_and(nan[1:], nan[:-1]))
    return same

def _starts(a: array, equal_nan: bool) -> array:
    """Whether a run of equal elements starts at each element of a sorted vector."""
    first = ones((1 if a.size else 0,), bool_)
    return concatenate([first, logical_not(_same_as_before(a, equal_nan))]) if a.size > 1 else first

def _unique_of(
    a: array, indices: bool, inverse: bool, counts: bool, equal_nan: bool
) -> list[array]:
    """The distinct elements of a vector; then what is asked for, or None."""
    order = argsort(a) if indices or inverse else None
    ordered = sort(a) if order is None else take(a, order)
    first = _starts(ordered, equal_nan)
    return _unique_runs(ordered, order, first, indices, inverse, counts)

def _unique_runs(
    ordered: array, order: array, first: array, indices: bool, inverse: bool, counts: bool
) -> list[array]:
    """The elements that begin runs; then what is asked for, or None."""
    number = _known(count_nonzero(first), "unique", "pass size=")
    starts = _positions(first, number)
    results = [take(ordered, starts, 0), None, None, None]
    if indices:
        results[1] = take(order, starts)
    if inverse:
        place = cumsum(first.astype(uint32)) - 1
        results[2] = put_along_axis(zeros(order.shape, uint32), order, place, 0)
    if counts:
        ends = concatenate([starts[1:], full((1 if number else 0,), first.size, uint32)])
        results[3] = (ends - starts).astype(int32)
    return results

def _unique_slices(
    a: array, axis: int, indices: bool, inverse: bool, counts: bool, equal_nan: bool
) -> list[array]:
    """The distinct slices along an axis, in the order of their elements; then what is asked for."""
    moved = moveaxis(a, axis, 0)
    rows = moved.reshape(a.shape[axis], a.size // a.shape[axis] if a.size else 0)
    count = rows.shape[0]
    order = arange(count, dtype=uint32)
    for column in range(rows.shape[1] - 1, -1, -1):
        order = take(order, argsort(take(rows[:, column], order)))
    ordered = take(rows, order, 0)
    same = ordered[1:] == ordered[:-1]
    if equal_nan and a.dtype in (float16, bfloat16, float32, float64, complex64):
        nan = isnan(ordered)
        same = logical_or(same, logical_and(nan[1:], nan[:-1]))
    first = concatenate([ones((1,), bool_), logical_not(all(same, 1))])
    results = _unique_runs(ordered, order, first[:count], indices, inverse, counts)
    values = results[0].reshape(results[0].shape[0], *moved.shape[1:])
    results[0] = moveaxis(values, 0, axis)
    return results

@composed
@overload(
    "a: array, /, size: int | None = None, *, fill_value: Scalar | array | None = None, "
    "axis: int | None = None, equal_nan: bool = True, sorted: bool = True, "
    "stream: StreamLike = None",
    "array",
)
@overload(
    "a: array, /, size: int | None = None, return_index: bool = False, "
    "return_inverse: bool = False, return_counts: bool = False, "
    "fill_value: Scalar | array | None = None, *, axis: int | None = None, "
    "equal_nan: bool = True, sorted: bool = True, stream: StreamLike = None",
    "array | tuple[array, ...]",
)
def unique(
    a: array,
    /,
    size: int | None = None,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    fill_value: Scalar | array | None = None,
    *,
    axis: int | None = None,
    equal_nan: bool = True,
    sorted: bool = True,
    stream: StreamLike = None,
) -> array | tuple[array, ...]:
    """The distinct elements of an array, in ascending order.

    Evaluates ``a``, unless ``size`` is given.

    Args:
        a: Input array of any shape and dtype.
        size: Length of the result: more elements are dropped, missing ones filled. ``None``
            (default) means as many as are distinct.
        return_index: Also return where each was first. Default ``False``.
        return_inverse: Also return where each element of ``a`` is in the result. Default ``False``.
        return_counts: Also return how often each occurs. Default ``False``.
        fill_value: Scalar in the places left over; ``None`` (default) is the smallest element.
        axis: Axis whose distinct slices to return, instead of distinct elements; without ``size``.
        equal_nan: Whether NaN occurs once at most; without ``size``. Default ``True``.
        sorted: Whether the result has to be in order. It always is.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the elements, or array of the slices; or a tuple of it and the arrays asked for:
        ``uint32`` indices in the flattened array or along the axis, ``uint32`` indices in the
        result, of the shape of ``a`` or, with ``axis``, a vector, and ``int32`` counts.

    Raises:
        IndexError: If an axis is out of bounds.
        TypeError: If ``size`` is a boolean, as NumPy has ``return_index`` in this place.
        ValueError: If ``size`` is negative, or with ``axis``; or while ``compile`` or ``vmap``
            traces the function, without ``size``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.unique(mx.array([3, 1, 3]), return_counts=True)
        (array([1, 3], dtype=int32), array([1, 2], dtype=int32))
        >>> mx.unique(mx.array([3, 1, 3]), size=3, fill_value=9)
        array([1, 3, 9], dtype=int32)

    See: MLX ``mlx.core.unique``; NumPy ``numpy.unique``.
    """
    if isinstance(size, bool):
        raise WrongTypeError(
            "size must be an int, not bool: pass return_index, return_inverse and return_counts by "
            "name"
        )
    a = to_array(a, "a")
    indices = to_bool(return_index, "return_index")
    inverse = to_bool(return_inverse, "return_inverse")
    counts = to_bool(return_counts, "return_counts")
    equal_nan = to_bool(equal_nan, "equal_nan")
    to_bool(sorted, "sorted")
    if fill_value is not None:
        fill_value = to_operand(fill_value, a, None, "fill_value").astype(a.dtype)
    if axis is not None:
        axis = _axis_of(axis, a.ndim, "axis")
    if size is not None:
        size = to_int(size, "size")
        if axis is not None:
            raise ValueError("unique takes size without axis")
        results = _unique(a, size, indices, inverse, counts, fill_value)
        return results[0] if len(results) == 1 else results
    if axis is None:
        results = _unique_of(a.flatten(), indices, inverse, counts, equal_nan)
        if inverse:
            results[2] = results[2].reshape(a.shape)
    else:
        results = _unique_slices(a, axis, indices, inverse, counts, equal_nan)
    results = [result for result in results if result is not None]
    return results[0] if len(results) == 1 else tuple(results)

@composed
def unique_all(x: array, /, *, stream: StreamLike = None) -> UniqueAllResult:
    """The distinct elements of an array, where they are, and how often each occurs.

    Evaluates ``x``. NaN is distinct from itself.

    Args:
        x: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Named tuple of ``values`` in ascending order, the ``uint32`` ``indices`` in the flattened
        array at which each occurs first, the ``uint32`` ``inverse_indices`` in ``values`` of the
        elements of ``x``, in its shape, and ``int32`` ``counts``.

    Raises:
        ValueError: While ``compile`` or ``vmap`` traces the function.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.unique_all(mx.array([3, 1, 3])).counts
        array([1, 2], dtype=int32)

    See: Array API ``unique_all``.
    """
    x = to_array(x, "x")
    values, indices, inverse, counts = _unique_of(x.flatten(), True, True, True, False)
    return UniqueAllResult(values, indices, inverse.reshape(x.shape), counts)

@composed
def unique_counts(x: array, /, *, stream: StreamLike = None) -> UniqueCountsResult:
    """The distinct elements of an array, and how often each occurs.

    Evaluates ``x``. NaN is distinct from itself.

    Args:
        x: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Named tuple of ``values`` in ascending order and ``int32`` ``counts``.

    Raises:
        ValueError: While ``compile`` or ``vmap`` traces the function.

    Example:
        >>> import mlx_core_py as mx
        >>> values, counts = mx.unique_counts(mx.array([3, 1, 3]))
        >>> counts
        array([1, 2], dtype=int32)

    See: Array API ``unique_counts``.
    """
    results = _unique_of(to_array(x, "x").flatten(), False, False, True, False)
    return UniqueCountsResult(results[0], results[3])

@composed
def unique_inverse(x: array, /, *, stream: StreamLike = None) -> UniqueInverseResult:
    """The distinct elements of an array, and which of them each element is.

    Evaluates ``x``. NaN is distinct from itself.

    Args:
        x: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Named tuple of ``values`` in ascending order and the ``uint32`` ``inverse_indices`` in
        ``values`` of the elements of ``x``, in its shape.

    Raises:
        ValueError: While ``compile`` or ``vmap`` traces the function.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.unique_inverse(mx.array([3, 1, 3])).inverse_indices
        array([1, 0, 1], dtype=uint32)

    See: Array API ``unique_inverse``.
    """
    x = to_array(x, "x")
    results = _unique_of(x.flatten(), False, True, False, False)
    return UniqueInverseResult(results[0], results[2].reshape(x.shape))

@composed
def unique_values(x: array, /, *, stream: StreamLike = None) -> array:
    """The distinct elements of an array, in ascending order.

    Evaluates ``x``. NaN is distinct from itself.

    Args:
        x: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the dtype of ``x``.

    Raises:
        ValueError: While ``compile`` or ``vmap`` traces the function.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.unique_values(mx.array([3, 1, 3]))
        array([1, 3], dtype=int32)

    See: Array API ``unique_values``.
    """
    return _unique_of(to_array(x, "x").flatten(), False, False, False, False)[0]

def _promoted(a: array, b: array) -> list[array]:
    """Two arrays in the dtype that both promote to."""
    if a.dtype == b.dtype:
        return [a, b]
    dtype = add(zeros((), a.dtype), zeros((), b.dtype)).dtype
    return [a.astype(dtype), b.astype(dtype)]

@c("_mlx_isin", "array element, array values", cpp="mlx_c::isin({element}, {values}, {s})")
def _isin(element: array, values: array, *, stream: StreamLike = None) -> array:
    """Whether each element is among the values, of which there is at least one."""

@composed
def isin(
    element: Scalar | array,
    test_elements: Scalar | array,
    /,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: str | None = None,
    stream: StreamLike = None,
) -> array:
    """Whether each element of one array is among those of another.

    NaN is in no array.

    Args:
        element: Array or scalar of the elements to look for.
        test_elements: Array or scalar of the elements to look among.
        assume_unique: Whether the elements of either are distinct; it makes no difference.
            Default ``False``.
        invert: Return whether each element is not among the others. Default ``False``.
        kind: NumPy's choice of an algorithm, "sort", "table" or ``None``; it makes no difference.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the shape of ``element``.

    Raises:
        TypeError: If an argument cannot be converted to an array.
        ValueError: If ``kind`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.isin(mx.array([1, 2, 3, 4]), mx.array([2, 4, 6]))
        array([False, True, False, True], dtype=bool)

    See: NumPy ``numpy.isin``.
    """
    element = to_operand(element, test_elements, None, "element")
    test_elements = to_operand(test_elements, element, None, "test_elements")
    to_bool(assume_unique, "assume_unique")
    invert = to_bool(invert, "invert")
    if kind is not None:
        _choice(kind, "kind", ("sort", "table"))
    element, values = _promoted(element, test_elements.flatten())
    if values.size == 0:
        found = zeros(element.shape, bool_)
    elif values.size <= 8 or values.dtype == complex64:
        found = zeros(element.shape, bool_)
        for i in range(values.size):
            found = logical_or(found, element == values[i])
    else:
        found = _isin(element, values)
    return logical_not(found) if invert else found

def _distinct(a: object, name: str, assume_unique: bool) -> array:
    """The elements of an array as a vector, each once."""
    a = to_array(a, name).flatten()
    return a if assume_unique else _unique_of(a, False, False, False, True)[0]

@composed
@overload(
    "ar1: array, ar2: array, assume_unique: bool = False, return_indices: Literal[False] = False, "
    "*, stream: StreamLike = None",
    "array",
)
@overload(
    "ar1: array, ar2: array, assume_unique: bool, return_indices: Literal[True], *, "
    "stream: StreamLike = None",
    "tuple[array, array, array]",
)
@overload(
    "ar1: array, ar2: array, assume_unique: bool = False, *, return_indices: Literal[True], "
    "stream: StreamLike = None",
    "tuple[array, array, array]",
)
def intersect1d(
    ar1: array,
    ar2: array,
    assume_unique: bool = False,
    return_indices: bool = False,
    *,
    stream: StreamLike = None,
) -> array | tuple[array, ...]:
    """The distinct elements that two arrays have in common, in ascending order.

    Evaluates its arguments.

    Args:
        ar1: Input array; flattened.
        ar2: Input array; flattened.
        assume_unique: Whether the elements of either are distinct, which saves time. Default
            ``False``.
        return_indices: Also return where the elements are first in the flattened arrays. Default
            ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the promoted dtype; or a tuple of it and two ``uint32`` vectors of indices.

    Raises:
        ValueError: While ``compile`` or ``vmap`` traces the function.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.intersect1d(mx.array([3, 1, 3, 2]), mx.array([2, 3]))
        array([2, 3], dtype=int32)

    See: NumPy ``numpy.intersect1d``.
    """
    ar1 = to_array(ar1, "ar1").flatten()
    ar2 = to_array(ar2, "ar2").flatten()
    assume_unique = to_bool(assume_unique, "assume_unique")
    return_indices = to_bool(return_indices, "return_indices")
    ar1, ar2 = _promoted(ar1, ar2)
    if assume_unique:
        order1, order2 = argsort(ar1), argsort(ar2)
        ar1, ar2 = take(ar1, order1), take(ar2, order2)
    else:
        ar1, order1 = _unique_of(ar1, return_indices, False, False, True)[:2]
        ar2, order2 = _unique_of(ar2, return_indices, False, False, True)[:2]
    common = flatnonzero(isin(ar1, ar2))
    values = take(ar1, common)
    if not return_indices:
        return values
    return values, take(order1, common), take(order2, searchsorted(ar2, values))

@composed
def union1d(
    ar1: array,
    ar2: array,
    *,
    size: int | None = None,
    fill_value: Scalar | None = None,
    stream: StreamLike = None,
) -> array:
    """The distinct elements of two arrays, in ascending order.

    Evaluates its arguments, unless ``size`` is given.

    Args:
        ar1: Input array; flattened.
        ar2: Input array; flattened.
        size: Length of the result: more elements are dropped, missing ones filled. ``None``
            (default) means as many as are distinct.
        fill_value: Scalar in the places left over; ``None`` (default) is the smallest element.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the promoted dtype.

    Raises:
        ValueError: If ``size`` is negative; or while ``compile`` or ``vmap`` traces the function,
            without ``size``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.union1d(mx.array([3, 1]), mx.array([2, 3]))
        array([1, 2, 3], dtype=int32)

    See: NumPy ``numpy.union1d``; ``size`` and ``fill_value`` as in JAX.
    """
    ar1 = to_array(ar1, "ar1").flatten()
    ar2 = to_array(ar2, "ar2").flatten()
    return unique(concatenate([ar1, ar2]), size, fill_value=fill_value)

@composed
def setdiff1d(
    ar1: array, ar2: array, assume_unique: bool = False, *, stream: StreamLike = None
) -> array:
    """The distinct elements of one array that are not in another, in ascending order.

    Evaluates its arguments.

    Args:
        ar1: Input array; flattened.
        ar2: Input array; flattened.
        assume_unique: Whether the elements of either are distinct: their order is then that of
            ``ar1``. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the dtype of ``ar1``.

    Raises:
        ValueError: While ``compile`` or ``vmap`` traces the function.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.setdiff1d(mx.array([3, 1, 3, 2]), mx.array([2]))
        array([1, 3], dtype=int32)

    See: NumPy ``numpy.setdiff1d``.
    """
    assume_unique = to_bool(assume_unique, "assume_unique")
    ar2 = to_array(ar2, "ar2")
    ar1 = _distinct(ar1, "ar1", assume_unique)
    return extract(isin(ar1, ar2, invert=True), ar1)

@composed
def setxor1d(
    ar1: array, ar2: array, assume_unique: bool = False, *, stream: StreamLike = None
) -> array:
    """The distinct elements that are in one of two arrays and not in both, in ascending order.

    Evaluates its arguments.

    Args:
        ar1: Input array; flattened.
        ar2: Input array; flattened.
        assume_unique: Whether the elements of either are distinct, which saves time. Default
            ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the promoted dtype.

    Raises:
        ValueError: While ``compile`` or ``vmap`` traces the function.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.setxor1d(mx.array([3, 1]), mx.array([2, 3]))
        array([1, 2], dtype=int32)

    See: NumPy ``numpy.setxor1d``.
    """
    assume_unique = to_bool(assume_unique, "assume_unique")
    both = concatenate([_distinct(ar1, "ar1", assume_unique), _distinct(ar2, "ar2", assume_unique)])
    ordered = sort(both)
    first = _starts(ordered, False)
    if ordered.size:
        last = concatenate([first[1:], ones((1,), bool_)])
        first = logical_and(first, last)
    return extract(first, ordered)
