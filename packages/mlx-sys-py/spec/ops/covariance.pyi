"""Weighted means, ranges and covariances."""

@composed
@overload(
    "a: array, axis: IntOrInts | None = None, weights: array | None = None, "
    "returned: Literal[False] = False, *, keepdims: bool = False, stream: StreamLike = None",
    "array",
)
@overload(
    "a: array, axis: IntOrInts | None, weights: array | None, returned: Literal[True], *, "
    "keepdims: bool = False, stream: StreamLike = None",
    "tuple[array, array]",
)
@overload(
    "a: array, axis: IntOrInts | None = None, weights: array | None = None, *, "
    "returned: Literal[True], keepdims: bool = False, stream: StreamLike = None",
    "tuple[array, array]",
)
def average(
    a: array,
    axis: IntOrInts | None = None,
    weights: array | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
    stream: StreamLike = None,
) -> array | tuple[array, array]:
    """Weighted mean of the elements over some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        weights: Array of the shape of ``a``, or of the lengths of the axes; ``None`` (default)
            means that all weigh the same.
        returned: Also return the sum of the weights. Default ``False``.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), floating-point, or a tuple of it and
        the sums of the weights, of the same shape. NaN or infinite where weights sum to zero.

    Raises:
        IndexError: If an axis is out of bounds.
        TypeError: If weights of another shape than ``a`` come without ``axis``.
        ValueError: If an axis is repeated or ``weights`` does not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.average(mx.array([1.0, 2.0, 4.0]), weights=mx.array([2.0, 1.0, 1.0]))
        array(2, dtype=float32)

    See: NumPy ``numpy.average``.
    """
    a = to_array(a, "a")
    returned = to_bool(returned, "returned")
    keepdims = to_bool(keepdims, "keepdims")
    if axis is None:
        axes = [*range(a.ndim)]
    elif isinstance(axis, int):
        axes = [_axis_of(axis, a.ndim, "axis")]
    else:
        axes = [_axis_of(number, a.ndim, "axis") for number in to_int_list(axis, "axis")]
    if weights is None:
        result = mean(a, axes, keepdims)
        if not returned:
            return result
        count = 1
        for d in axes:
            count *= a.shape[d]
        return result, full(result.shape, count, result.dtype)
    weights = to_array(weights, "weights")
    if weights.shape != a.shape:
        if axis is None:
            raise WrongTypeError(
                f"weights of shape {weights.shape} need an axis, as a has shape {a.shape}"
            )
        if weights.shape != tuple([a.shape[d] for d in axes]):
            raise ValueError(
                f"weights has shape {weights.shape}, but the axes have "
                f"{tuple([a.shape[d] for d in axes])}"
            )
        weights = transpose(weights, [axes.index(d) for d in sorted(axes)])
        weights = weights.reshape([a.shape[d] if d in axes else 1 for d in range(a.ndim)])
    a, weights = _promoted(a, weights)
    dtype = a.dtype if a.dtype in (float16, bfloat16, float64, complex64) else float32
    working = float32 if dtype in (float16, bfloat16) else dtype
    weights = broadcast_to(weights.astype(working), a.shape)
    total = sum(weights, axes, keepdims)
    result = (sum(a.astype(working) * weights, axes, keepdims) / total).astype(dtype)
    return (result, total.astype(dtype)) if returned else result

