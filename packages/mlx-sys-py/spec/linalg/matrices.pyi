"""Norms, ranks, powers, diagonals and least squares, with the names of NumPy and the array API."""

cpp_includes = ["core/linear_algebra.hpp"]

@c(
    "mlx_linalg_diagonal",
    "array x, int offset",
    cpp="mlx_c::linalg::diagonal({x}, {offset}, {s})",
)
def diagonal(x: array, /, *, offset: int = 0, stream: StreamLike = None) -> array:
    """The diagonals of matrices.

    Args:
        x: Array of shape ``(..., M, N)``.
        offset: Diagonal: 0 (default) the main one, positive above, negative below.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the leading axes of ``x`` and the diagonal.

    Raises:
        ValueError: If ``x`` has fewer than two dimensions.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.diagonal(mx.array([[1, 2], [3, 4]]))
        array([1, 4], dtype=int32)

    See: array API ``linalg.diagonal``.
    """

@c(
    "mlx_linalg_trace",
    "array x, int offset, dtype dtype",
    cpp="mlx_c::linalg::trace({x}, {offset}, {dtype}, {s})",
)
def trace(
    x: array, /, *, offset: int = 0, dtype: Dtype | None = None, stream: StreamLike = None
) -> array:
    """Sums of the diagonals of matrices.

    Args:
        x: Array of shape ``(..., M, N)``.
        offset: Diagonal: 0 (default) the main one, positive above, negative below.
        dtype: Type to add up in; ``None`` (default) is chosen as by :func:`sum`.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the leading axes of ``x``.

    Raises:
        ValueError: If ``x`` has fewer than two dimensions.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.trace(mx.array([[1, 2], [3, 4]]))
        array(5, dtype=int32)

    See: array API ``linalg.trace``.
    """
    x = to_array(x, "x")
    if dtype is None:
        dtype = x.dtype

@c(
    "mlx_linalg_vector_norm",
    "array x, double ord, ints? axis, bool keepdims",
    cpp="mlx_c::linalg::vector_norm({x}, {ord}, {axis}, {keepdims}, {s})",
)
def vector_norm(
    x: array,
    /,
    *,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    ord: int | float = 2,
    stream: StreamLike = None,
) -> array:
    """Norm of the vectors that axes span.

    Args:
        x: Input array of any shape and dtype.
        axis: Axis or axes of a vector; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        ord: Order, infinities included; 0 counts what is not zero. Default 2.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array without the reduced axes (or with length one).

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.vector_norm(mx.array([[3.0, 4.0], [6.0, 8.0]]), axis=1)
        array([5, 10], dtype=float32)

    See: array API ``linalg.vector_norm``.
    """
    if axis is not None and not to_int_list(axis, "axis"):
        raise ValueError("axis must hold at least one axis, not none")

def matrix_norm(
    x: array,
    /,
    *,
    keepdims: bool = False,
    ord: int | float | str | None = "fro",
    stream: StreamLike = None,
) -> array:
    """Norm of matrices.

    Args:
        x: Array of shape ``(..., M, N)``.
        keepdims: Keep the last two axes with length one. Default ``False``.
        ord: "fro" (default), "nuc", or one of 1, 2, infinity and the same negative.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the leading axes of ``x``.

    Raises:
        ValueError: If ``ord`` does not exist or ``x`` has fewer than two dimensions.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.matrix_norm(mx.array([[1.0, 2.0], [2.0, 4.0]]))
        array(5, dtype=float32)

    See: array API ``linalg.matrix_norm``.
    """
    x = to_array(x, "x")
    if x.ndim < 2:
        raise ValueError(f"x needs at least two dimensions, not {x.ndim}")
    return norm(x, ord, (-2, -1), keepdims, stream=stream)

@c(
    "mlx_linalg_matrix_power",
    "array x, int n",
    cpp="mlx_c::linalg::matrix_power({x}, {n}, {s})",
)
def matrix_power(x: array, n: int, /, *, stream: StreamLike = None) -> array:
    """Powers of square matrices.

    Args:
        x: Array of shape ``(..., N, N)``.
        n: How often the matrix is multiplied; for negative ``n`` its inverse.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``x``; identity matrices for ``n = 0``.

    Raises:
        ValueError: If the matrices are not square; when it is evaluated, if ``n`` is negative and
            one is singular.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.matrix_power(mx.array([[1.0, 1.0], [0.0, 1.0]]), 3)
        array([[1, 3],
               [0, 1]], dtype=float32)

    See: array API ``linalg.matrix_power``.
    """

