"""Products of matrices and tensors."""

cpp_includes = [
    "core/axes.hpp",
    "core/cached_addmm.hpp",
    "core/fixed_shape.hpp",
    "core/products.hpp",
]

@c("mlx_matmul", "array a, array b", cpp="mlx_c::matmul")
def matmul(a: array, b: array, /, *, stream: StreamLike = None) -> array:
    """Product of matrices, for every pair of the broadcast leading axes.

    A vector counts as a row on the left and as a column on the right.

    Args:
        a: Array of shape ``(..., M, K)`` or ``(K,)``.
        b: Array of shape ``(..., K, N)`` or ``(K,)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., M, N)``, without the axes of vectors, of the dtype that the arguments
        promote to: sums of integers wrap round.

    Raises:
        ValueError: If the shapes do not fit or an argument is a scalar.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.matmul(mx.array([[1.0, 2.0], [3.0, 4.0]]), mx.array([1.0, 1.0]))
        array([3, 7], dtype=float32)

    See: MLX ``mlx.core.matmul``.
    """

@c("mlx_addmm", "array c, array a, array b, float alpha, float beta", cpp="mlx_c::addmm")
def addmm(
    c: array,
    a: array,
    b: array,
    /,
    alpha: float = 1.0,
    beta: float = 1.0,
    *,
    stream: StreamLike = None,
) -> array:
    """``alpha * (a @ b) + beta * c`` in one step.

    Args:
        c: Array that broadcasts to the shape of the product.
        a: Array of shape ``(..., M, K)`` or ``(K,)``.
        b: Array of shape ``(..., K, N)`` or ``(K,)``.
        alpha: Factor of the product. Default 1.
        beta: Factor of ``c``. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of the product.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.addmm(mx.array([1.0]), mx.array([[1.0, 2.0]]), mx.array([[3.0], [4.0]]), alpha=2.0)
        array([[23]], dtype=float32)

    See: MLX ``mlx.core.addmm``.
    """

@c("mlx_inner", "array a, array b", cpp="mlx_c::inner")
def inner(a: array, b: array, /, *, stream: StreamLike = None) -> array:
    """Sums of products over the last axes of two arrays.

    Args:
        a: Array of shape ``(..., K)``, or a scalar.
        b: Array of shape ``(..., K)``, or a scalar.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the leading axes of ``a``, then those of ``b``.

    Raises:
        ValueError: If the last axes differ.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.inner(mx.array([1.0, 2.0]), mx.array([3.0, 4.0]))
        array(11, dtype=float32)

    See: MLX ``mlx.core.inner``.
    """

@c(
    "mlx_dot",
    "array a, array b",
    cpp="mlx_c::dot({a}, {b}, {s})",
)
def dot(a: array, b: array, /, *, stream: StreamLike = None) -> array:
    """Inner product of vectors, product of matrices, or sums of products over two axes.

    Args:
        a: Array of any shape.
        b: Array of any shape: one of both may be a scalar.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Sums over the last axis of ``a`` and the last but one of ``b``, or the last of a vector; the
        product of all elements with a scalar.

    Raises:
        ValueError: If the lengths of the axes differ.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.dot(mx.array([1.0, 2.0]), mx.array([3.0, 4.0]))
        array(11, dtype=float32)

    See: NumPy ``numpy.dot``.
    """

@c(
    "mlx_vdot",
    "array a, array b",
    cpp="mlx_c::vdot({a}, {b}, {s})",
)
def vdot(a: array, b: array, /, *, stream: StreamLike = None) -> array:
    """Sum of the products of all elements; those of ``a`` are conjugated.

    Args:
        a: Array of any shape.
        b: Array of as many elements.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without axes.

    Raises:
        ValueError: If the numbers of elements differ.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.vdot(mx.array([[1, 2], [3, 4]]), mx.array([1, 1, 1, 1]))
        array(10, dtype=int32)

    See: NumPy ``numpy.vdot``.
    """

