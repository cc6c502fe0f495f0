"""How many elements are in which bin."""

cpp_includes = ["core/counting.hpp"]

@c(
    "_mlx_bincount",
    "array x, array? weights, int length",
    cpp="mlx_c::bincount({x}, {weights}, {length}, {s})",
)
def _bincount(x: array, weights: array | None, length: int, *, stream: StreamLike = None) -> array:
    """How often each number below `length` occurs, or the sum of the weights there."""

@c(
    "_mlx_histogram_counts",
    "array a, array edges, array? weights, bool uniform",
    cpp="mlx_c::histogram_counts({a}, {edges}, {weights}, {uniform}, {s})",
)
def _histogram_counts(
    a: array, edges: array, weights: array | None, uniform: bool, *, stream: StreamLike = None
) -> array:
    """How many elements are between any two edges, or the sum of their weights."""

def _traced(value: array) -> bool:
    """Whether there is no value to look at, because compile or vmap traces a function."""
    try:
        value.flatten()[0].item()
    except ValueError as error:
        if not str(error).startswith("[eval]"):
            raise
        return True
    return False

@composed
def bincount(
    x: array,
    weights: array | None = None,
    minlength: int = 0,
    *,
    length: int | None = None,
    stream: StreamLike = None,
) -> array:
    """How often each number occurs in a vector of integers.

    Evaluates ``x``, unless ``length`` is given.

    Args:
        x: Integer vector of numbers that are not negative.
        weights: Vector of the shape of ``x``: what each occurrence counts. ``None`` (default)
            means one.
        minlength: Least length of the result. Default 0.
        length: Length of the result: what is negative or not below it is not counted. ``None``
            (default) means the least that counts all of ``x``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``int32`` vector; with weights, one of their dtype, ``float32`` for integers.

    Raises:
        TypeError: If ``x`` does not hold integers.
        ValueError: If ``x`` is not a vector, or holds a negative number and there is no ``length``;
            if ``weights`` has another shape, or ``minlength`` or ``length`` is negative; or while
            ``compile`` or ``vmap`` traces the function, without ``length``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.bincount(mx.array([0, 1, 1, 3]))
        array([1, 2, 0, 1], dtype=int32)
        >>> mx.bincount(mx.array([0, 1, 1]), weights=mx.array([0.5, 1.0, 2.0]))
        array([0.5, 3], dtype=float32)

    See: NumPy ``numpy.bincount``; ``length`` as in JAX.
    """
    x = to_array(x, "x")
    if weights is not None:
        weights = to_array(weights, "weights")
    minlength = _length(minlength, "minlength")
    if length is not None:
        length = _length(length, "length")
    if x.dtype in (float16, bfloat16, float32, float64, complex64):
        raise WrongTypeError(f"x must hold integers, not {x.dtype.name}")
    if x.ndim != 1:
        raise ValueError(f"x must be a vector, not of shape {x.shape}")
    if weights is not None:
        if weights.shape != x.shape:
            raise ValueError(f"weights has shape {weights.shape}, but x has {x.shape}")
        if weights.dtype == complex64:
            raise WrongTypeError("weights must be real numbers, not complex64")
    if length is None:
        length = minlength
        if x.size and x.dtype == bool_:
            x = x.astype(uint8)
        if x.size:
            least, greatest = minmax(x)
            if _known(least, "bincount", "pass length=") < 0:
                raise ValueError(f"x must not hold negative numbers, but holds {least.item()}")
            if greatest.item() >= length:
                length = greatest.item() + 1
    elif length < minlength:
        length = minlength
    return _bincount(x, weights, length)

def _check_increasing(edges: array, name: str) -> None:
    """Raises if a vector is known and not in ascending order."""
    if edges.size > 1 and not _traced(edges) and not all(edges[1:] >= edges[:-1]).item():
        raise ValueError(f"{name} must increase monotonically")

