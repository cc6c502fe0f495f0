"""Weights in a few bits, and products with them."""

cpp_includes = ["core/blocks.hpp", "core/checks.hpp"]

@c(
    "mlx_quantize",
    "array w, int? group_size, int? bits, str mode, array? global_scale",
    check="mlx_c::check_packing({group_size}, {bits})",
)
def quantize(
    w: array,
    /,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    global_scale: array | None = None,
    *,
    stream: StreamLike = None,
) -> list[array]:
    """Weights packed into a few bits, with scales for groups of them.

    Args:
        w: Floating-point array of at least two dimensions; the last length holds whole groups.
        group_size: Weights that share a scale; ``None`` (default) is the mode's: 64, 32, 16.
        bits: Bits of a weight; ``None`` (default) is the mode's: 4, or 8 for "mxfp8".
        mode: "affine" (default), "mxfp4", "mxfp8" or "nvfp4".
        global_scale: Scale of all weights in the mode "nvfp4"; ``None`` (default) for none.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``[packed, scales, biases]``, without biases in the modes other than "affine".

    Raises:
        ValueError: If mode, group size and bits do not go together, or ``w`` is of a wrong shape.

    Example:
        >>> import mlx_core_py as mx
        >>> packed, scales, biases = mx.quantize(mx.ones((2, 64)))
        >>> packed.shape, scales.shape
        ((2, 8), (2, 1))

    See: MLX ``mlx.core.quantize``; "OCP Microscaling Formats (MX)" v1.0 for mxfp4 and mxfp8.
    """

