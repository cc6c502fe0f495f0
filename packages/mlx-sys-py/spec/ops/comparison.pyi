"""Comparisons and tests of numbers."""

@weak("a", "b")
@cached_node
@c("mlx_equal", "array a, array b")
def equal(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Where two arrays are equal.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.equal(mx.array([1, 2, 3]), 2)
        array([False, True, False], dtype=bool)

    See: MLX ``mlx.core.equal``.
    """

@weak("a", "b")
@cached_node
@c("mlx_not_equal", "array a, array b")
def not_equal(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Where two arrays differ.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.not_equal(mx.array([1, 2, 3]), 2)
        array([True, False, True], dtype=bool)

    See: MLX ``mlx.core.not_equal``.
    """

@weak("a", "b")
@cached_node
@c("mlx_less", "array a, array b")
def less(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Where ``a`` is below ``b``.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.less(mx.array([1, 2, 3]), 2)
        array([True, False, False], dtype=bool)

    See: MLX ``mlx.core.less``.
    """

@weak("a", "b")
@cached_node
@c("mlx_less_equal", "array a, array b")
def less_equal(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Where ``a`` is not above ``b``.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.less_equal(mx.array([1, 2, 3]), 2)
        array([True, True, False], dtype=bool)

    See: MLX ``mlx.core.less_equal``.
    """

@weak("a", "b")
@cached_node
@c("mlx_greater", "array a, array b")
def greater(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Where ``a`` is above ``b``.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.greater(mx.array([1, 2, 3]), 2)
        array([False, False, True], dtype=bool)

    See: MLX ``mlx.core.greater``.
    """

@weak("a", "b")
@cached_node
@c("mlx_greater_equal", "array a, array b")
def greater_equal(a: Scalar | array, b: Scalar | array, stream: StreamLike = None) -> array:
    """Where ``a`` is not below ``b``.

    Args:
        a: Array or scalar; takes part in type promotion with ``b``.
        b: Array or scalar that broadcasts with ``a``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.greater_equal(mx.array([1, 2, 3]), 2)
        array([False, True, True], dtype=bool)

    See: MLX ``mlx.core.greater_equal``.
    """

@weak("a", "b")
@c("mlx_array_equal", "array a, array b, bool equal_nan")
def array_equal(
    a: Scalar | array, b: Scalar | array, equal_nan: bool = False, stream: StreamLike = None
) -> array:
    """Whether two arrays have the same shape and the same elements.

    Args:
        a: Array or scalar.
        b: Array or scalar.
        equal_nan: Count NaN as equal to NaN. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of shape ``()``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.array_equal(mx.array([1, 2]), mx.array([1.0, 2.0]))
        array(True, dtype=bool)

    See: MLX ``mlx.core.array_equal``.
    """

@weak("a", "b")
@c("mlx_allclose", "array a, array b, double rtol, double atol, bool equal_nan")
def allclose(
    a: array,
    b: array,
    /,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    *,
    equal_nan: bool = False,
    stream: StreamLike = None,
) -> array:
    """Whether all elements of two arrays are close.

    Two numbers are close when ``abs(a - b) <= atol + rtol * abs(b)``; infinities of the same sign
    are.

    Args:
        a: Input array of any shape and dtype.
        b: Array or scalar that broadcasts with ``a``.
        rtol: Relative tolerance. Default 1e-05.
        atol: Absolute tolerance. Default 1e-08.
        equal_nan: Count NaN as close to NaN. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of shape ``()``.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.allclose(mx.array([1.0, 2.0]), mx.array([1.0, 2.00001]))
        array(True, dtype=bool)

    See: MLX ``mlx.core.allclose``.
    """

@weak("a", "b")
@c("mlx_isclose", "array a, array b, double rtol, double atol, bool equal_nan")
def isclose(
    a: array,
    b: array,
    /,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    *,
    equal_nan: bool = False,
    stream: StreamLike = None,
) -> array:
    """Where two arrays are close.

    Two numbers are close when ``abs(a - b) <= atol + rtol * abs(b)``; infinities of the same sign
    are.

    Args:
        a: Input array of any shape and dtype.
        b: Array or scalar that broadcasts with ``a``.
        rtol: Relative tolerance. Default 1e-05.
        atol: Absolute tolerance. Default 1e-08.
        equal_nan: Count NaN as close to NaN. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.isclose(mx.array([1.0, 2.0]), mx.array([1.0, 2.00001]))
        array([True, True], dtype=bool)

    See: MLX ``mlx.core.isclose``.
    """

@c("mlx_isnan", "array a")
def isnan(a: array, stream: StreamLike = None) -> array:
    """Where elements are NaN.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.isnan(mx.array([1.0, mx.inf, -mx.inf, mx.nan]))
        array([False, False, False, True], dtype=bool)

    See: MLX ``mlx.core.isnan``.
    """

@c("mlx_isinf", "array a")
def isinf(a: array, stream: StreamLike = None) -> array:
    """Where elements are infinite, of either sign.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.isinf(mx.array([1.0, mx.inf, -mx.inf, mx.nan]))
        array([False, True, True, False], dtype=bool)

    See: MLX ``mlx.core.isinf``.
    """

@c("mlx_isfinite", "array a")
def isfinite(a: array, stream: StreamLike = None) -> array:
    """Where elements are neither infinite nor NaN.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.isfinite(mx.array([1.0, mx.inf, -mx.inf, mx.nan]))
        array([True, False, False, False], dtype=bool)

    See: MLX ``mlx.core.isfinite``.
    """

@c("mlx_isposinf", "array a")
def isposinf(a: array, stream: StreamLike = None) -> array:
    """Where elements are positive infinity.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.isposinf(mx.array([1.0, mx.inf, -mx.inf, mx.nan]))
        array([False, True, False, False], dtype=bool)

    See: MLX ``mlx.core.isposinf``.
    """

@c("mlx_isneginf", "array a")
def isneginf(a: array, stream: StreamLike = None) -> array:
    """Where elements are negative infinity.

    Args:
        a: Input array of any shape and dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Boolean array of the shape of ``a``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.isneginf(mx.array([1.0, mx.inf, -mx.inf, mx.nan]))
        array([False, False, True, False], dtype=bool)

    See: MLX ``mlx.core.isneginf``.
    """
