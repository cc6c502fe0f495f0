"""Quantiles."""

cpp_includes = ["core/order_statistics.hpp"]

@c(
    "_mlx_order_statistics",
    "array a, ints ranks",
    cpp="mlx_c::order_statistics({a}, {ranks}, {s})",
)
def _order_statistics(a: array, ranks: Sequence[int], *, stream: StreamLike = None) -> array:
    """The elements that sorting the last axis would put at some places, in its stead."""

def _quantile_place(
    count: object, q: float, method: str, shift: int, error: object
) -> list[object]:
    """Where a quantile is among `count` elements in order, counted from zero.

    `count` is an int or an array of ints. Positions are integers with `shift` bits of a fraction,
    of which less than `error` comes from rounding.

    Returns:
        The place of an element, and the weight of the one behind it as a multiple of
        ``2**-shift``.
    """
    one = 1 << shift
    # The parameters of Hyndman and Fan: n q + (alpha + q (1 - alpha - beta)) - 1.
    alpha, beta = {
        "inverted_cdf": (0.0, 1.0),
        "averaged_inverted_cdf": (0.0, 1.0),
        "closest_observation": (-0.5, 1.5),
        "interpolated_inverted_cdf": (0.0, 1.0),
        "hazen": (0.5, 0.5),
        "weibull": (0.0, 0.0),
        "median_unbiased": (1 / 3, 1 / 3),
        "normal_unbiased": (3 / 8, 3 / 8),
    }.get(method, (1.0, 1.0))
    place = count * int(q * one) + int((alpha + q * (1 - alpha - beta) - 1) * one)
    # Elements, and the middles between them, are not to be missed by rounding.
    halves = (place + (one >> 2)) >> (shift - 1)
    off = place - (halves << (shift - 1))
    place = place - off * ((off < error) * (off > -error))
    index = place >> shift
    fraction = place - (index << shift)
    if method == "lower":
        return [index, index * 0]
    if method in ("higher", "inverted_cdf"):
        return [index + (fraction > 0) * 1, index * 0]
    if method == "nearest":
        half = one >> 1
        up = (fraction > half) * 1 + (fraction == half) * (index & 1)
        return [index + up, index * 0]
    if method == "closest_observation":
        return [index + 1 - (fraction == 0) * (index & 1), index * 0]
    if method == "midpoint":
        return [index, (fraction > 0) * (one >> 1)]
    if method == "averaged_inverted_cdf":
        return [index, one - (fraction == 0) * (one >> 1)]
    return [index, fraction]

def _check_method(method: object) -> str:
    """The name of a way to define a quantile."""
    return _choice(
        method,
        "method",
        (
            "inverted_cdf",
            "averaged_inverted_cdf",
            "closest_observation",
            "interpolated_inverted_cdf",
            "hazen",
            "weibull",
            "linear",
            "median_unbiased",
            "normal_unbiased",
            "lower",
            "higher",
            "midpoint",
            "nearest",
        ),
    )

def _is_discrete(method: str) -> bool:
    """Whether a quantile is always an element."""
    return method in ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")

def _has_nan(a: array) -> bool:
    """Whether the dtype has a NaN."""
    return a.dtype in (float16, bfloat16, float32, float64)

def _quantile_axes(a: array, axis: object, keepdims: bool) -> list[object]:
    """The array with the axes as its last one, and the shape of the result."""
    if axis is None:
        axes = [*range(a.ndim)]
    elif isinstance(axis, int):
        axes = [_axis_of(axis, a.ndim, "axis")]
    else:
        axes = [_axis_of(number, a.ndim, "axis") for number in to_int_list(axis, "axis")]
    if len({*axes}) != len(axes):
        raise ValueError(f"axis has repeated entries: {axis}")
    others = [d for d in range(a.ndim) if d not in axes]
    shape = [a.shape[d] for d in others]
    length = 1
    for d in axes:
        length *= a.shape[d]
    kept = [1 if d in axes else a.shape[d] for d in range(a.ndim)] if keepdims else shape
    return [transpose(a, [*others, *axes]).reshape([*shape, length]), kept]

