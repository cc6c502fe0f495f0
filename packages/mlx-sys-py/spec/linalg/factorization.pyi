"""Factorisations and eigenvalues of matrices.

They run on the CPU only: pass ``stream=cpu`` where there is a GPU.
"""

cpp_includes = ["core/checks.hpp"]

@c("mlx_linalg_qr", "array a")
def qr(a: array, *, stream: StreamLike = None) -> tuple[array, array]:
    """QR factorisation: an orthonormal and an upper triangular matrix.

    Args:
        a: Floating-point array of shape ``(..., M, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(Q, R)`` of shapes ``(..., M, K)`` and ``(..., K, N)`` with ``K = min(M, N)``.

    Raises:
        ValueError: If ``a`` has fewer than two dimensions or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> q, r = mx.linalg.qr(mx.array([[2.0, 3.0], [1.0, 2.0]]), stream=mx.cpu)
        >>> mx.allclose(q @ r, mx.array([[2.0, 3.0], [1.0, 2.0]]), atol=1e-5)
        array(True, dtype=bool)

    See: MLX ``mlx.core.linalg.qr``.
    """

@c("mlx_linalg_svd", "array a, bool compute_uv", cpp="mlx::core::linalg::svd")
def _svd(a: array, compute_uv: bool, stream: StreamLike = None) -> tuple[array, ...]:
    """The singular values, with the vectors on both sides if wanted."""

def svd(
    a: array, compute_uv: bool = True, *, stream: StreamLike = None
) -> array | tuple[array, array, array]:
    """Singular value decomposition.

    Args:
        a: Floating-point array of shape ``(..., M, N)``.
        compute_uv: Return the singular vectors too. Default ``True``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(U, S, Vt)`` of shapes ``(..., M, M)``, ``(..., K)`` and ``(..., N, N)`` with ``K = min(M,
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
    results = _svd(a, compute_uv, stream)
    return results if compute_uv else results[0]

@c("mlx_linalg_cholesky", "array a, bool upper")
def cholesky(a: array, upper: bool = False, *, stream: StreamLike = None) -> array:
    """Cholesky factor of symmetric positive definite matrices.

    The input is not checked: for other matrices the result means nothing.

    Args:
        a: Floating-point array of shape ``(..., N, N)``.
        upper: Return the upper factor instead of the lower. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array ``L`` with ``L @ L.mT == a``, or ``U`` with ``U.mT @ U == a``.

    Raises:
        ValueError: If the matrices are not square or the stream is on a GPU.

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
def eig(a: array, *, stream: StreamLike = None) -> tuple[array, array]:
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
def eigh(a: array, UPLO: str = "L", *, stream: StreamLike = None) -> tuple[array, array]:
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

@c("mlx_linalg_lu", "array a", check="mlx_c::check_elements({a})")
def lu(a: array, *, stream: StreamLike = None) -> tuple[array, ...]:
    """LU factorisation with row permutation.

    Args:
        a: Floating-point array of shape ``(..., M, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(P, L, U)``: row indices, lower and upper factor, with ``a == L[P] @ U``.

    Raises:
        ValueError: If ``a`` is empty, has fewer than two dimensions or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> p, l, u = mx.linalg.lu(mx.array([[2.0, 1.0], [4.0, 3.0]]), stream=mx.cpu)
        >>> l[p, :] @ u
        array([[2, 1],
               [4, 3]], dtype=float32)

    See: MLX ``mlx.core.linalg.lu``.
    """

@c("mlx_linalg_lu_factor", "array a", check="mlx_c::check_elements({a})")
def lu_factor(a: array, *, stream: StreamLike = None) -> tuple[array, array]:
    """LU factorisation, both factors in one matrix.

    Args:
        a: Floating-point array of shape ``(..., M, N)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``(LU, pivots)``; row ``i`` was exchanged with row ``pivots[i]``.

    Raises:
        ValueError: If ``a`` is empty, has fewer than two dimensions or the stream is on a GPU.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.linalg.lu_factor(mx.array([[2.0, 1.0], [4.0, 3.0]]), stream=mx.cpu)
        (array([[4, 3],
               [0.5, -0.5]], dtype=float32), array([1, 1], dtype=uint32))

    See: MLX ``mlx.core.linalg.lu_factor``.
    """