@c("mlx_cross", "array a, array b, int axis", cpp="mlx::core::linalg::cross")
def cross(a: array, b: array, /, axis: int = -1, *, stream: StreamLike = None) -> array:
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
        >>> mx.cross(mx.array([1, 0, 0]), mx.array([0, 1, 0]))
        array([0, 0, 1], dtype=int32)

    See: NumPy ``numpy.cross``.
    """

@c("mlx_outer", "array a, array b")
def outer(a: array, b: array, /, *, stream: StreamLike = None) -> array:
    """Products of every element of one array with every element of another.

    Args:
        a: Array, flattened if it is not a vector.
        b: Array, flattened if it is not a vector.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(a.size, b.size)``.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.outer(mx.array([1, 2]), mx.array([3, 4]))
        array([[3, 4],
               [6, 8]], dtype=int32)

    See: MLX ``mlx.core.outer``.
    """

@c("mlx_vecdot", "array a, array b, int axis", cpp="mlx_c::vecdot")
def vecdot(a: array, b: array, /, axis: int = -1, *, stream: StreamLike = None) -> array:
    """Dot products of the vectors along an axis; those of ``a`` are conjugated.

    Args:
        a: Array of any shape.
        b: Array that broadcasts with ``a``.
        axis: Axis of the vectors. Default -1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape without the axis.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.vecdot(mx.array([[1.0, 2.0], [3.0, 4.0]]), mx.array([[1.0, 10.0]]))
        array([21, 43], dtype=float32)

    See: MLX ``mlx.core.vecdot``.
    """

@c(
    "mlx_tensordot_axis",
    "array a, array b, int axis",
    when="isinstance(axes, int)",
    axis="axes",
    cpp="mlx_c::tensordot",
)
@c(
    "mlx_tensordot",
    "array a, array b, ints axes_a, ints axes_b",
    cpp="mlx_c::tensordot",
    axes_a="axes[0]",
    axes_b="axes[1]",
)
def tensordot(
    a: array, b: array, /, axes: int | Sequence[Sequence[int]] = 2, *, stream: StreamLike = None
) -> array:
    """Sums of products over given axes of two arrays.

    Args:
        a: Array of any shape.
        b: Array of any shape.
        axes: Number of last axes of ``a`` and first of ``b``, or a list of axes for each. Default
            2.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the other axes of ``a``, then those of ``b``.

    Raises:
        ValueError: If the lengths of the axes differ or ``axes`` does not hold two lists.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.tensordot(mx.array([[1.0, 2.0]]), mx.array([[3.0], [4.0]]), axes=1)
        array([[11]], dtype=float32)

    See: MLX ``mlx.core.tensordot``.
    """
    if getattr(axes, "ndim", 1) == 0:
        axes = to_int(axes, "axes")
    if not isinstance(axes, (int, list, tuple)):
        raise WrongTypeError(f"axes must be an int or two lists, not {type(axes).__name__}")
    if not isinstance(axes, int) and len(axes) != 2:
        raise ValueError(f"axes must be an integer or two lists, not {len(axes)} of them")

@c("mlx_kron", "array a, array b")
def kron(a: array, b: array, *, stream: StreamLike = None) -> array:
    """Kronecker product: every element of ``a`` times the whole of ``b``.

    Args:
        a: Array of any shape.
        b: Array of any shape; the shorter shape is filled with ones in front.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array whose lengths are the products of the two shapes.

    Raises:
        TypeError: If an argument cannot be converted to an array.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.kron(mx.array([1, 10]), mx.array([1, 2]))
        array([1, 2, 10, 20], dtype=int32)

    See: MLX ``mlx.core.kron``.
    """

@c("mlx_einsum", "str subscripts, arrays operands", cpp="mlx_c::einsum")
def einsum(subscripts: str, *operands: array, stream: StreamLike = None) -> array:
    """Sum of products by the summation convention.

    Args:
        subscripts: Letters for the axes of every operand, commas between, "->" before the result.
        *operands: Arrays, one for every group of letters.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array with the axes of the result.

    Raises:
        ValueError: If the subscripts and the operands do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.einsum("ij,j->i", mx.array([[1.0, 2.0], [3.0, 4.0]]), mx.array([1.0, 1.0]))
        array([3, 7], dtype=float32)

    See: MLX ``mlx.core.einsum``.
    """

@c(
    "mlx_block_masked_mm",
    "array a, array b, int block_size, array? mask_out, array? mask_lhs, array? mask_rhs",
)
def block_masked_mm(
    a: array,
    b: array,
    /,
    block_size: int = 64,
    mask_out: array | None = None,
    mask_lhs: array | None = None,
    mask_rhs: array | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Product of matrices of which whole blocks are masked out.

    Args:
        a: Array of shape ``(..., M, K)``.
        b: Array of shape ``(..., K, N)``.
        block_size: Side of a block, 32 or 64. Default 64.
        mask_out: Mask of the blocks of the result; ``None`` (default) keeps all.
        mask_lhs: Mask of the blocks of ``a``; ``None`` (default) keeps all.
        mask_rhs: Mask of the blocks of ``b``; ``None`` (default) keeps all.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., M, N)``, zero in masked blocks.

    Raises:
        ValueError: If shapes or masks do not fit or ``block_size`` is neither 32 nor 64.

    Example:
        >>> import mlx_core_py as mx
        >>> ones = mx.ones((64, 64))
        >>> mx.block_masked_mm(ones, ones, 32, mx.array([[True, False], [False, True]])).sum()
        array(131072, dtype=float32)

    See: MLX ``mlx.core.block_masked_mm``.
    """