def _quantile_points(q: object, scale: float) -> list[object]:
    """The probabilities as floats, and their shape."""
    numbers = to_array(q, "q")
    shape = [*numbers.shape]
    try:
        # Of other libraries and of Python, in double precision.
        values = q.tolist() if hasattr(q, "tolist") else q if shape else [q]
    except ValueError as error:
        if not str(error).startswith("[eval]"):
            raise
        raise ValueError(
            "q is not known while compile or vmap traces the function: pass floats"
        ) from None
    if not shape and not isinstance(values, list):
        values = [values]
    depth = len(shape)
    while depth > 1:
        values = [value for row in values for value in row]
        depth -= 1
    values = [float(value) for value in values]
    for value in values:
        if not 0 <= value <= scale:
            raise ValueError(f"q must be from 0 to {scale:g}, but holds {value}")
    return [[value / scale for value in values], shape]

def _interpolated(lower: array, upper: array, weight: array, dtype: Dtype) -> array:
    """Between two elements, in a floating-point dtype."""
    working = float32 if dtype in (float16, bfloat16) else dtype
    lower = lower.astype(working)
    upper = upper.astype(working)
    weight = weight.astype(working)
    step = upper - lower
    between = where(weight < 0.5, lower + step * weight, upper - step * (1 - weight))
    # Infinity has no difference from itself, and no multiple of zero.
    alone = logical_or(lower == upper, weight == 0)
    return where(alone, lower, between).astype(dtype)

def _quantile_among(rows: array, count: int, values: list[float], method: str) -> array:
    """Quantiles of the elements of the last axis that sorting would put before number `count`."""
    lowers = []
    uppers = []
    weights = []
    for value in values:
        # A double has 53 bits, all of which 100 bits of a fraction take.
        index, weight = _quantile_place(count, value, method, 100, count << 49)
        lowers.append(0 if index < 0 else index if index < count else count - 1)
        uppers.append(0 if index < -1 else index + 1 if index + 1 < count else count - 1)
        weights.append(float(weight) * 0.5**100)
    ranks = sorted({*lowers, *uppers})
    found = _order_statistics(rows, ranks)
    place = {rank: number for number, rank in enumerate(ranks)}
    result = take(found, array([place[rank] for rank in lowers], int32), -1)
    if not _is_discrete(method):
        upper = take(found, array([place[rank] for rank in uppers], int32), -1)
        dtype = rows.dtype if _has_nan(rows) else float32
        weight = array(weights, float64 if dtype == float64 else float32)
        result = _interpolated(result, upper, weight, dtype)
    return result

def _quantile_of(a: array, q: object, axis: object, method: str, keepdims: bool) -> array:
    """Quantiles, NaN where there is a NaN. `q` is a list of floats and their shape."""
    values, points = q
    rows, shape = _quantile_axes(a, axis, keepdims)
    count = rows.shape[-1]
    if count == 0:
        raise ValueError(f"a quantile needs at least one element, but a has shape {a.shape}")
    result = _quantile_among(rows, count, values, method)
    if _has_nan(a):
        # A maximum is NaN if there is one.
        result = where(isnan(max(rows, -1, True)), array(float("nan"), a.dtype), result)
    return moveaxis(result, -1, 0).reshape([*points, *shape])

def _nanquantile_of(a: array, q: object, axis: object, method: str, keepdims: bool) -> array:
    """Quantiles of what is not NaN, NaN where there is nothing. `q` is as above."""
    values, points = q
    if not _has_nan(a):
        return _quantile_of(a, q, axis, method, keepdims)
    rows, shape = _quantile_axes(a, axis, keepdims)
    length = rows.shape[-1]
    if length == 0:
        raise ValueError(f"a quantile needs at least one element, but a has shape {a.shape}")
    if rows.ndim == 1 and length >= 1 << 16:
        # A sort would take longer than to look how many there are.
        try:
            known = length - sum(isnan(rows)).item()
        except ValueError as error:
            if not str(error).startswith("[eval]"):
                raise
            known = 0
        if known:
            return _quantile_among(rows, known, values, method).reshape([*points, *shape])
    ordered = sort(rows, -1)
    count = (length - sum(isnan(stop_gradient(rows)), -1, True)).astype(int64)
    # Products with the count fit in 63 bits; a double has no more than 53.
    shift = 50 if length < 4096 else 62 - length.bit_length()
    results = []
    for value in values:
        index, weight = _quantile_place(count, value, method, shift, count + 2)
        last = maximum(count - 1, 0)
        lower = clip(index, 0, last).astype(uint32)
        result = take_along_axis(ordered, lower, -1)
        if not _is_discrete(method):
            upper = take_along_axis(ordered, clip(index + 1, 0, last).astype(uint32), -1)
            weight = weight.astype(float32) * 0.5**shift
            result = _interpolated(result, upper, weight, a.dtype)
        results.append(result.reshape(shape))
    return (
        stack(results, 0).reshape([*points, *shape])
        if results
        else zeros([*points, *shape], a.dtype)
    )

