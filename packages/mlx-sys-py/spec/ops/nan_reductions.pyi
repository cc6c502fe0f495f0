"""Reductions and running totals that leave NaN out."""

def _nan_as(a: object, value: float) -> array:
    """An array with a number in place of NaN, if its dtype has NaN."""
    a = to_array(a, "a")
    if a.dtype in (float16, bfloat16, float32, float64, complex64):
        return where(isnan(a), array(value, a.dtype), a)
    return a

def _only_nan(a: array, axis: object, keepdims: bool) -> array:
    """Whether there is nothing but NaN over some axes."""
    return all(isnan(a), axis, keepdims)

def _nan_extreme(a: object, axis: object, keepdims: bool, sign: int) -> array:
    """The least element if `sign` is positive, else the greatest; NaN if there is no other."""
    a = to_array(a, "a")
    value = _nan_as(a, sign * float("inf"))
    result = min(value, axis, keepdims) if sign > 0 else max(value, axis, keepdims)
    if value is a:
        return result
    # An infinity in its own right has a number beside it.
    return where(_only_nan(a, axis, keepdims), array(float("nan"), a.dtype), result)

def _nan_position(a: object, axis: object, keepdims: bool, sign: int, function: str) -> array:
    """Where the least element is if `sign` is positive, else the greatest."""
    a = to_array(a, "a")
    if axis is not None:
        axis = _axis_of(axis, a.ndim, "axis")
    keepdims = to_bool(keepdims, "keepdims")
    value = _nan_as(a, sign * float("inf"))
    result = argmin(value, axis, keepdims) if sign > 0 else argmax(value, axis, keepdims)
    if value is a:
        return result
    number = logical_not(isnan(a))
    # What stands for NaN may be found before its equal.
    first = argmax(number, axis, keepdims)
    if axis is None:
        chosen = take(number.flatten(), result)
        found = any(number)
    else:
        index = result if keepdims else expand_dims(result, axis)
        chosen = take_along_axis(number, index, axis)
        chosen = chosen if keepdims else squeeze(chosen, axis)
        found = any(number, axis)
    try:
        complete = all(found).item()
    except ValueError as error:
        if not str(error).startswith("[eval]"):
            raise
        complete = True
    if not complete:
        raise ValueError(f"{function}: there is nothing but NaN to choose from")
    return where(chosen, result, first)

def _nan_moments(a: object, axis: object) -> list[array]:
    """An array in the dtype to sum it in, its mean, and how many numbers that is of.

    The last two have axes of length one in place of those reduced.
    """
    a = to_array(a, "a")
    dtype = float32 if a.dtype in (float16, bfloat16) else a.dtype
    if dtype not in (float32, float64, complex64):
        dtype = float32
    a = a.astype(dtype)
    count = sum(logical_not(isnan(a)), axis, True).astype(float64 if dtype == float64 else float32)
    return [a, sum(_nan_as(a, 0), axis, True) / count, count]

def _without_axes(result: array, axis: object, keepdims: bool, dtype: Dtype) -> array:
    """The result of a reduction, without the axes of length one that it kept if asked for."""
    if dtype in (float16, bfloat16):
        result = result.astype(dtype)
    return result if keepdims else squeeze(result, axis)

@composed
def nansum(
    a: array,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Sum of the elements over some axes, NaN left out.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), of the dtype that
        :func:`sum` gives.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nansum(mx.array([1.0, float("nan"), 2.0]))
        array(3, dtype=float32)

    See: NumPy ``numpy.nansum``.
    """
    return sum(_nan_as(a, 0), axis, keepdims)

@composed
def nanprod(
    a: array,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Product of the elements over some axes, NaN left out.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), of the dtype that
        :func:`prod` gives.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nanprod(mx.array([3.0, float("nan"), 2.0]))
        array(6, dtype=float32)

    See: NumPy ``numpy.nanprod``.
    """
    return prod(_nan_as(a, 1), axis, keepdims)