@c("mlx_gather_mm", "array a, array b, array? lhs_indices, array? rhs_indices, bool sorted_indices")
def gather_mm(
    a: array,
    b: array,
    /,
    lhs_indices: array | None = None,
    rhs_indices: array | None = None,
    *,
    sorted_indices: bool = False,
    stream: StreamLike = None,
) -> array:
    """Products of matrices picked from two stacks by index.

    Args:
        a: Array of shape ``(..., M, K)``.
        b: Array of shape ``(..., K, N)``.
        lhs_indices: Positions in the flattened leading axes of ``a``; ``None`` (default) takes all.
        rhs_indices: Positions in the flattened leading axes of ``b``; ``None`` (default) takes all.
        sorted_indices: Promise that the indices ascend, for speed. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape of the indices, then ``(M, N)``.

    Raises:
        ValueError: If the shapes do not fit or indices are not integers.

    Example:
        >>> import mlx_core_py as mx
        >>> a, b = mx.ones((2, 1, 3)), mx.arange(6.0).reshape(2, 3, 1)
        >>> mx.gather_mm(a, b, rhs_indices=mx.array([1, 0])).flatten()
        array([12, 3], dtype=float32)

    See: MLX ``mlx.core.gather_mm``.
    """

@c("mlx_segmented_mm", "array a, array b, array segments")
def segmented_mm(a: array, b: array, /, segments: array, *, stream: StreamLike = None) -> array:
    """Products of matrices over segments of their inner axis.

    Args:
        a: Matrix of shape ``(M, K)``.
        b: Matrix of shape ``(K, N)``.
        segments: Integer array of shape ``(..., 2)``: start and end of every segment.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., M, N)``.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> a, b = mx.ones((1, 4)), mx.ones((4, 1))
        >>> mx.segmented_mm(a, b, mx.array([[0, 1], [1, 4]], mx.uint32)).flatten()
        array([1, 3], dtype=float32)

    See: MLX ``mlx.core.segmented_mm``.
    """

@c(
    "mlx_hadamard_transform",
    "array a, float? scale",
    # The usual scale depends on the length.
    cpp=(
        "mlx::core::hadamard_transform({scale} ? {a} : mlx_c::fixed_last_axis({a}, {s}), {scale}, "
        "{s})"
    ),
)
def hadamard_transform(a: array, scale: float | None = None, stream: StreamLike = None) -> array:
    """Walsh-Hadamard transform of the last axis.

    Args:
        a: Floating-point array whose last length is ``m * 2**k`` with ``m`` in 1, 12, 20, 28.
        scale: Factor of the result; ``None`` (default) is one over the root of the length.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        ValueError: If the length of the last axis is another.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.hadamard_transform(mx.array([1.0, 0.0, 0.0, 0.0]))
        array([0.5, 0.5, 0.5, 0.5], dtype=float32)

    See: MLX ``mlx.core.hadamard_transform``.
    """