@c(
    "mlx_dequantize",
    "array w, array scales, array? biases, int? group_size, int? bits, str mode, array? "
    "global_scale, dtype? dtype",
    check="mlx_c::check_packing({group_size}, {bits})",
)
def dequantize(
    w: array,
    /,
    scales: array,
    biases: array | None = None,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    global_scale: array | None = None,
    dtype: Dtype | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Weights unpacked from what :func:`quantize` returns.

    Args:
        w: Packed weights.
        scales: Scales of the groups.
        biases: Biases of the groups; needed in the mode "affine".
        group_size: As given to :func:`quantize`.
        bits: As given to :func:`quantize`.
        mode: As given to :func:`quantize`. Default "affine".
        global_scale: As given to :func:`quantize`.
        dtype: Type of the result; ``None`` (default) is chosen from the scales.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of the weights.

    Raises:
        ValueError: If the arguments do not fit each other.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.dequantize(*mx.quantize(mx.ones((2, 64)))).shape
        (2, 64)

    See: MLX ``mlx.core.dequantize``.
    """

@c(
    "mlx_quantized_matmul",
    "array x, array w, array scales, array? biases, bool transpose, int? group_size, int? "
    "bits, str mode",
    check="mlx_c::check_packing({group_size}, {bits}), "
    "mlx_c::check_quantized({w}, {scales}, {biases})",
)
def quantized_matmul(
    x: array,
    w: array,
    /,
    scales: array,
    biases: array | None = None,
    transpose: bool = True,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    *,
    stream: StreamLike = None,
) -> array:
    """Product of an array with quantized weights.

    Args:
        x: Floating-point array of shape ``(..., M, K)``.
        w: Packed weights.
        scales: Scales of the groups.
        biases: Biases of the groups; needed in the mode "affine".
        transpose: Whether the weights are ``(N, K)`` rather than ``(K, N)``. Default ``True``.
        group_size: As given to :func:`quantize`.
        bits: As given to :func:`quantize`.
        mode: As given to :func:`quantize`. Default "affine".
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., M, N)``.

    Raises:
        ValueError: If the arguments do not fit each other.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.quantized_matmul(mx.ones((1, 64)), *mx.quantize(mx.ones((2, 64))))
        array([[64, 64]], dtype=float32)

    See: MLX ``mlx.core.quantized_matmul``.
    """

@c(
    "mlx_gather_qmm",
    "array x, array w, array scales, array? biases, array? lhs_indices, array? rhs_indices,"
    " bool transpose, int? group_size, int? bits, str mode, bool sorted_indices",
    cpp=(
        "mlx::core::gather_qmm({x}, {w}, {scales}, {biases}, {lhs_indices}, {rhs_indices}, "
        "{transpose}, {group_size}, {bits}, {mode}, std::nullopt, {sorted_indices}, {s})"
    ),
    check="mlx_c::check_packing({group_size}, {bits}), "
    "mlx_c::check_quantized({w}, {scales}, {biases})",
    python=False,
)
@c(
    "mlx_gather_qmm_global_scale",
    "array x, array w, array scales, array? biases, array? lhs_indices, array? rhs_indices,"
    " bool transpose, int? group_size, int? bits, str mode, array? global_scale, bool "
    "sorted_indices",
    cpp="mlx::core::gather_qmm",
    check="mlx_c::check_packing({group_size}, {bits}), "
    "mlx_c::check_quantized({w}, {scales}, {biases})",
)
def gather_qmm(
    x: array,
    w: array,
    /,
    scales: array,
    biases: array | None = None,
    lhs_indices: array | None = None,
    rhs_indices: array | None = None,
    transpose: bool = True,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    global_scale: array | None = None,
    *,
    sorted_indices: bool = False,
    stream: StreamLike = None,
) -> array:
    """Products with quantized matrices picked from a stack by index.

    Args:
        x: Floating-point array of shape ``(..., M, K)``.
        w: Packed weights with leading axes.
        scales: Scales of the groups.
        biases: Biases of the groups; needed in the mode "affine".
        lhs_indices: Positions in the flattened leading axes of ``x``; ``None`` (default) takes all.
        rhs_indices: Positions in the flattened leading axes of ``w``; ``None`` (default) takes all.
        transpose: Whether the weights are ``(N, K)`` rather than ``(K, N)``. Default ``True``.
        group_size: As given to :func:`quantize`.
        bits: As given to :func:`quantize`.
        mode: As given to :func:`quantize`. Default "affine".
        global_scale: As given to :func:`quantize`.
        sorted_indices: Promise that the indices ascend, for speed. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape of the indices, then ``(M, N)``.

    Raises:
        ValueError: If the arguments do not fit each other.

    Example:
        >>> import mlx_core_py as mx
        >>> weights = mx.quantize(mx.ones((2, 4, 64)))
        >>> mx.gather_qmm(mx.ones((1, 64)), *weights, rhs_indices=mx.array([1])).shape
        (1, 1, 4)

    See: MLX ``mlx.core.gather_qmm``.
    """

@c(
    "mlx_qqmm",
    "array x, array w, array? w_scales, int? group_size, int? bits, str mode, array? "
    "global_scale_x, array? global_scale_w",
    w_scales="scales",
    check="mlx_c::check_packing({group_size}, {bits})",
)
def qqmm(
    x: array,
    w: array,
    scales: array | None = None,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "nvfp4",
    global_scale_x: array | None = None,
    global_scale_w: array | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Product of an array, quantized on the way, with quantized weights.

    Args:
        x: Floating-point array of shape ``(..., M, K)``.
        w: Weights of shape ``(N, K)``, packed if ``scales`` is given.
        scales: Scales of the groups of ``w``; ``None`` (default) quantizes ``w`` too.
        group_size: As given to :func:`quantize`.
        bits: As given to :func:`quantize`.
        mode: "nvfp4" (default) or "mxfp8".
        global_scale_x: Scale of all of ``x`` in the mode "nvfp4".
        global_scale_w: Scale of all of ``w`` in the mode "nvfp4".
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., M, N)``.

    Raises:
        ValueError: If the arguments do not fit each other.
        RuntimeError: On evaluation, if the device has no such kernel; the CPU may lack it.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.qqmm(mx.ones((4, 64)), mx.ones((32, 64))).shape
        (4, 32)

    See: MLX ``mlx.core.qqmm``.
    """