@composed
def nanmin(
    a: array,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Smallest element over some axes, NaN left out.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``a`` without the reduced axes (or with length one). NaN where there
        is nothing but NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated or no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nanmin(mx.array([1.0, float("nan"), 2.0]))
        array(1, dtype=float32)

    See: NumPy ``numpy.nanmin``.
    """
    return _nan_extreme(a, axis, keepdims, 1)

@composed
def nanmax(
    a: array,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Largest element over some axes, NaN left out.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``a`` without the reduced axes (or with length one). NaN where there
        is nothing but NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated or no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nanmax(mx.array([1.0, float("nan"), 2.0]))
        array(2, dtype=float32)

    See: NumPy ``numpy.nanmax``.
    """
    return _nan_extreme(a, axis, keepdims, -1)

@composed
def nanargmin(
    a: array,
    axis: int | None = None,
    keepdims: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Index of the smallest element along an axis, NaN left out.

    Args:
        a: Input array of any shape and dtype; evaluated if it may hold NaN.
        axis: Axis to work along; ``None`` (default) means the flattened array.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array without the reduced axes (or with length one). While ``compile`` or
        ``vmap`` traces the function, 0 where there is nothing but NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If there is nothing but NaN, or nothing at all, to choose from.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nanargmin(mx.array([1.0, float("nan"), 2.0]))
        array(0, dtype=uint32)

    See: NumPy ``numpy.nanargmin``.
    """
    return _nan_position(a, axis, keepdims, 1, "nanargmin")

@composed
def nanargmax(
    a: array,
    axis: int | None = None,
    keepdims: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Index of the largest element along an axis, NaN left out.

    Args:
        a: Input array of any shape and dtype; evaluated if it may hold NaN.
        axis: Axis to work along; ``None`` (default) means the flattened array.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array without the reduced axes (or with length one). While ``compile`` or
        ``vmap`` traces the function, 0 where there is nothing but NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If there is nothing but NaN, or nothing at all, to choose from.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nanargmax(mx.array([1.0, float("nan"), 2.0]))
        array(2, dtype=uint32)

    See: NumPy ``numpy.nanargmax``.
    """
    return _nan_position(a, axis, keepdims, -1, "nanargmax")

@composed
def nanmean(
    a: array,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Mean of the elements over some axes, NaN left out.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), floating-point. NaN where there is
        nothing but NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nanmean(mx.array([1.0, float("nan"), 2.0]))
        array(1.5, dtype=float32)

    See: NumPy ``numpy.nanmean``.
    """
    a = to_array(a, "a")
    keepdims = to_bool(keepdims, "keepdims")
    if a.dtype not in (float16, bfloat16, float32, float64, complex64):
        return mean(a, axis, keepdims)
    moments = _nan_moments(a, axis)
    return _without_axes(moments[1], axis, keepdims, a.dtype)

@composed
def nanvar(
    a: array,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    ddof: int = 0,
    *,
    correction: int | None = None,
    stream: StreamLike = None,
) -> array:
    """Variance of the elements over some axes, NaN left out.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        ddof: Taken off the number of elements in the divisor. Default 0.
        correction: The array API's name of ``ddof``, used instead of it when given.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), real and floating-point. NaN where no
        more than ``ddof`` numbers are.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nanvar(mx.array([1.0, float("nan"), 2.0]))
        array(0.25, dtype=float32)

    See: NumPy ``numpy.nanvar``.
    """
    a = to_array(a, "a")
    keepdims = to_bool(keepdims, "keepdims")
    ddof = to_int(ddof, "ddof") if correction is None else to_int(correction, "correction")
    if a.dtype not in (float16, bfloat16, float32, float64, complex64):
        return var(a, axis, keepdims, ddof)
    moments = _nan_moments(a, axis)
    off = where(isnan(a), 0, moments[0] - moments[1])
    squares = square(abs(off)) if a.dtype == complex64 else square(off)
    left = moments[2] - ddof
    result = sum(squares, axis, True) / where(left > 0, left, float("nan"))
    return _without_axes(result, axis, keepdims, a.dtype)

@composed
def nanstd(
    a: array,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    ddof: int = 0,
    *,
    correction: int | None = None,
    stream: StreamLike = None,
) -> array:
    """Standard deviation of the elements over some axes, NaN left out.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        ddof: Taken off the number of elements in the divisor. Default 0.
        correction: The array API's name of ``ddof``, used instead of it when given.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), real and floating-point. NaN where no
        more than ``ddof`` numbers are.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nanstd(mx.array([1.0, float("nan"), 2.0]))
        array(0.5, dtype=float32)

    See: NumPy ``numpy.nanstd``.
    """
    a = to_array(a, "a")
    keepdims = to_bool(keepdims, "keepdims")
    ddof = to_int(ddof, "ddof") if correction is None else to_int(correction, "correction")
    if a.dtype not in (float16, bfloat16, float32, float64, complex64):
        return std(a, axis, keepdims, ddof)
    moments = _nan_moments(a, axis)
    off = where(isnan(a), 0, moments[0] - moments[1])
    squares = square(abs(off)) if a.dtype == complex64 else square(off)
    left = moments[2] - ddof
    result = sum(squares, axis, True) / where(left > 0, left, float("nan"))
    result = sqrt(result)
    return _without_axes(result, axis, keepdims, a.dtype)

@composed
def nancumsum(
    a: array,
    axis: int | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Running sums along an axis, NaN left out.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along; ``None`` (default) works on the flattened array.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``, or one-dimensional when ``axis`` is ``None``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nancumsum(mx.array([1.0, float("nan"), 2.0]))
        array([1, 1, 3], dtype=float32)

    See: NumPy ``numpy.nancumsum``.
    """
    return cumsum(_nan_as(a, 0), axis)

@composed
def nancumprod(
    a: array,
    axis: int | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Running products along an axis, NaN left out.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis to work along; ``None`` (default) works on the flattened array.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``, or one-dimensional when ``axis`` is ``None``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nancumprod(mx.array([1.0, float("nan"), 2.0]))
        array([1, 1, 2], dtype=float32)

    See: NumPy ``numpy.nancumprod``.
    """
    return cumprod(_nan_as(a, 1), axis)
