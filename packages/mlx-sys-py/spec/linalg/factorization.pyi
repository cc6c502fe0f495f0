"""Factorisations and eigenvalues of matrices.

They run on the CPU only: pass ``stream=cpu`` where there is a GPU.
"""

cpp_includes = ["core/checks.hpp", "cpu/ops/linear_algebra/functions.hpp"]

@c("mlx_linalg_qr", "array a")
def _qr(a: array, stream: StreamLike = None) -> tuple[array, array]:
    """Both factors."""

@c(
    "mlx_linalg_qr_complete",
    "array a",
    cpp="mlx_c::linalg::qr_complete({a}, {s})",
)
def _qr_complete(a: array, stream: StreamLike = None) -> tuple[array, array]:
    """Both factors, of which the first is square."""

def qr(a: array, *, mode: str = "reduced", stream: StreamLike = None) -> QRResult:
    """QR factorisation: an orthonormal and an upper triangular matrix.

    Args:
        a: Floating-point array of shape ``(..., M, N)``.
        mode: "reduced" (default), or "complete" for ``K = M`` below.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(Q, R)`` of shapes ``(..., M, K)`` and ``(..., K, N)`` with ``K = min(M, N)``.

    Raises:
        ValueError: If ``a`` has fewer than two dimensions, ``mode`` is unknown or the stream is on
            a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> q, r = mx.linalg.qr(mx.array([[2.0, 3.0], [1.0, 2.0]]), stream=mx.cpu)
        >>> mx.allclose(q @ r, mx.array([[2.0, 3.0], [1.0, 2.0]]), atol=1e-5)
        array(True, dtype=bool)

    See: MLX ``mlx.core.linalg.qr``.
    """
    if not isinstance(mode, str):
        raise WrongTypeError(f"mode must be a string, not {type(mode).__name__}")
    if mode == "complete":
        return QRResult(*_qr_complete(a, stream))
    if mode != "reduced":
        raise ValueError(f"mode must be 'reduced' or 'complete', not {mode!r}")
    return QRResult(*_qr(a, stream))

@c("mlx_linalg_svd", "array a, bool compute_uv", cpp="mlx::core::linalg::svd")
def _svd(a: array, compute_uv: bool, stream: StreamLike = None) -> tuple[array, ...]:
    """The singular values, with the vectors on both sides if wanted."""

@c(
    "mlx_linalg_svd_thin",
    "array a",
    cpp="mlx_c::linalg::svd({a}, true, false, {s})",
)
def _svd_thin(a: array, stream: StreamLike = None) -> tuple[array, ...]:
    """The singular values, with the vectors that belong to one."""

def svd(
    a: array, compute_uv: bool = True, *, full_matrices: bool = True, stream: StreamLike = None
) -> array | SVDResult:
    """Singular value decomposition.

    Args:
        a: Floating-point array of shape ``(..., M, N)``.
        compute_uv: Return the singular vectors too. Default ``True``.
        full_matrices: Return all vectors of both sides. If ``False``, only those that belong to a
            singular value: ``U`` of shape ``(..., M, K)`` and ``Vh`` of ``(..., K, N)``, which
            takes much less time for long matrices. Default ``True``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(U, S, Vh)`` of shapes ``(..., M, M)``, ``(..., K)`` and ``(..., N, N)`` with ``K = min(M,
        N)`` and descending values; only ``S`` without ``compute_uv``.

    Raises:
        ValueError: If ``a`` has fewer than two dimensions or the stream is on a GPU;
            when it is evaluated, if ``a`` holds infinity or NaN.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.svd(mx.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False, stream=mx.cpu)
        array([4, 3], dtype=float32)

    See: MLX ``mlx.core.linalg.svd``.
    """
    full_matrices = to_bool(full_matrices, "full_matrices")
    if not to_bool(compute_uv, "compute_uv"):
        return _svd(a, False, stream)[0]
    return SVDResult(*(_svd(a, True, stream) if full_matrices else _svd_thin(a, stream)))

def svdvals(x: array, /, *, stream: StreamLike = None) -> array:
    """Singular values, descending.

    Args:
        x: Floating-point array of shape ``(..., M, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., min(M, N))``.

    Raises:
        ValueError: If ``x`` has fewer than two dimensions or the stream is on a GPU;
            when it is evaluated, if ``x`` holds infinity or NaN.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.svdvals(mx.array([[3.0, 0.0], [0.0, 4.0]]), stream=mx.cpu)
        array([4, 3], dtype=float32)

    See: array API ``linalg.svdvals``.
    """
    return _svd(to_array(x, "x"), False, stream)[0]

@c("mlx_linalg_cholesky", "array a, bool upper")
def cholesky(a: array, upper: bool = False, *, stream: StreamLike = None) -> array:
    """Cholesky factor of symmetric positive definite matrices.

    Only one triangle is read: the lower one, the upper one for the upper factor.

    Args:
        a: Floating-point array of shape ``(..., N, N)``.
        upper: Return the upper factor instead of the lower. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array ``L`` with ``L @ L.mT == a``, or ``U`` with ``U.mT @ U == a``.

    Raises:
        ValueError: If the matrices are not square or the stream is on a GPU;
            when it is evaluated, if one is not positive definite.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.cholesky(mx.array([[4.0, 2.0], [2.0, 5.0]]), stream=mx.cpu)
        array([[2, 0],
               [1, 2]], dtype=float32)

    See: MLX ``mlx.core.linalg.cholesky``.
    """