@composed
def ptp(
    a: array, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """Difference of the largest and the smallest element over some axes.

    Args:
        a: Input array of any shape and a real dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the dtype of ``a`` without the reduced axes (or with length one). NaN where there
        is a NaN.

    Raises:
        IndexError: If an axis is out of bounds.
        TypeError: If ``a`` is boolean.
        ValueError: If an axis is repeated or no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.ptp(mx.array([[4, 9], [2, 3]]), axis=1)
        array([5, 1], dtype=int32)

    See: NumPy ``numpy.ptp``.
    """
    a = to_array(a, "a")
    if a.dtype == bool_:
        raise WrongTypeError("a must hold numbers, not bool")
    least, greatest = minmax(a, axis, keepdims)
    return greatest - least

@composed
def cov(
    m: array,
    y: array | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: array | None = None,
    aweights: array | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Covariance matrix of some variables.

    Args:
        m: Array of a variable in each row and an observation in each column, or a vector of
            observations.
        y: More variables, in the same form.
        rowvar: Whether rows are variables. Columns are, if it is ``False``. Default ``True``.
        bias: Divide by the number of observations instead of one less. Default ``False``.
        ddof: Taken off the number of observations in the divisor; overrides ``bias``.
        fweights: Integer vector: how often each observation was made.
        aweights: Vector of the weights of the observations.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Square matrix, or a scalar of one variable; floating-point.

    Raises:
        TypeError: If ``fweights`` does not hold integers.
        ValueError: If an argument has too many dimensions, or lengths do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.cov(mx.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        array([[1, -1],
               [-1, 1]], dtype=float32)

    See: NumPy ``numpy.cov``.
    """
    m = to_array(m, "m")
    if y is not None:
        y = to_array(y, "y")
    rowvar = to_bool(rowvar, "rowvar")
    bias = to_bool(bias, "bias")
    ddof = (0 if bias else 1) if ddof is None else to_int(ddof, "ddof")
    if fweights is not None:
        fweights = to_array(fweights, "fweights")
    if aweights is not None:
        aweights = to_array(aweights, "aweights")
    parts = []
    for part, name in ((m, "m"), (y, "y")):
        if part is None:
            continue
        if part.ndim > 2:
            raise ValueError(f"{name} must be a vector or a matrix, not of shape {part.shape}")
        if part.ndim < 2:
            part = part.reshape(1, -1)
        elif not rowvar:
            part = part.T
        parts.append(part)
    observations = parts[0].shape[1]
    if parts[-1].shape[1] != observations:
        raise ValueError(
            f"m and y have different numbers of observations: {observations} and "
            f"{parts[-1].shape[1]}"
        )
    x = concatenate(parts) if len(parts) > 1 else parts[0]
    if x.dtype not in (float16, bfloat16, float32, float64, complex64):
        x = x.astype(float32)
    dtype = x.dtype
    if dtype in (float16, bfloat16):
        x = x.astype(float32)
    weights = None
    for part, name in ((fweights, "fweights"), (aweights, "aweights")):
        if part is None:
            continue
        if part.shape != (observations,):
            raise ValueError(f"{name} has shape {part.shape}, not ({observations},)")
        if name == "fweights" and part.dtype in (float16, bfloat16, float32, float64, complex64):
            raise WrongTypeError(f"fweights must hold integers, not {part.dtype.name}")
        part = part.astype(float64 if x.dtype == float64 else float32)
        weights = part if weights is None else weights * part
    if weights is None:
        left = observations - ddof
        x = x - mean(x, 1, True)
        right = x
        left = left if left > 0 else 0
    else:
        total = sum(weights)
        x = x - sum(x * weights, 1, True) / total
        right = x * weights
        if ddof == 0:
            left = total
        elif aweights is None:
            left = total - ddof
        else:
            left = total - ddof * sum(weights * aweights) / total
        left = maximum(left, 0)
    result = matmul(x, conj(right).T) / left
    return squeeze(result.astype(dtype))

@composed
def corrcoef(
    x: array, y: array | None = None, rowvar: bool = True, *, stream: StreamLike = None
) -> array:
    """Matrix of Pearson's correlation coefficients of some variables.

    Args:
        x: Array of a variable in each row and an observation in each column, or a vector of
            observations.
        y: More variables, in the same form.
        rowvar: Whether rows are variables. Columns are, if it is ``False``. Default ``True``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Square matrix, or a scalar of one variable; floating-point. NaN for a variable that does not
        vary.

    Raises:
        ValueError: If an argument has too many dimensions, or lengths do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.corrcoef(mx.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        array([[1, -1],
               [-1, 1]], dtype=float32)

    See: NumPy ``numpy.corrcoef``.
    """
    x = to_array(x, "x")
    if y is not None:
        y = to_array(y, "y")
    matrix = cov(x, y, rowvar)
    if matrix.ndim == 0:
        return matrix / matrix
    deviation = sqrt(real(diagonal(matrix)))
    matrix = matrix / deviation[:, None] / deviation[None, :]
    if matrix.dtype == complex64:
        return clip(real(matrix), -1, 1) + clip(imag(matrix), -1, 1) * 1j
    return clip(matrix, -1, 1)