@c(
    "mlx_linalg_matrix_rank",
    "array x, array? rtol",
    cpp="mlx_c::linalg::matrix_rank({x}, {rtol}, {s})",
)
def matrix_rank(x: array, /, *, rtol: ArrayLike | None = None, stream: StreamLike = None) -> array:
    """Ranks of matrices: how many singular values are not zero.

    Args:
        x: Floating-point array of shape ``(..., M, N)``.
        rtol: Values up to ``rtol`` times the largest count as zero: a number, or an array with one
            for each matrix; ``None`` (default) is the longer side times the rounding error of the
            dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``int32`` array of the leading axes of ``x``.

    Raises:
        ValueError: If ``x`` has fewer than two dimensions or the stream is on a GPU;
            when it is evaluated, if ``x`` holds infinity or NaN.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.matrix_rank(mx.array([[1.0, 2.0], [2.0, 4.0]]), stream=mx.cpu)
        array(1, dtype=int32)

    See: array API ``linalg.matrix_rank``.
    """

@c(
    "mlx_linalg_cond_name",
    "array x, str p",
    when="isinstance(p, str)",
    cpp="mlx_c::linalg::cond({x}, {p}, {s})",
)
@c(
    "mlx_linalg_cond",
    "array x, double p",
    cpp="mlx_c::linalg::cond({x}, {p}, {s})",
)
def cond(x: array, p: int | float | str | None = None, *, stream: StreamLike = None) -> array:
    """Condition numbers of matrices: the norm times the norm of the inverse.

    Args:
        x: Floating-point array of shape ``(..., M, N)``, square unless ``p`` is 2 or -2.
        p: Order of the norm, as in :func:`matrix_norm`; ``None`` (default) is 2.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the leading axes of ``x``; infinite for singular matrices if ``p`` is 2.

    Raises:
        ValueError: If ``x`` has fewer than two dimensions, holds matrices without elements or the
            stream is on a GPU; when it is evaluated, if a matrix is singular and ``p`` is not 2.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.cond(mx.array([[2.0, 0.0], [0.0, 8.0]]), stream=mx.cpu)
        array(4, dtype=float32)

    See: NumPy ``numpy.linalg.cond``.
    """
    if p is None:
        p = 2

@c(
    "mlx_linalg_multi_dot",
    "arrays arrays",
    cpp="mlx_c::linalg::multi_dot({arrays}, {s})",
)
def multi_dot(arrays: Sequence[array], *, stream: StreamLike = None) -> array:
    """Product of several matrices, in the order that takes the fewest operations.

    Args:
        arrays: At least two matrices; the first and the last may be vectors.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        The product, without the axes of vectors.

    Raises:
        ValueError: If there are fewer than two, or their shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.multi_dot([mx.ones((2, 3)), mx.ones((3, 4)), mx.ones((4, 1))])
        array([[12],
               [12]], dtype=float32)

    See: NumPy ``numpy.linalg.multi_dot``.
    """

@c(
    "mlx_linalg_lstsq",
    "array a, array b, float? rcond",
    cpp="mlx_c::linalg::lstsq({a}, {b}, {rcond}, {s})",
)
def _lstsq(a: array, b: array, rcond: float | None, stream: StreamLike = None) -> tuple[array, ...]:
    """The solution, the squares that are left, the rank, the singular values."""

def lstsq(
    a: array, b: array, rcond: float | None = None, *, stream: StreamLike = None
) -> LstsqResult:
    """Least squares: the ``x`` of the least norm for which ``a @ x - b`` has the least.

    Args:
        a: Floating-point matrix of shape ``(M, N)``.
        b: Array of shape ``(M,)`` or ``(M, K)``.
        rcond: Singular values up to ``rcond`` times the largest count as zero; ``None`` (default)
            is the longer side times the rounding error of the dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(x, residuals, rank, singular_values)``. The residuals are the sums of the squares that
        are left, for each column of ``b``; unlike NumPy's, also where the rank is not full.

    Raises:
        ValueError: If the shapes do not fit or the stream is on a GPU;
            when it is evaluated, if ``a`` holds infinity or NaN.

    Example:
        >>> import mlx_core_py as mx
        >>> a = mx.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
        >>> mx.linalg.lstsq(a, mx.array([1.0, 3.0, 5.0]), stream=mx.cpu).x.round(4)
        array([1, 2], dtype=float32)

    See: NumPy ``numpy.linalg.lstsq``.
    """
    return LstsqResult(*_lstsq(a, b, rcond, stream))
