"""Convolutions. Arrays are channels-last: batch, space, channels."""

cpp_includes = ["core/checks.hpp", "core/convolutions.hpp"]

def _spread(value: object, count: int, name: str) -> tuple[int, ...]:
    """One integer for every spatial axis, from an integer or a sequence of them."""
    if isinstance(value, int):
        return (value,) * count
    # An int of another kind, such as NumPy's.
    if getattr(value, "ndim", 1) == 0:
        return (to_int(value, name),) * count
    try:
        values = tuple(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer or {count} of them") from None
    if len(values) != count:
        raise ValueError(f"{name} must be an integer or {count} of them, not {len(values)}")
    return values

@c(
    "mlx_conv1d",
    "array input, array weight, int stride, int padding, int dilation, int groups",
    check="mlx_c::check_kernel({weight}, {groups})",
)
def conv1d(
    input: array,
    weight: array,
    /,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    *,
    stream: StreamLike = None,
) -> array:
    """1-dimensional convolution with many channels.

    The kernel is not flipped, as usual in neural networks.

    Args:
        input: Floating-point array of shape ``(N, W, C_in)``.
        weight: Kernels of shape ``(C_out, K, C_in / groups)``.
        stride: Step of the kernel. Default 1.
        padding: Zeros on both sides of the input. Default 0.
        dilation: Distance of the kernel's elements. Default 1.
        groups: Groups that the channels are split into. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(N, W', C_out)``.

    Raises:
        ValueError: If shapes, groups or dtypes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.conv1d(mx.ones((1, 4, 1)), mx.ones((2, 3, 1))).shape
        (1, 2, 2)

    See: MLX ``mlx.core.conv1d``.
    """

@c(
    "mlx_conv2d",
    "array input, array weight, int2 stride, int2 padding, int2 dilation, int groups",
    check="mlx_c::check_kernel({weight}, {groups})",
)
def conv2d(
    input: array,
    weight: array,
    /,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    *,
    stream: StreamLike = None,
) -> array:
    """2-dimensional convolution with many channels.

    The kernel is not flipped, as usual in neural networks.

    Args:
        input: Floating-point array of shape ``(N, H, W, C_in)``.
        weight: Kernels of shape ``(C_out, KH, KW, C_in / groups)``.
        stride: Step of the kernel, for all spatial axes or for each. Default 1.
        padding: Zeros on both sides of the input, for all spatial axes or for each. Default 0.
        dilation: Distance of the kernel's elements, for all spatial axes or for each. Default 1.
        groups: Groups that the channels are split into. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(N, H', W', C_out)``.

    Raises:
        ValueError: If shapes, groups or dtypes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.conv2d(mx.ones((1, 4, 4, 1)), mx.ones((2, 3, 3, 1))).shape
        (1, 2, 2, 2)

    See: MLX ``mlx.core.conv2d``.
    """
    stride = _spread(stride, 2, "stride")
    padding = _spread(padding, 2, "padding")
    dilation = _spread(dilation, 2, "dilation")

@c(
    "mlx_conv3d",
    "array input, array weight, int3 stride, int3 padding, int3 dilation, int groups",
    check="mlx_c::check_kernel({weight}, {groups})",
)
def conv3d(
    input: array,
    weight: array,
    /,
    stride: int | tuple[int, int, int] = 1,
    padding: int | tuple[int, int, int] = 0,
    dilation: int | tuple[int, int, int] = 1,
    groups: int = 1,
    *,
    stream: StreamLike = None,
) -> array:
    """3-dimensional convolution with many channels.

    The kernel is not flipped, as usual in neural networks.

    Args:
        input: Floating-point array of shape ``(N, D, H, W, C_in)``.
        weight: Kernels of shape ``(C_out, KD, KH, KW, C_in / groups)``.
        stride: Step of the kernel, for all spatial axes or for each. Default 1.
        padding: Zeros on both sides of the input, for all spatial axes or for each. Default 0.
        dilation: Distance of the kernel's elements, for all spatial axes or for each. Default 1.
        groups: Groups that the channels are split into. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(N, D', H', W', C_out)``.

    Raises:
        ValueError: If shapes, groups or dtypes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.conv3d(mx.ones((1, 4, 4, 4, 1)), mx.ones((2, 3, 3, 3, 1))).shape
        (1, 2, 2, 2, 2)

    See: MLX ``mlx.core.conv3d``.
    """
    stride = _spread(stride, 3, "stride")
    padding = _spread(padding, 3, "padding")
    dilation = _spread(dilation, 3, "dilation")

@c(
    "mlx_conv_transpose1d",
    "array input, array weight, int stride, int padding, int dilation, int output_padding, "
    "int groups",
    cpp="mlx_c::conv_transpose1d",
    check="mlx_c::check_kernel({weight}, {groups})",
)
def conv_transpose1d(
    input: array,
    weight: array,
    /,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    output_padding: int = 0,
    groups: int = 1,
    *,
    stream: StreamLike = None,
) -> array:
    """1-dimensional transposed convolution with many channels.

    The adjoint of the convolution with the same stride, padding and dilation.

    Args:
        input: Floating-point array of shape ``(N, W, C_in)``.
        weight: Kernels of shape ``(C_out, K, C_in / groups)``.
        stride: Step of the kernel. Default 1.
        padding: Zeros on both sides of the result that are cut off. Default 0.
        dilation: Distance of the kernel's elements. Default 1.
        output_padding: Length added to one side of the result. Default 0.
        groups: Groups that the channels are split into. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(N, W', C_out)``.

    Raises:
        ValueError: If shapes, groups or dtypes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.conv_transpose1d(mx.ones((1, 4, 1)), mx.ones((2, 3, 1))).shape
        (1, 6, 2)

    See: MLX ``mlx.core.conv_transpose1d``.
    """

@c(
    "mlx_conv_transpose2d",
    "array input, array weight, int2 stride, int2 padding, int2 dilation, int2 "
    "output_padding, int groups",
    cpp="mlx_c::conv_transpose2d",
    check="mlx_c::check_kernel({weight}, {groups})",
)
def conv_transpose2d(
    input: array,
    weight: array,
    /,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    output_padding: int | tuple[int, int] = 0,
    groups: int = 1,
    *,
    stream: StreamLike = None,
) -> array:
    """2-dimensional transposed convolution with many channels.

    The adjoint of the convolution with the same stride, padding and dilation.

    Args:
        input: Floating-point array of shape ``(N, H, W, C_in)``.
        weight: Kernels of shape ``(C_out, KH, KW, C_in / groups)``.
        stride: Step of the kernel, for all spatial axes or for each. Default 1.
        padding: Zeros on both sides of the result that are cut off, for all spatial axes or for
            each. Default 0.
        dilation: Distance of the kernel's elements, for all spatial axes or for each. Default 1.
        output_padding: Length added to one side of the result, for all spatial axes or for each.
            Default 0.
        groups: Groups that the channels are split into. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(N, H', W', C_out)``.

    Raises:
        ValueError: If shapes, groups or dtypes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.conv_transpose2d(mx.ones((1, 4, 4, 1)), mx.ones((2, 3, 3, 1))).shape
        (1, 6, 6, 2)

    See: MLX ``mlx.core.conv_transpose2d``.
    """
    stride = _spread(stride, 2, "stride")
    padding = _spread(padding, 2, "padding")
    dilation = _spread(dilation, 2, "dilation")
    output_padding = _spread(output_padding, 2, "output_padding")

@c(
    "mlx_conv_transpose3d",
    "array input, array weight, int3 stride, int3 padding, int3 dilation, int3 "
    "output_padding, int groups",
    cpp="mlx_c::conv_transpose3d",
    check="mlx_c::check_kernel({weight}, {groups})",
)
def conv_transpose3d(
    input: array,
    weight: array,
    /,
    stride: int | tuple[int, int, int] = 1,
    padding: int | tuple[int, int, int] = 0,
    dilation: int | tuple[int, int, int] = 1,
    output_padding: int | tuple[int, int, int] = 0,
    groups: int = 1,
    *,
    stream: StreamLike = None,
) -> array:
    """3-dimensional transposed convolution with many channels.

    The adjoint of the convolution with the same stride, padding and dilation.

    Args:
        input: Floating-point array of shape ``(N, D, H, W, C_in)``.
        weight: Kernels of shape ``(C_out, KD, KH, KW, C_in / groups)``.
        stride: Step of the kernel, for all spatial axes or for each. Default 1.
        padding: Zeros on both sides of the result that are cut off, for all spatial axes or for
            each. Default 0.
        dilation: Distance of the kernel's elements, for all spatial axes or for each. Default 1.
        output_padding: Length added to one side of the result, for all spatial axes or for each.
            Default 0.
        groups: Groups that the channels are split into. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(N, D', H', W', C_out)``.

    Raises:
        ValueError: If shapes, groups or dtypes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.conv_transpose3d(mx.ones((1, 4, 4, 4, 1)), mx.ones((2, 3, 3, 3, 1))).shape
        (1, 6, 6, 6, 2)

    See: MLX ``mlx.core.conv_transpose3d``.
    """
    stride = _spread(stride, 3, "stride")
    padding = _spread(padding, 3, "padding")
    dilation = _spread(dilation, 3, "dilation")
    output_padding = _spread(output_padding, 3, "output_padding")

@c(
    "mlx_conv_general",
    "array input, array weight, ints stride, ints padding_lo, ints padding_hi, ints "
    "kernel_dilation, ints input_dilation, int groups, bool flip",
    cpp="mlx_c::conv_general",
    check="mlx_c::check_kernel({weight}, {groups})",
    padding_lo="before",
    padding_hi="after",
)
def conv_general(
    input: array,
    weight: array,
    /,
    stride: IntOrInts = 1,
    padding: IntOrInts | tuple[Sequence[int], Sequence[int]] = 0,
    kernel_dilation: IntOrInts = 1,
    input_dilation: IntOrInts = 1,
    groups: int = 1,
    flip: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Convolution over any number of spatial axes, with all its settings.

    Args:
        input: Floating-point array of shape ``(N, ..., C_in)``.
        weight: Kernels of shape ``(C_out, ..., C_in / groups)``.
        stride: Step of the kernel, for all axes or for each. Default 1.
        padding: Zeros around the input: for all axes, for each, or a pair of lists for the zeros
            before and after. Default 0.
        kernel_dilation: Distance of the kernel's elements, for all axes or for each. Default 1.
        input_dilation: Distance of the input's elements, for all axes or for each. Default 1.
        groups: Groups that the channels are split into. Default 1.
        flip: Turn the kernel round along every axis. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(N, ..., C_out)``.

    Raises:
        ValueError: If shapes, settings or dtypes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.conv_general(mx.ones((1, 4, 1)), mx.ones((2, 3, 1)), padding=([0], [1])).shape
        (1, 3, 2)

    See: MLX ``mlx.core.conv_general``.
    """
    before = after = padding
    if isinstance(padding, (list, tuple)) and len(padding) == 2 and not isinstance(padding[0], int):
        before, after = padding

def convolve(a: array, v: array, /, mode: str = "full", *, stream: StreamLike = None) -> array:
    """Discrete convolution of two vectors.

    Args:
        a: Floating-point vector.
        v: Floating-point vector.
        mode: "full" (default) for all overlaps, "same" for the length of the longer vector, "valid"
            for complete overlaps only.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Vector of the promoted dtype.

    Raises:
        ValueError: If an argument is not a vector, is empty or ``mode`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.convolve(mx.array([1.0, 2.0, 3.0]), mx.array([0.0, 1.0, 0.5]), "same")
        array([1, 2.5, 4], dtype=float32)

    See: MLX ``mlx.core.convolve``.
    """
    if not isinstance(mode, str):
        raise TypeError(f"mode must be a str, not {type(mode).__name__}")
    a, v = to_array(a, "a"), to_array(v, "v")
    if a.ndim != 1 or v.ndim != 1:
        raise ValueError(f"a and v must be vectors, not of {a.ndim} and {v.ndim} dimensions")
    if a.size < v.size:
        a, v = v, a
    if v.size == 0:
        raise ValueError("a and v must not be empty")
    before, after = {
        "full": (v.size - 1, v.size - 1),
        "same": (v.size // 2, (v.size - 1) // 2),
        "valid": (0, 0),
    }.get(mode, (None, None))
    if before is None:
        raise ValueError(f'mode must be "full", "same" or "valid", not {mode!r}')
    return conv_general(
        a.reshape(1, -1, 1, stream=stream),
        v.reshape(1, -1, 1, stream=stream),
        padding=([before], [after]),
        flip=True,
        stream=stream,
    ).flatten(stream=stream)