@c(
    "mlx_gather_qqmm",
    "array x, array w, array? w_scales, array? lhs_indices, array? rhs_indices, int? "
    "group_size, int? bits, str mode, array? global_scale_x, array? global_scale_w, bool "
    "sorted_indices",
    # MLX reads the scales of packed weights without looking whether there are any.
    cpp=(
        "mlx::core::gather_qqmm({x}, {w}, mlx_c::scales_of({w}, {w_scales}), {lhs_indices}, "
        "{rhs_indices}, {group_size}, {bits}, {mode}, {global_scale_x}, {global_scale_w}, "
        "{sorted_indices}, {s})"
    ),
    w_scales="scales",
    check="mlx_c::check_packing({group_size}, {bits})",
)
def gather_qqmm(
    x: array,
    w: array,
    /,
    scales: array | None = None,
    lhs_indices: array | None = None,
    rhs_indices: array | None = None,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "nvfp4",
    global_scale_x: array | None = None,
    global_scale_w: array | None = None,
    *,
    sorted_indices: bool = False,
    stream: StreamLike = None,
) -> array:
    """Products as of :func:`qqmm` with matrices picked by index.

    Args:
        x: Floating-point array of shape ``(..., M, K)``.
        w: Weights of shape ``(..., N, K)``, packed if ``scales`` is given.
        scales: Scales of the groups of ``w``; ``None`` (default) quantizes ``w`` too.
        lhs_indices: Positions in the flattened leading axes of ``x``; ``None`` (default) takes all.
        rhs_indices: Positions in the flattened leading axes of ``w``; ``None`` (default) takes all.
        group_size: As given to :func:`quantize`.
        bits: As given to :func:`quantize`.
        mode: "nvfp4" (default) or "mxfp8".
        global_scale_x: Scale of all of ``x`` in the mode "nvfp4".
        global_scale_w: Scale of all of ``w`` in the mode "nvfp4".
        sorted_indices: Promise that the indices ascend, for speed. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape of the indices, then ``(M, N)``.

    Raises:
        ValueError: If the arguments do not fit each other.
        RuntimeError: On evaluation, if the device has no such kernel; the CPU may lack it.

    Example:
        >>> import mlx_core_py as mx
        >>> x, w = mx.ones((4, 64)), mx.ones((2, 32, 64))
        >>> mx.gather_qqmm(x, w, rhs_indices=mx.array([1])).shape
        (1, 4, 32)

    See: MLX ``mlx.core.gather_qqmm``.
    """

@c("mlx_to_fp8", "array x")
def to_fp8(x: array, *, stream: StreamLike = None) -> array:
    """Numbers rounded to eight-bit floats of four exponent and three fraction bits.

    Args:
        x: Floating-point array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``uint8`` array that holds the bits.

    Raises:
        ValueError: If ``x`` is not floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.to_fp8(mx.array([1.0, 2.0]))
        array([56, 64], dtype=uint8)

    See: MLX ``mlx.core.to_fp8``.
    """

@c("mlx_from_fp8", "array x, dtype dtype")
def from_fp8(x: array, dtype: Dtype = bfloat16, *, stream: StreamLike = None) -> array:
    """Numbers read from eight-bit floats of four exponent and three fraction bits.

    Args:
        x: ``uint8`` array that holds the bits.
        dtype: Floating-point type of the result. Default ``bfloat16``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``x``.

    Raises:
        ValueError: If ``x`` is not ``uint8`` or ``dtype`` not floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.from_fp8(mx.to_fp8(mx.array([1.0, 2.0])))
        array([1, 2], dtype=bfloat16)

    See: MLX ``mlx.core.from_fp8``.
    """

