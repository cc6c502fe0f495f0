"""Differences, integrals, interpolation and polynomials."""

def _floating(a: array) -> array:
    """An array of a floating-point dtype."""
    if a.dtype in (float16, bfloat16, float32, float64, complex64):
        return a
    return a.astype(float32)

@composed
def trapezoid(
    y: array,
    x: array | None = None,
    dx: Scalar | array = 1.0,
    axis: int = -1,
    *,
    stream: StreamLike = None,
) -> array:
    """Integral along an axis by the trapezoidal rule.

    Args:
        y: Array of values to integrate.
        x: Points that the values are at: a vector of the length of the axis, or an array that
            broadcasts with ``y``. ``None`` (default) means that they are at equal distances.
        dx: Distance of the points if ``x`` is ``None``. Default 1.
        axis: Axis to integrate along. Default -1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the axis, floating-point.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If the shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.trapezoid(mx.array([1.0, 2.0, 3.0]), dx=2.0)
        array(8, dtype=float32)

    See: NumPy ``numpy.trapezoid``.
    """
    y = _floating(to_array(y, "y"))
    dx = to_operand(dx, y, None, "dx")
    if x is not None:
        x = to_array(x, "x")
    axis = _axis_of(axis, y.ndim, "axis")
    if x is not None:
        if x.ndim == 1:
            dx = (x[1:] - x[:-1]).reshape([-1] + [1] * (y.ndim - 1 - axis))
        else:
            at = _axis_of(axis - y.ndim, x.ndim, "axis")
            count = x.shape[at]
            ends = take(x, arange(1, count, dtype=int32), at)
            dx = ends - take(x, arange(0, count - 1, dtype=int32), at)
    moved = moveaxis(y, axis, 0)
    pairs = moveaxis(moved[1:] + moved[:-1], 0, axis)
    return sum(dx * pairs, axis) * array(0.5, pairs.dtype)

def _gradient_along(f: array, h: object, edge_order: int) -> array:
    """The gradient along the second of three axes, whose points are at a distance, or several."""
    count = f.shape[1]
    if isinstance(h, array) and h.ndim:
        h = h.astype(f.dtype)[:, None]
        before, after = h[:-1], h[1:]
        inner = (
            f[:, 2:] * (before / (after * (before + after)))
            + f[:, 1:-1] * ((after - before) / (before * after))
            - f[:, :-2] * (after / (before * (before + after)))
        )
        first, second, last, second_last = h[0], h[1 % (count - 1)], h[-1], h[-1 - (count > 2)]
    else:
        inner = (f[:, 2:] - f[:, :-2]) / (2 * h)
        first = second = last = second_last = h
    if edge_order == 1:
        start = (f[:, 1] - f[:, 0]) / first
        end = (f[:, -1] - f[:, -2]) / last
    else:
        both = first + second
        start = (
            f[:, 1] * (both / (first * second))
            - f[:, 0] * ((first + both) / (first * both))
            - f[:, 2] * (first / (second * both))
        )
        both = last + second_last
        end = (
            f[:, -1] * ((last + both) / (last * both))
            - f[:, -2] * (both / (last * second_last))
            + f[:, -3] * (last / (second_last * both))
        )
    return concatenate([start[:, None], inner, end[:, None]], 1)