@composed
def quantile(
    a: array,
    q: float | Sequence[float] | array,
    axis: IntOrInts | None = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    stream: StreamLike = None,
) -> array:
    """Quantiles of the elements over some axes.

    Args:
        a: Input array of any shape and a real dtype.
        q: Probabilities from 0 to 1, one or several; read when the function is called.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        method: How to choose among the elements nearest to the quantile: "linear" (default),
            "lower", "higher", "midpoint" or "nearest"; or one of Hyndman and Fan's, "inverted_cdf",
            "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
            "weibull", "median_unbiased" and "normal_unbiased".
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``q`` followed by that of ``a`` without the reduced axes (or with
        length one). Floating-point; of the dtype of ``a`` if the method always chooses an element.
        NaN where there is a NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        TypeError: If ``a`` holds complex numbers.
        ValueError: If ``q`` is not from 0 to 1, ``method`` is unknown, an axis is repeated or
            no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> x = mx.array([1.0, 2.0, 3.0, 4.0, 5.0])
        >>> mx.quantile(x, [0.25, 0.5])
        array([2, 3], dtype=float32)

    See: NumPy ``numpy.quantile``; Hyndman and Fan 1996, "Sample quantiles in statistical
        packages".
    """
    a = to_array(a, "a")
    method = _check_method(method)
    keepdims = to_bool(keepdims, "keepdims")
    if not (axis is None or isinstance(axis, int)):
        axis = to_int_list(axis, "axis")
    q = _quantile_points(q, 1)
    if a.dtype == complex64:
        raise WrongTypeError("a must hold real numbers, not complex64")
    return _quantile_of(a, q, axis, method, keepdims)

@composed
def percentile(
    a: array,
    q: float | Sequence[float] | array,
    axis: IntOrInts | None = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    stream: StreamLike = None,
) -> array:
    """Percentiles of the elements over some axes.

    Args:
        a: Input array of any shape and a real dtype.
        q: Percentages from 0 to 100, one or several; read when the function is called.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        method: How to choose among the elements nearest to the quantile: "linear" (default),
            "lower", "higher", "midpoint" or "nearest"; or one of Hyndman and Fan's, "inverted_cdf",
            "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
            "weibull", "median_unbiased" and "normal_unbiased".
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``q`` followed by that of ``a`` without the reduced axes (or with
        length one). Floating-point; of the dtype of ``a`` if the method always chooses an element.
        NaN where there is a NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        TypeError: If ``a`` holds complex numbers.
        ValueError: If ``q`` is not from 0 to 100, ``method`` is unknown, an axis is repeated or
            no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> x = mx.array([1.0, 2.0, 3.0, 4.0, 5.0])
        >>> mx.percentile(x, [25, 50])
        array([2, 3], dtype=float32)

    See: NumPy ``numpy.percentile``; Hyndman and Fan 1996, "Sample quantiles in statistical
        packages".
    """
    a = to_array(a, "a")
    method = _check_method(method)
    keepdims = to_bool(keepdims, "keepdims")
    if not (axis is None or isinstance(axis, int)):
        axis = to_int_list(axis, "axis")
    q = _quantile_points(q, 100)
    if a.dtype == complex64:
        raise WrongTypeError("a must hold real numbers, not complex64")
    return _quantile_of(a, q, axis, method, keepdims)