def _bin_range(a: array, range: object, dtype: Dtype) -> list[array]:
    """The least and the greatest edge of bins of equal width."""
    if range is not None:
        if isinstance(range, (str, bytes)) or not hasattr(range, "__len__") or len(range) != 2:
            raise WrongTypeError("range must be a pair of numbers, the least and the greatest edge")
        first, last = [to_array(value, "range").astype(dtype) for value in range]
        if first.ndim or last.ndim:
            raise WrongTypeError("range must be a pair of numbers, the least and the greatest edge")
    elif a.size:
        if a.dtype == bool_:
            a = a.astype(uint8)
        first, last = [value.astype(dtype) for value in minmax(a)]
    else:
        first, last = zeros((), dtype), ones((), dtype)
    if not _traced(first) and not _traced(last):
        if not isfinite(last - first).item():
            raise ValueError(f"the range of the bins is not finite: {first.item()}, {last.item()}")
        if last.item() < first.item():
            raise ValueError(f"range must not decrease: {first.item()}, {last.item()}")
    equal_ends = first == last
    half = where(equal_ends, 0.5, 0.0).astype(dtype)
    return [first - half, last + half]

def _bin_count(a: array, rule: str, range: object) -> int:
    """How many bins a rule of thumb makes of the data."""
    rules = ("auto", "doane", "fd", "rice", "scott", "sqrt", "sturges")
    _choice(rule, "bins", rules)
    first, last = _bin_range(a, range, float64 if a.dtype == float64 else float32)
    x = a.flatten()
    whole = x.dtype not in (float16, bfloat16, float32, float64)
    x = x.astype(first.dtype)
    if range is not None:
        x = extract(logical_and(x >= first, x <= last), x)
    n = x.size
    if n == 0:
        return 1
    extent = _known(ptp(x), "histogram", "pass bins as an int")
    widths = {"sqrt": extent / n**0.5, "rice": extent / (2 * n ** (1 / 3))}
    doublings = log2(array(n, float32)).item()
    widths["sturges"] = extent / (doublings + 1)
    if rule == "scott":
        widths["scott"] = (24 * 3.141592653589793**0.5 / n) ** (1 / 3) * std(x).item()
    if rule in ("fd", "auto"):
        quarter, three_quarters = _quantile_of(
            x, [[0.25, 0.75], [2]], None, "linear", False
        ).tolist()
        widths["fd"] = 2 * (three_quarters - quarter) / n ** (1 / 3)
        widest = widths["fd"] if widths["fd"] > widths["sqrt"] / 2 else widths["sqrt"] / 2
        widths["auto"] = widest if widest < widths["sturges"] else widths["sturges"]
    if rule == "doane":
        deviation = std(x).item()
        widths["doane"] = 0.0
        if n > 2 and deviation > 0:
            skewness = mean(power((x - mean(x)) / deviation, 3)).item()
            scale = (6 * (n - 2) / ((n + 1) * (n + 3))) ** 0.5
            ratio = 1 + (skewness if skewness > 0 else -skewness) / scale
            widths["doane"] = extent / (1 + doublings + log2(array(ratio, float32)).item())
    width = widths[rule]
    if whole and 0 < width < 1:
        width = 1
    if width == 0:
        return 1
    count = (last - first).item() / width
    return int(count) + (count > int(count))

def _bin_edges(a: array, bins: object, range: object) -> array:
    """The edges of bins; with whether they are of equal width."""
    if isinstance(bins, int):
        count = to_int(bins, "bins")
        dtype = float64 if a.dtype == float64 else float32
        first, last = _bin_range(a, range, dtype)
        if count < 1:
            raise ValueError(f"bins must be positive, but is {count}")
        step = arange(count + 1).astype(dtype) / count
        edges = minimum(first + (last - first) * step, last)
        return where(step == 1, last, edges), True
    if isinstance(bins, str):
        return _bin_edges(a, _bin_count(a, bins, range), range)
    edges = to_array(bins, "bins")
    if edges.ndim == 0 and edges.dtype in (float16, bfloat16, float32, float64, complex64):
        raise WrongTypeError(f"bins must be a number of bins or a vector of edges, not {bins}")
    if edges.ndim == 0:
        return _bin_edges(a, _known(edges, "histogram", "pass bins as an int"), range)
    if edges.ndim != 1 or edges.size == 0:
        raise ValueError(f"bins must be a vector of edges, not of shape {edges.shape}")
    if range is not None:
        _bin_range(a, range, float32)
    _check_increasing(edges, "bins")
    return edges, False