@c("mlx_linalg_eigvals", "array a")
def eigvals(a: array, *, stream: StreamLike = None) -> array:
    """Eigenvalues of square matrices, in no given order.

    Args:
        a: Floating-point array of shape ``(..., N, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array of shape ``(..., N)``.

    Raises:
        ValueError: If the matrices are not square or the stream is on a GPU;
            when it is evaluated, if ``a`` holds infinity or NaN.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.eigvals(mx.array([[2.0, 0.0], [0.0, 3.0]]), stream=mx.cpu)
        array([2+0j, 3+0j], dtype=complex64)

    See: MLX ``mlx.core.linalg.eigvals``.
    """

@c("mlx_linalg_eig", "array a")
def _eig(a: array, stream: StreamLike = None) -> tuple[array, array]:
    """The eigenvalues and the eigenvectors."""

def eig(a: array, *, stream: StreamLike = None) -> EigResult:
    """Eigenvalues and eigenvectors of square matrices.

    Args:
        a: Floating-point array of shape ``(..., N, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` values of shape ``(..., N)`` and, as columns, vectors ``(..., N, N)``.

    Raises:
        ValueError: If the matrices are not square or the stream is on a GPU;
            when it is evaluated, if ``a`` holds infinity or NaN.

    Example:
        >>> import mlx_core_py as mx
        >>> values, vectors = mx.linalg.eig(mx.array([[2.0, 0.0], [0.0, 3.0]]), stream=mx.cpu)
        >>> values
        array([2+0j, 3+0j], dtype=complex64)

    See: MLX ``mlx.core.linalg.eig``.
    """
    return EigResult(*_eig(a, stream))

@c("mlx_linalg_eigvalsh", "array a, str UPLO", check="mlx_c::check_triangle({UPLO})")
def eigvalsh(a: array, UPLO: str = "L", *, stream: StreamLike = None) -> array:
    """Eigenvalues of symmetric or Hermitian matrices, ascending.

    Args:
        a: Floating-point or complex array of shape ``(..., N, N)``.
        UPLO: Triangle that is read, "L" (default) or "U".
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Real array of shape ``(..., N)``.

    Raises:
        ValueError: If the matrices are not square, ``UPLO`` is unknown or the stream is on a GPU;
            when it is evaluated, if ``a`` holds infinity or NaN.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.eigvalsh(mx.array([[2.0, 0.0], [0.0, 3.0]]), stream=mx.cpu)
        array([2, 3], dtype=float32)

    See: MLX ``mlx.core.linalg.eigvalsh``.
    """

@c("mlx_linalg_eigh", "array a, str UPLO", check="mlx_c::check_triangle({UPLO})")
def _eigh(a: array, UPLO: str, stream: StreamLike = None) -> tuple[array, array]:
    """The eigenvalues and the eigenvectors."""

def eigh(a: array, UPLO: str = "L", *, stream: StreamLike = None) -> EighResult:
    """Eigenvalues and eigenvectors of symmetric or Hermitian matrices.

    Args:
        a: Floating-point or complex array of shape ``(..., N, N)``.
        UPLO: Triangle that is read, "L" (default) or "U".
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Ascending values of shape ``(..., N)`` and, as columns, vectors ``(..., N, N)``.

    Raises:
        ValueError: If the matrices are not square, ``UPLO`` is unknown or the stream is on a GPU;
            when it is evaluated, if ``a`` holds infinity or NaN.

    Example:
        >>> import mlx_core_py as mx
        >>> values, vectors = mx.linalg.eigh(mx.array([[2.0, 0.0], [0.0, 3.0]]), stream=mx.cpu)
        >>> values
        array([2, 3], dtype=float32)

    See: MLX ``mlx.core.linalg.eigh``.
    """
    return EighResult(*_eigh(a, UPLO, stream))

@c("mlx_linalg_lu", "array a")
def lu(a: array, *, stream: StreamLike = None) -> tuple[array, ...]:
    """LU factorisation with row permutation.

    Args:
        a: Floating-point array of shape ``(..., M, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(P, L, U)``: row indices, lower and upper factor, with ``a == L[P] @ U``.

    Raises:
        ValueError: If ``a`` has fewer than two dimensions or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> p, l, u = mx.linalg.lu(mx.array([[2.0, 1.0], [4.0, 3.0]]), stream=mx.cpu)
        >>> l[p, :] @ u
        array([[2, 1],
               [4, 3]], dtype=float32)

    See: MLX ``mlx.core.linalg.lu``.
    """

@c("mlx_linalg_lu_factor", "array a")
def lu_factor(a: array, *, stream: StreamLike = None) -> tuple[array, array]:
    """LU factorisation, both factors in one matrix.

    Args:
        a: Floating-point array of shape ``(..., M, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(LU, pivots)``; row ``i`` was exchanged with row ``pivots[i]``.

    Raises:
        ValueError: If ``a`` has fewer than two dimensions or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.lu_factor(mx.array([[2.0, 1.0], [4.0, 3.0]]), stream=mx.cpu)
        (array([[4, 3],
               [0.5, -0.5]], dtype=float32), array([1, 1], dtype=uint32))

    See: MLX ``mlx.core.linalg.lu_factor``.
    """