@c(
    "mlx_dequantize_blocks",
    "array blocks, str type, dtype dtype",
    cpp="mlx_c::dequantize_blocks({blocks}, {type}, {dtype}, {s})",
)
def dequantize_blocks(
    blocks: array,
    /,
    type: str,
    dtype: Dtype = float32,
    *,
    stream: StreamLike = None,
) -> array:
    """Weights from blocks of a quantized type of GGUF.

    In ``float32`` they are, bit for bit, what the Python package ``gguf`` makes of them. The rows
    of an embedding are ``dequantize_blocks(blocks[ids], type)``.

    Args:
        blocks: ``uint8`` array of shape ``(..., bytes)``, whose rows are whole blocks.
        type: Name of the type, such as "Q4_K", as in ``mlx_core_py.gguf.TENSOR_TYPES``.
        dtype: ``float32`` (default), ``float16`` or ``bfloat16``.
        stream: Stream to run on; ``None`` (default) is the default stream. The CPU reads blocks.

    Returns:
        Array of shape ``(..., weights)``.

    Raises:
        ValueError: If ``type`` is no quantized type, ``blocks`` is not ``uint8`` or has rows that
            are no whole blocks of it, or ``dtype`` is another one.

    Example:
        >>> import mlx_core_py as mx
        >>> scale = mx.array([0.5], mx.float16).view(mx.uint8)
        >>> block = mx.concatenate([scale, mx.arange(32, dtype=mx.uint8)])
        >>> mx.dequantize_blocks(block, "Q8_0")[:4]
        array([0, 0.5, 1, 1.5], dtype=float32)

    See: the block structs of ggml-common.h.
    """

@c(
    "mlx_blocks_matmul",
    "array x, array blocks, str type",
    cpp="mlx_c::blocks_matmul({x}, {blocks}, {type}, {s})",
)
def blocks_matmul(x: array, blocks: array, /, type: str, *, stream: StreamLike = None) -> array:
    """Product of an array with weights in blocks of a quantized type of GGUF.

    The weights stay as they are, on a CPU; their gradient is not defined, that of ``x`` is.
    Elsewhere they are dequantized first.

    Args:
        x: Floating-point array of shape ``(..., M, K)`` or ``(K,)``.
        blocks: ``uint8`` array of shape ``(..., N, bytes)``; a row is the blocks of K weights.
        type: Name of the type, such as "Q4_K", as in ``mlx_core_py.gguf.TENSOR_TYPES``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``x @ w.T`` for the weights ``w``, of ``x``'s type and shape ``(..., M, N)`` or ``(N,)``.

    Raises:
        ValueError: If ``type`` is no quantized type, or the arguments do not fit each other.

    Example:
        >>> import mlx_core_py as mx
        >>> scale = mx.array([[0.5]], mx.float16).view(mx.uint8)
        >>> blocks = mx.concatenate([scale, mx.ones((1, 32), mx.uint8)], axis=1)
        >>> mx.blocks_matmul(mx.ones((2, 32)), blocks, "Q8_0")
        array([[16],
               [16]], dtype=float32)

    See: the block structs of ggml-common.h.
    """

@c(
    "mlx_gather_blocks_matmul",
    "array x, array blocks, str type, array? lhs_indices, array? rhs_indices",
    cpp="mlx_c::gather_blocks_matmul({x}, {blocks}, {type}, {lhs_indices}, {rhs_indices}, {s})",
)
def gather_blocks_matmul(
    x: array,
    blocks: array,
    /,
    type: str,
    lhs_indices: array | None = None,
    rhs_indices: array | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Products with matrices in blocks, as of :func:`blocks_matmul`, picked by index.

    Args:
        x: Floating-point array of shape ``(..., M, K)``.
        blocks: ``uint8`` array of shape ``(..., N, bytes)``.
        type: Name of the type, such as "Q4_K", as in ``mlx_core_py.gguf.TENSOR_TYPES``.
        lhs_indices: Positions in the flattened leading axes of ``x``; ``None`` (default) takes all.
        rhs_indices: Positions in the flattened leading axes of ``blocks``; ``None`` (default) takes
            all.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the broadcast shape of the indices, then ``(M, N)``.

    Raises:
        ValueError: If ``type`` is no quantized type, or the arguments do not fit each other.

    Example:
        >>> import mlx_core_py as mx
        >>> scales = mx.array([0.5, 1.0], mx.float16).view(mx.uint8).reshape(2, 1, 2)
        >>> blocks = mx.concatenate([scales, mx.ones((2, 1, 32), mx.uint8)], axis=2)
        >>> mx.gather_blocks_matmul(mx.ones((1, 32)), blocks, "Q8_0", rhs_indices=mx.array([1]))
        array([[[32]]], dtype=float32)

    See: the block structs of ggml-common.h.
    """
