"""Triangles and diagonals of matrices."""

cpp_includes = ["core/fixed_shape.hpp"]

@c("mlx_eye", "int n, int m, int k, dtype dtype")
def eye(
    n: int,
    m: int | None = None,
    k: int = 0,
    dtype: Dtype | None = float32,
    *,
    device: Device | DeviceType | None = None,
    stream: StreamLike = None,
) -> array:
    """A matrix of ones on a diagonal and zeros elsewhere.

    Args:
        n: Number of rows.
        m: Number of columns; ``None`` (default) means ``n``.
        k: Diagonal: 0 (default) the main one, positive above, negative below.
        dtype: Type of the result. Default ``float32``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(n, m)``.

    Raises:
        ValueError: If a size is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.eye(2, 3, k=1)
        array([[0, 1, 0],
               [0, 0, 1]], dtype=float32)

    See: MLX ``mlx.core.eye``.
    """
    stream = to_stream_on(stream, device)
    if m is None:
        m = n
    if dtype is None:
        dtype = float32

@c("mlx_identity", "int n, dtype dtype")
def identity(n: int, dtype: Dtype | None = float32, *, stream: StreamLike = None) -> array:
    """The identity matrix.

    Args:
        n: Number of rows and columns.
        dtype: Type of the result. Default ``float32``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(n, n)``.

    Raises:
        ValueError: If ``n`` is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.identity(2)
        array([[1, 0],
               [0, 1]], dtype=float32)

    See: MLX ``mlx.core.identity``.
    """
    if dtype is None:
        dtype = float32

# MLX numbers the rows and columns, however many, of a matrix without elements too.
@c(
    "mlx_tri",
    "int n, int m, int k, dtype type",
    cpp="{n} > 0 && {m} > 0 ? mlx::core::tri({n}, {m}, {k}, {type}, {s})"
    " : mlx::core::zeros({{{n}, {m}}}, {type}, {s})",
    type="dtype",
)
def tri(
    n: int,
    m: int | None = None,
    k: int = 0,
    dtype: Dtype | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """A matrix of ones on and below a diagonal and zeros above.

    Args:
        n: Number of rows.
        m: Number of columns; ``None`` (default) means ``n``.
        k: Diagonal: 0 (default) the main one, positive above, negative below.
        dtype: Type of the result; ``None`` (default) is ``float32``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(n, m)``.

    Raises:
        ValueError: If a size is negative.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.tri(2, 3)
        array([[1, 0, 0],
               [1, 1, 0]], dtype=float32)

    See: MLX ``mlx.core.tri``.
    """
    if m is None:
        m = n
    if dtype is None:
        dtype = float32

@c("mlx_tril", "array x, int k", cpp="mlx::core::tril(mlx_c::fixed_shape({x}, {s}), {k}, {s})")
def tril(x: array, k: int = 0, *, stream: StreamLike = None) -> array:
    """The lower triangle of matrices, zeros above a diagonal.

    Args:
        x: Array of shape ``(..., M, N)``.
        k: Last diagonal kept. Default 0, the main one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``x``.

    Raises:
        ValueError: If ``x`` has fewer than two dimensions.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.tril(mx.array([[1, 2], [3, 4]]))
        array([[1, 0],
               [3, 4]], dtype=int32)

    See: MLX ``mlx.core.tril``.
    """

@c("mlx_triu", "array x, int k", cpp="mlx::core::triu(mlx_c::fixed_shape({x}, {s}), {k}, {s})")
def triu(x: array, k: int = 0, *, stream: StreamLike = None) -> array:
    """The upper triangle of matrices, zeros below a diagonal.

    Args:
        x: Array of shape ``(..., M, N)``.
        k: First diagonal kept. Default 0, the main one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``x``.

    Raises:
        ValueError: If ``x`` has fewer than two dimensions.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.triu(mx.array([[1, 2], [3, 4]]))
        array([[1, 2],
               [0, 4]], dtype=int32)

    See: MLX ``mlx.core.triu``.
    """

@method
@c("mlx_diag", "array a, int k")
def diag(a: array, /, k: int = 0, *, stream: StreamLike = None) -> array:
    """A diagonal matrix from a vector, or a diagonal of a matrix.

    Args:
        a: Array of one or two dimensions.
        k: Diagonal: 0 (default) the main one, positive above, negative below.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Matrix if ``a`` is a vector, vector if ``a`` is a matrix.

    Raises:
        ValueError: If ``a`` has neither one nor two dimensions.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.diag(mx.array([1, 2]))
        array([[1, 0],
               [0, 2]], dtype=int32)

    See: MLX ``mlx.core.diag``.
    """

@method
# The copy is for an empty diagonal: MLX reductions run away over the view of it.
@c(
    "mlx_diagonal",
    "array a, int offset, int axis1, int axis2",
    cpp=(
        "mlx::core::contiguous(mlx::core::diagonal(mlx_c::fixed_shape({a}, {s}), {offset}, "
        "{axis1}, {axis2}, {s}), false, {s})"
    ),
)
def diagonal(
    a: array, offset: int = 0, axis1: int = 0, axis2: int = 1, stream: StreamLike = None
) -> array:
    """The diagonals of the matrices that two axes span.

    Args:
        a: Array of at least two dimensions.
        offset: Diagonal: 0 (default) the main one, positive above, negative below.
        axis1: Axis of the rows. Default 0.
        axis2: Axis of the columns. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the two axes and with the diagonal as last axis.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``a`` has fewer than two dimensions or the axes are the same.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.diagonal(mx.array([[1, 2], [3, 4]]))
        array([1, 4], dtype=int32)

    See: MLX ``mlx.core.diagonal``.
    """

@c(
    "mlx_trace",
    "array a, int offset, int axis1, int axis2, dtype dtype",
    cpp=(
        "mlx::core::sum(mlx::core::astype(mlx::core::contiguous(mlx::core::diagonal("
        "mlx_c::fixed_shape({a}, {s}), {offset}, {axis1}, {axis2}, {s}), false, {s}), {dtype}, "
        "{s}), -1, false, {s})"
    ),
)
def trace(
    a: array,
    /,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: Dtype | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Sum of the diagonals of the matrices that two axes span.

    Args:
        a: Array of at least two dimensions.
        offset: Diagonal: 0 (default) the main one, positive above, negative below.
        axis1: Axis of the rows. Default 0.
        axis2: Axis of the columns. Default 1.
        dtype: Type to add up in; ``None`` (default) is chosen as by :func:`sum`.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the two axes.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``a`` has fewer than two dimensions or the axes are the same.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.trace(mx.array([[1, 2], [3, 4]]))
        array(5, dtype=int32)

    See: MLX ``mlx.core.trace``.
    """
    a = to_array(a, "a")
    if dtype is None:
        dtype = a.dtype
