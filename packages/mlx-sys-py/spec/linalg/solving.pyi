"""Norms, products, inverses, determinants and systems of equations."""

cpp_includes = ["core/linear_algebra.hpp", "core/statistics.hpp"]

@c(
    "mlx_linalg_norm_l2",
    "array a, ints? axis, bool keepdims",
    when="ord is None",
    cpp="mlx_c::linalg::norm",
)
@c(
    "mlx_linalg_norm_matrix",
    "array a, str ord, ints? axis, bool keepdims",
    when="isinstance(ord, str)",
    cpp="mlx::core::linalg::norm",
)
@c("mlx_linalg_norm", "array a, double ord, ints? axis, bool keepdims", cpp="mlx_c::linalg::norm")
def norm(
    a: array,
    /,
    ord: int | float | str | None = None,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Norm of vectors, of matrices or of all elements.

    Args:
        a: Input array of any shape and dtype.
        ord: Number for a p-norm, infinities included, "fro" or "nuc" for matrices; ``None``
            (default) is the root of the sum of squares.
        axis: Axis of vectors or two axes of matrices; ``None`` (default) means all elements, or the
            only vector or matrix if ``ord`` is given.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array without the reduced axes (or with length one).

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``ord`` does not exist or does not go with the number of axes.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.norm(mx.array([3.0, 4.0]))
        array(5, dtype=float32)

    See: MLX ``mlx.core.linalg.norm``.
    """
    if axis is not None and not to_int_list(axis, "axis"):
        raise ValueError("axis must hold one or two axes, not none")

@c("mlx_linalg_inv", "array a")
def inv(a: array, *, stream: StreamLike = None) -> array:
    """Inverse of square matrices.

    Args:
        a: Floating-point array of shape ``(..., N, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        ValueError: If the matrices are not square or the stream is on a GPU;
            when it is evaluated, if one is singular.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.inv(mx.array([[2.0, 0.0], [0.0, 4.0]]), stream=mx.cpu)
        array([[0.5, 0],
               [-0, 0.25]], dtype=float32)

    See: MLX ``mlx.core.linalg.inv``.
    """

@c("mlx_linalg_tri_inv", "array a, bool upper")
def tri_inv(a: array, upper: bool = False, *, stream: StreamLike = None) -> array:
    """Inverse of triangular matrices.

    Args:
        a: Floating-point array of shape ``(..., N, N)``; the other triangle is not read.
        upper: Whether the matrices are upper triangular. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        ValueError: If the matrices are not square or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.tri_inv(mx.array([[2.0, 0.0], [2.0, 4.0]]), stream=mx.cpu)
        array([[0.5, 0],
               [-0.25, 0.25]], dtype=float32)

    See: MLX ``mlx.core.linalg.tri_inv``.
    """

@c("mlx_linalg_cholesky_inv", "array a, bool upper")
def cholesky_inv(a: array, upper: bool = False, *, stream: StreamLike = None) -> array:
    """Inverse of symmetric positive definite matrices from their Cholesky factor.

    Args:
        a: Cholesky factor of shape ``(..., N, N)``.
        upper: Whether ``a`` is the upper factor. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Inverse of the matrices that were factorised.

    Raises:
        ValueError: If the matrices are not square or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.cholesky_inv(mx.array([[2.0, 0.0], [0.0, 1.0]]), stream=mx.cpu)
        array([[0.25, 0],
               [0, 1]], dtype=float32)

    See: MLX ``mlx.core.linalg.cholesky_inv``.
    """

@c(
    "mlx_linalg_pinv",
    "array a",
    when="rtol is None",
    cpp="mlx_c::linalg::pinv",
)
@c(
    "mlx_linalg_pinv_rtol",
    "array a, array rtol",
    cpp="mlx_c::linalg::pinv({a}, {rtol}, {s})",
)
def pinv(a: array, *, rtol: ArrayLike | None = None, stream: StreamLike = None) -> array:
    """Moore-Penrose pseudo-inverse of matrices.

    Args:
        a: Floating-point array of shape ``(..., M, N)``.
        rtol: Singular values up to ``rtol`` times the largest count as zero: a number, or an array
            with one for each matrix; ``None`` (default) is ten times the longer side times the
            rounding error of the dtype.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., N, M)``.

    Raises:
        ValueError: If ``a`` has fewer than two dimensions or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.pinv(mx.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), stream=mx.cpu).shape
        (2, 3)

    See: MLX ``mlx.core.linalg.pinv``.
    """

@c("mlx_linalg_cross", "array a, array b, int axis")
def cross(a: array, b: array, axis: int = -1, *, stream: StreamLike = None) -> array:
    """Cross products of the vectors along an axis.

    Args:
        a: Array of length 2 or 3 along the axis.
        b: Array of length 2 or 3 along the axis, which otherwise broadcasts with ``a``.
        axis: Axis of the vectors. Default -1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the products; of their third components if all vectors have length 2.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a length is neither 2 nor 3 or the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.cross(mx.array([1, 0, 0]), mx.array([0, 1, 0]))
        array([0, 0, 1], dtype=int32)

    See: MLX ``mlx.core.linalg.cross``.
    """

@c("mlx_linalg_solve", "array a, array b", cpp="mlx_c::linalg::solve")
def solve(a: array, b: array, *, stream: StreamLike = None) -> array:
    """Solution ``x`` of ``a @ x == b``.

    Args:
        a: Floating-point array of shape ``(..., N, N)``.
        b: Array of shape ``(..., N, K)`` or ``(N,)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``b``.

    Raises:
        ValueError: If the shapes do not fit or the stream is on a GPU;
            when it is evaluated, if a matrix is singular.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.solve(mx.array([[2.0, 0.0], [0.0, 4.0]]), mx.array([2.0, 2.0]), stream=mx.cpu)
        array([1, 0.5], dtype=float32)

    See: MLX ``mlx.core.linalg.solve``.
    """

@c(
    "mlx_linalg_solve_triangular",
    "array a, array b, bool upper",
    cpp="mlx_c::linalg::solve_triangular",
)
def solve_triangular(
    a: array, b: array, *, upper: bool = False, stream: StreamLike = None
) -> array:
    """Solution ``x`` of ``a @ x == b`` for triangular ``a``.

    Args:
        a: Floating-point array of shape ``(..., N, N)``; the other triangle is not read.
        b: Array of shape ``(..., N, K)`` or ``(N,)``.
        upper: Whether ``a`` is upper triangular. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``b``.

    Raises:
        ValueError: If the shapes do not fit or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> a = mx.array([[2.0, 0.0], [2.0, 1.0]])
        >>> mx.linalg.solve_triangular(a, mx.array([2.0, 3.0]), stream=mx.cpu)
        array([1, 1], dtype=float32)

    See: MLX ``mlx.core.linalg.solve_triangular``.
    """

@c("mlx_linalg_det", "array a", cpp="mlx_c::linalg::det")
def det(a: array, *, stream: StreamLike = None) -> array:
    """Determinant of square matrices.

    Args:
        a: Floating-point array of shape ``(..., N, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the leading axes of ``a``.

    Raises:
        ValueError: If the matrices are not square or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.det(mx.array([[2.0, 0.0], [0.0, 4.0]]), stream=mx.cpu)
        array(8, dtype=float32)

    See: MLX ``mlx.core.linalg.det``.
    """

@c("mlx_linalg_slogdet", "array a", cpp="mlx_c::linalg::slogdet")
def _slogdet(a: array, stream: StreamLike = None) -> tuple[array, array]:
    """The sign and the logarithm."""

def slogdet(a: array, *, stream: StreamLike = None) -> SlogdetResult:
    """Sign and logarithm of the size of the determinant of square matrices.

    Args:
        a: Floating-point array of shape ``(..., N, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(sign, logabsdet)``, each of the leading axes of ``a``.

    Raises:
        ValueError: If the matrices are not square or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> sign, logarithm = mx.linalg.slogdet(mx.array([[1.0, 0.0], [0.0, -1.0]]), stream=mx.cpu)
        >>> sign, logarithm
        (array(-1, dtype=float32), array(0, dtype=float32))

    See: MLX ``mlx.core.linalg.slogdet``.
    """
    return SlogdetResult(*_slogdet(a, stream))