@composed
def histogram_bin_edges(
    a: array,
    bins: int | str | array = 10,
    range: Sequence[float] | None = None,
    weights: array | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """The edges of the bins that :func:`histogram` counts elements in.

    Args:
        a: Input array of any shape and a real dtype.
        bins: Number of bins of equal width, 10 by default; a vector of all edges in ascending
            order; or a rule that makes the number of ``a``, which is then evaluated: "auto",
            "doane", "fd", "rice", "scott", "sqrt" or "sturges".
        range: The least and the greatest edge; ``None`` (default) means the least and the greatest
            element. Without effect if the edges are given.
        weights: Without effect.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of one edge more than bins, ``float32`` or, for a ``float64`` array, ``float64``; or
        ``bins`` itself.

    Raises:
        TypeError: If ``bins`` is neither a number nor a vector, or ``range`` is no pair.
        ValueError: If ``bins`` is not positive, does not increase or is an unknown rule, or the
            range is not finite or decreases.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.histogram_bin_edges(mx.array([0.0, 1.0, 4.0]), bins=4)
        array([0, 1, 2, 3, 4], dtype=float32)

    See: NumPy ``numpy.histogram_bin_edges``, which explains the rules.
    """
    if weights is not None:
        to_array(weights, "weights")
    return _bin_edges(to_array(a, "a"), bins, range)[0]

@composed
def histogram(
    a: array,
    bins: int | str | array = 10,
    range: Sequence[float] | None = None,
    density: bool | None = None,
    weights: array | None = None,
    *,
    stream: StreamLike = None,
) -> tuple[array, array]:
    """How many elements are in which bin.

    A bin holds its left edge and not its right one, but for the last bin, which holds both. What is
    outside the bins is not counted, nor is NaN.

    Args:
        a: Input array of any shape and a real dtype; beside a number of bins, integers count as
            ``float32``.
        bins: Number of bins of equal width, 10 by default; a vector of all edges in ascending
            order; or a rule that makes the number of ``a``, which is then evaluated: "auto",
            "doane", "fd", "rice", "scott", "sqrt" or "sturges".
        range: The least and the greatest edge; ``None`` (default) means the least and the greatest
            element. Without effect if the edges are given.
        density: Return a density instead, whose integral over the bins is one. Default ``False``.
        weights: Array of the shape of ``a``: what each element counts. ``None`` (default) means
            one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of the counts, an ``int32`` vector, and the edges, one more. With weights, counts have
        their dtype, ``float32`` for integers; with ``density`` they are floating-point.

    Raises:
        TypeError: If ``bins`` is neither a number nor a vector, or ``range`` is no pair.
        ValueError: If ``bins`` is not positive, does not increase or is an unknown rule, if the
            range is not finite or decreases, or ``weights`` has another shape.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.histogram(mx.array([1.0, 2.0, 1.0, 4.0]), bins=3)
        (array([2, 1, 1], dtype=int32), array([1, 2, 3, 4], dtype=float32))

    See: NumPy ``numpy.histogram``.
    """
    a = to_array(a, "a")
    if weights is not None:
        weights = to_array(weights, "weights")
    density = False if density is None else to_bool(density, "density")
    edges, uniform = _bin_edges(a, bins, range)
    if a.dtype == complex64:
        raise WrongTypeError("a must hold real numbers, not complex64")
    if weights is not None and weights.shape != a.shape:
        raise ValueError(f"weights has shape {weights.shape}, but a has {a.shape}")
    counts = _histogram_counts(a, edges, weights, uniform)
    if density:
        counts = counts / (sum(counts) * (edges[1:] - edges[:-1]))
    return counts, edges

@composed
def histogramdd(
    sample: array,
    bins: int | Sequence[int | array] = 10,
    range: Sequence[Sequence[float] | None] | None = None,
    density: bool | None = None,
    weights: array | None = None,
    *,
    stream: StreamLike = None,
) -> tuple[array, list[array]]:
    """How many points are in which cell of a grid.

    Args:
        sample: Real array of points, of shape ``(N, D)``, or a sequence of ``D`` vectors.
        bins: Number of bins along each axis, 10 by default, or for each axis a number or a vector
            of edges.
        range: For each axis the least and the greatest edge, or ``None``; ``None`` (default) means
            the least and the greatest coordinate.
        density: Return a density instead, whose integral over the cells is one. Default ``False``.
        weights: Vector of ``N`` numbers: what each point counts. ``None`` (default) means one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of the counts, with ``D`` axes, and a list of the edges along each. The dtypes are as
        those of :func:`histogram`.

    Raises:
        TypeError: If ``bins`` or ``range`` is of a wrong kind.
        ValueError: If there are not as many ``bins`` or ranges as axes, if one of them makes no
            sense, or ``weights`` has another length.

    Example:
        >>> import mlx_core_py as mx
        >>> counts, edges = mx.histogramdd(mx.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]]), bins=2)
        >>> counts
        array([[1, 0],
               [1, 1]], dtype=int32)

    See: NumPy ``numpy.histogramdd``.
    """
    if isinstance(sample, (list, tuple)):
        sample = stack([to_array(column, "sample") for column in sample], 1)
    sample = to_array(sample, "sample")
    if weights is not None:
        weights = to_array(weights, "weights")
    density = False if density is None else to_bool(density, "density")
    if not isinstance(bins, (int, list, tuple, array)):
        raise WrongTypeError("bins must be a number of bins, or for each axis a number or edges")
    if range is not None and (isinstance(range, str) or not hasattr(range, "__len__")):
        raise WrongTypeError("range must be for each axis a pair of numbers or None")
    if sample.ndim == 1:
        sample = sample[:, None]
    if sample.ndim != 2:
        raise ValueError(f"sample must have shape (N, D), not {sample.shape}")
    points, axes = sample.shape
    if isinstance(bins, int):
        bins = [bins] * axes
    ranges = [None] * axes if range is None else list(range)
    if len(bins) != axes or len(ranges) != axes:
        raise ValueError(
            f"{axes} axes need as many bins and ranges, not {len(bins)} and {len(ranges)}"
        )
    if weights is not None and weights.shape != (points,):
        raise ValueError(f"weights has shape {weights.shape}, but there are {points} points")
    edges = []
    lengths = []
    place = zeros((points,), int32)
    inside = ones((points,), bool_)
    for axis, count in enumerate(bins):
        column = sample[:, axis]
        edge = _bin_edges(column, count, ranges[axis])[0]
        count = edge.size - 1
        at = searchsorted(edge, column, "right").astype(int32) - 1
        at = where(column == edge[-1], count - 1, at)
        inside = logical_and(inside, logical_and(at >= 0, at < count))
        place = place * count + at
        edges.append(edge)
        lengths.append(count)
    total = 1
    for length in lengths:
        total *= length
    counts = _bincount(where(inside, place, -1), weights, total).reshape(lengths)
    if density:
        counts = counts / sum(counts)
        for axis, edge in enumerate(edges):
            width = edge[1:] - edge[:-1]
            counts = counts / width.reshape([-1] + [1] * (axes - 1 - axis))
    return counts, edges

@composed
def histogram2d(
    x: array,
    y: array,
    bins: int | Sequence[int | array] = 10,
    range: Sequence[Sequence[float] | None] | None = None,
    density: bool | None = None,
    weights: array | None = None,
    *,
    stream: StreamLike = None,
) -> tuple[array, array, array]:
    """How many points are in which cell of a grid in the plane.

    Args:
        x: Vector of first coordinates.
        y: Vector of second coordinates, of the same length.
        bins: Number of bins along both axes, 10 by default, a vector of the edges of both, or a
            pair of numbers or edges.
        range: For each axis the least and the greatest edge, or ``None``; ``None`` (default) means
            the least and the greatest coordinate.
        density: Return a density instead, whose integral over the cells is one. Default ``False``.
        weights: Vector of what each point counts. ``None`` (default) means one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Tuple of the counts, with an axis for ``x`` and one for ``y``, and the edges along each. The
        dtypes are as those of :func:`histogram`.

    Raises:
        TypeError: If ``bins`` or ``range`` is of a wrong kind.
        ValueError: If ``x`` and ``y`` are not vectors of one length, or another argument makes no
            sense.

    Example:
        >>> import mlx_core_py as mx
        >>> counts, *_ = mx.histogram2d(mx.array([0.0, 1.0, 1.0]), mx.array([0.0, 1.0, 0.0]), 2)
        >>> counts
        array([[1, 0],
               [1, 1]], dtype=int32)

    See: NumPy ``numpy.histogram2d``.
    """
    x = to_array(x, "x")
    y = to_array(y, "y")
    if not isinstance(bins, (int, list, tuple, array)):
        raise WrongTypeError("bins must be a number of bins, edges, or a pair of these")
    if range is not None and (isinstance(range, str) or not hasattr(range, "__len__")):
        raise WrongTypeError("range must be for each axis a pair of numbers or None")
    if weights is not None:
        weights = to_array(weights, "weights")
    if density is not None:
        to_bool(density, "density")
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors of one length, not {x.shape} and {y.shape}")
    if not isinstance(bins, int) and len(bins) != 2:
        bins = [bins, bins]
    counts, edges = histogramdd(stack([x, y], 1), bins, range, density, weights)
    return counts, edges[0], edges[1]

@composed
def digitize(
    x: Scalar | array, bins: array, right: bool = False, *, stream: StreamLike = None
) -> array:
    """The bin that each element is in.

    Args:
        x: Real array of any shape, or a scalar.
        bins: Vector of edges in ascending or descending order.
        right: Whether a bin holds its right edge instead of its left one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint32`` array of the shape of ``x``: ``i`` where ``bins[i-1] <= x < bins[i]``, or where
        ``bins[i-1] > x >= bins[i]``; 0 before the first edge, ``len(bins)`` behind the last. While
        ``compile`` or ``vmap`` traces the function, ``bins`` is taken to be in order.

    Raises:
        ValueError: If ``bins`` is not a vector or neither increases nor decreases.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.digitize(mx.array([0.2, 6.4, 3.0]), mx.array([0.0, 1.0, 2.5, 4.0]))
        array([1, 4, 3], dtype=uint32)

    See: NumPy ``numpy.digitize``.
    """
    x = to_operand(x, bins, None, "x")
    bins = to_operand(bins, x, None, "bins")
    side = "left" if to_bool(right, "right") else "right"
    if bins.ndim != 1:
        raise ValueError(f"bins must be a vector, not of shape {bins.shape}")
    if bins.size < 2:
        return searchsorted(bins, x, side)
    if not _traced(bins):
        if all(bins[1:] >= bins[:-1]).item():
            return searchsorted(bins, x, side)
        if all(bins[1:] <= bins[:-1]).item():
            return bins.size - searchsorted(bins[::-1], x, side)
        raise ValueError("bins must increase or decrease monotonically")
    up = searchsorted(bins, x, side)
    down = bins.size - searchsorted(bins[::-1], x, side)
    return where(bins[-1] >= bins[0], up, down)