@composed
def gradient(
    f: array,
    /,
    *varargs: Scalar | array,
    axis: IntOrInts | None = None,
    edge_order: int = 1,
    stream: StreamLike = None,
) -> array | tuple[array, ...]:
    """Derivatives along some axes, by central differences.

    For the gradient of a function, see :func:`grad`.

    Args:
        f: Array of values at the points of a grid.
        *varargs: Distance of the points: one number for all axes, or for each a number or a vector
            of the points themselves. Default 1.
        axis: Axis or axes to work along; ``None`` (default) means all of them.
        edge_order: Order of the differences at both ends, 1 (default) or 2.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``f`` for one axis, else a tuple of one for each.

    Raises:
        IndexError: If an axis is out of bounds.
        TypeError: If there are not as many distances as axes.
        ValueError: If ``edge_order`` is another number, an axis is repeated or has too few points,
            or a vector of points has another length.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.gradient(mx.array([1.0, 2.0, 4.0, 7.0]))
        array([1, 1.5, 2.5, 3], dtype=float32)

    See: NumPy ``numpy.gradient``.
    """
    f = _floating(to_array(f, "f"))
    spacings = [to_operand(value, f, None, "varargs") for value in varargs]
    edge_order = to_int(edge_order, "edge_order")
    if axis is None:
        axes = [*range(f.ndim)]
    elif isinstance(axis, int):
        axes = [_axis_of(axis, f.ndim, "axis")]
    else:
        axes = [_axis_of(number, f.ndim, "axis") for number in to_int_list(axis, "axis")]
    if len({*axes}) != len(axes):
        raise ValueError(f"axis has repeated entries: {axis}")
    if edge_order not in (1, 2):
        raise ValueError(f"edge_order must be 1 or 2, not {edge_order}")
    if not spacings:
        spacings = [array(1, f.dtype)]
    if len(spacings) == 1 and spacings[0].ndim == 0:
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise WrongTypeError(f"{len(axes)} axes need as many distances, not {len(spacings)}")
    results = []
    for d, spacing in zip(axes, spacings, strict=True):
        if f.shape[d] < edge_order + 1:
            raise ValueError(
                f"axis {d} has {f.shape[d]} points, but needs at least {edge_order + 1}"
            )
        if spacing.ndim:
            if spacing.shape != (f.shape[d],):
                raise ValueError(
                    f"the points along axis {d} must be a vector of length {f.shape[d]}, not of "
                    f"shape {spacing.shape}"
                )
            spacing = spacing[1:] - spacing[:-1]
        before = 1
        for length in f.shape[:d]:
            before *= length
        cube = f.reshape(before, f.shape[d], f.size // (before * f.shape[d]) if f.size else 0)
        results.append(_gradient_along(cube, spacing, edge_order).reshape(f.shape))
    return results[0] if len(results) == 1 else tuple(results)

@composed
def ediff1d(
    ary: array,
    to_end: Scalar | array | Sequence[Any] | None = None,
    to_begin: Scalar | array | Sequence[Any] | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Differences of neighbours in the flattened array.

    Args:
        ary: Input array of any shape and dtype.
        to_end: Elements to append to the differences.
        to_begin: Elements to put before the differences.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the dtype of ``ary``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.ediff1d(mx.array([1, 2, 4]), to_end=99)
        array([1, 2, 99], dtype=int32)

    See: NumPy ``numpy.ediff1d``.
    """
    ary = to_array(ary, "ary").flatten()
    parts = [ary[1:] - ary[:-1]] if ary.size else [ary]
    if to_begin is not None:
        parts.insert(0, to_operand(to_begin, ary, None, "to_begin").astype(ary.dtype).flatten())
    if to_end is not None:
        parts.append(to_operand(to_end, ary, None, "to_end").astype(ary.dtype).flatten())
    return concatenate(parts)

@composed
def interp(
    x: Scalar | array,
    xp: array,
    fp: array,
    left: Scalar | array | None = None,
    right: Scalar | array | None = None,
    period: Scalar | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Values of a function that is linear between given points.

    Args:
        x: Real array of the points to evaluate at.
        xp: Vector of the points that values are given at, in ascending order; in any order with
            ``period``. This is not checked.
        fp: Vector of the values.
        left: Value before the first point; ``None`` (default) means that of the first.
        right: Value behind the last point; ``None`` (default) means that of the last.
        period: Period of the function; ``left`` and ``right`` then have no effect.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``, NaN where that is NaN. It has gradients with
        respect to ``x``, ``xp`` and ``fp``.

    Raises:
        ValueError: If ``xp`` and ``fp`` are not vectors of the same length, or empty, or ``period``
            is zero.

    Example:
        >>> import mlx_core_py as mx
        >>> xp, fp = mx.array([0.0, 1.0, 3.0]), mx.array([0.0, 2.0, 6.0])
        >>> mx.interp(mx.array([0.5, 2.0, 9.0]), xp, fp)
        array([1, 4, 6], dtype=float32)

    See: NumPy ``numpy.interp``.
    """
    xp = _floating(to_array(xp, "xp"))
    fp = _floating(to_array(fp, "fp"))
    x = _floating(to_operand(x, xp, None, "x"))
    left = None if left is None else to_operand(left, fp, None, "left")
    right = None if right is None else to_operand(right, fp, None, "right")
    if period is not None:
        period = to_double(period, "period")
        if period == 0:
            raise ValueError("period must not be zero")
        period = period if period > 0 else -period
    if xp.ndim != 1 or xp.shape != fp.shape or xp.size == 0:
        raise ValueError(
            f"xp and fp must be vectors of the same length, not {xp.shape} and {fp.shape}"
        )
    x, xp = _promoted(x, xp)
    if period is not None:
        x = x - floor(x / period) * period
        xp = xp - floor(xp / period) * period
        order = argsort(xp)
        xp, fp = take(xp, order), take(fp, order)
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    count = xp.size
    # The point before, but for the last one.
    behind = searchsorted(stop_gradient(xp), stop_gradient(x), "right").astype(int32)
    before = clip(behind - 1, 0, count - 2 if count > 1 else 0)
    after = minimum(before + 1, count - 1)
    x0, x1 = take(xp, before), take(xp, after)
    y0, y1 = take(fp, before), take(fp, after)
    width = x1 - x0
    empty = width == 0
    slope = where(empty, 0, (y1 - y0) / where(empty, 1, width))
    result = y0 + slope * (x - x0)
    # At the points, rounding makes no difference.
    result = where(x == x1, y1, result)
    result = where(x < xp[0], fp[0] if left is None else left, result)
    result = where(x > xp[-1], fp[-1] if right is None else right, result)
    return where(isnan(x), x, result)

@composed
def polyval(p: array, x: Scalar | array, *, stream: StreamLike = None) -> array:
    """Values of a polynomial.

    Args:
        p: Vector of the coefficients, that of the highest power first.
        x: Array of the points to evaluate at.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``x`` and the promoted dtype of both.

    Raises:
        ValueError: If ``p`` is not a vector.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.polyval(mx.array([3, 0, 1]), 5)
        array(76, dtype=int32)

    See: NumPy ``numpy.polyval``.
    """
    p = to_array(p, "p")
    x = to_operand(x, p, None, "x")
    if p.ndim != 1:
        raise ValueError(f"p must be a vector, not of shape {p.shape}")
    p, x = _promoted(p, x)
    result = zeros(x.shape, x.dtype)
    for number in range(p.size):
        result = result * x + p[number]
    return result

@composed
def vander(
    x: array, N: int | None = None, increasing: bool = False, *, stream: StreamLike = None
) -> array:
    """The Vandermonde matrix: powers of the elements of a vector in its rows.

    Args:
        x: Vector.
        N: Number of columns; ``None`` (default) means the length of ``x``.
        increasing: Whether powers increase from left to right. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(len(x), N)``.

    Raises:
        ValueError: If ``x`` is not a vector or ``N`` is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.vander(mx.array([1, 2, 3]))
        array([[1, 1, 1],
               [4, 2, 1],
               [9, 3, 1]], dtype=int32)

    See: NumPy ``numpy.vander``.
    """
    x = to_array(x, "x")
    increasing = to_bool(increasing, "increasing")
    count = None if N is None else _length(N, "N")
    if x.ndim != 1:
        raise ValueError(f"x must be a vector, not of shape {x.shape}")
    if x.dtype == bool_:
        x = x.astype(int32)
    count = x.size if count is None else count
    if count == 0 or x.size == 0:
        return zeros((x.size, count), x.dtype)
    factors = broadcast_to(x[:, None], (x.size, count - 1))
    powers = cumprod(concatenate([ones((x.size, 1), x.dtype), factors], 1), 1)
    return powers if increasing else powers[:, ::-1]