@composed
def nanquantile(
    a: array,
    q: float | Sequence[float] | array,
    axis: IntOrInts | None = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    stream: StreamLike = None,
) -> array:
    """Quantiles of the elements over some axes, NaN left out.

    Args:
        a: Input array of any shape and a real dtype.
        q: Probabilities from 0 to 1, one or several; read when the function is called.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        method: How to choose among the elements nearest to the quantile: "linear" (default),
            "lower", "higher", "midpoint" or "nearest"; or one of Hyndman and Fan's, "inverted_cdf",
            "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
            "weibull", "median_unbiased" and "normal_unbiased".
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``q`` followed by that of ``a`` without the reduced axes (or with
        length one). Floating-point; of the dtype of ``a`` if the method always chooses an element.
        NaN where there is nothing but NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        TypeError: If ``a`` holds complex numbers.
        ValueError: If ``q`` is not from 0 to 1, ``method`` is unknown, an axis is repeated or
            no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> x = mx.array([1.0, 2.0, 3.0, 4.0, float("nan")])
        >>> mx.nanquantile(x, [0.25, 0.5])
        array([1.75, 2.5], dtype=float32)

    See: NumPy ``numpy.nanquantile``; Hyndman and Fan 1996, "Sample quantiles in statistical
        packages".
    """
    a = to_array(a, "a")
    method = _check_method(method)
    keepdims = to_bool(keepdims, "keepdims")
    if not (axis is None or isinstance(axis, int)):
        axis = to_int_list(axis, "axis")
    q = _quantile_points(q, 1)
    if a.dtype == complex64:
        raise WrongTypeError("a must hold real numbers, not complex64")
    return _nanquantile_of(a, q, axis, method, keepdims)

@composed
def nanpercentile(
    a: array,
    q: float | Sequence[float] | array,
    axis: IntOrInts | None = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    stream: StreamLike = None,
) -> array:
    """Percentiles of the elements over some axes, NaN left out.

    Args:
        a: Input array of any shape and a real dtype.
        q: Percentages from 0 to 100, one or several; read when the function is called.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        method: How to choose among the elements nearest to the quantile: "linear" (default),
            "lower", "higher", "midpoint" or "nearest"; or one of Hyndman and Fan's, "inverted_cdf",
            "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
            "weibull", "median_unbiased" and "normal_unbiased".
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``q`` followed by that of ``a`` without the reduced axes (or with
        length one). Floating-point; of the dtype of ``a`` if the method always chooses an element.
        NaN where there is nothing but NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        TypeError: If ``a`` holds complex numbers.
        ValueError: If ``q`` is not from 0 to 100, ``method`` is unknown, an axis is repeated or
            no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> x = mx.array([1.0, 2.0, 3.0, 4.0, float("nan")])
        >>> mx.nanpercentile(x, [25, 50])
        array([1.75, 2.5], dtype=float32)

    See: NumPy ``numpy.nanpercentile``; Hyndman and Fan 1996, "Sample quantiles in statistical
        packages".
    """
    a = to_array(a, "a")
    method = _check_method(method)
    keepdims = to_bool(keepdims, "keepdims")
    if not (axis is None or isinstance(axis, int)):
        axis = to_int_list(axis, "axis")
    q = _quantile_points(q, 100)
    if a.dtype == complex64:
        raise WrongTypeError("a must hold real numbers, not complex64")
    return _nanquantile_of(a, q, axis, method, keepdims)

@composed
def nanmedian(
    a: array, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Median of the elements over some axes, NaN left out.

    Args:
        a: Input array of any shape and a real dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), floating-point. NaN where there is
        nothing but NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        TypeError: If ``a`` holds complex numbers.
        ValueError: If an axis is repeated or no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.nanmedian(mx.array([1.0, float("nan"), 5.0]))
        array(3, dtype=float32)

    See: NumPy ``numpy.nanmedian``.
    """
    a = to_array(a, "a")
    keepdims = to_bool(keepdims, "keepdims")
    if a.dtype == complex64:
        raise WrongTypeError("a must hold real numbers, not complex64")
    return _nanquantile_of(a, [[0.5], []], axis, "linear", keepdims)
