"""Fourier transforms along one axis."""

c_includes = ["mlx/c/fft_norm.h"]

def _length(a: array, n: int | None, axis: int, half: bool) -> int:
    """Length of a transform that is not given; `half` if the input is one side of a spectrum."""
    if n is not None:
        return n
    if not -a.ndim <= to_int(axis, "axis") < a.ndim:
        raise OutOfRangeError(f"axis {axis} is out of bounds for {a.ndim} dimensions")
    length = a.shape[axis]
    return 2 * (length - 1) if half else length

def _opposite(norm: str) -> str:
    """The scaling of a transform that stands for its inverse."""
    return {"backward": "forward", "forward": "backward"}.get(norm, norm)

@c("mlx_fft_fft", "array a, int n, int axis, norm norm")
def fft(
    a: array,
    n: int | None = None,
    axis: int = -1,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Fourier transform along one axis.

    Args:
        a: Real or complex array.
        n: Length of the transform along the axis, to which the input is cut or padded with zeros;
            ``None`` (default) is that of ``a``.
        axis: Axis to transform. Default -1.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``n`` is not positive or ``norm`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.fft(mx.array([1.0, 0.0, 0.0, 0.0]))
        array([1+0j, 1+0j, 1+0j, 1+0j], dtype=complex64)

    See: MLX ``mlx.core.fft.fft``.
    """
    a = to_array(a, "a")
    n = _length(a, n, axis, False)

@c("mlx_fft_ifft", "array a, int n, int axis, norm norm")
def ifft(
    a: array,
    n: int | None = None,
    axis: int = -1,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Inverse Fourier transform along one axis.

    Args:
        a: Real or complex array.
        n: Length of the transform along the axis, to which the input is cut or padded with zeros;
            ``None`` (default) is that of ``a``.
        axis: Axis to transform. Default -1.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``n`` is not positive or ``norm`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.ifft(mx.array([4.0, 0.0, 0.0, 0.0]))
        array([1+0j, 1+0j, 1+0j, 1+0j], dtype=complex64)

    See: MLX ``mlx.core.fft.ifft``.
    """
    a = to_array(a, "a")
    n = _length(a, n, axis, False)

@c("mlx_fft_rfft", "array a, int n, int axis, norm norm")
def rfft(
    a: array,
    n: int | None = None,
    axis: int = -1,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Fourier transform of real numbers along one axis.

    Args:
        a: Real array.
        n: Length of the transform along the axis, to which the input is cut or padded with zeros;
            ``None`` (default) is that of ``a``.
        axis: Axis to transform. Default -1.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array of length ``n // 2 + 1`` along the axis.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``n`` is not positive or ``norm`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.rfft(mx.array([1.0, 0.0, 0.0, 0.0]))
        array([1+0j, 1+0j, 1+0j], dtype=complex64)

    See: MLX ``mlx.core.fft.rfft``.
    """
    a = to_array(a, "a")
    n = _length(a, n, axis, False)

@c("mlx_fft_irfft", "array a, int n, int axis, norm norm")
def irfft(
    a: array,
    n: int | None = None,
    axis: int = -1,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Inverse of :func:`rfft`: real numbers from one side of a spectrum.

    Args:
        a: Complex array.
        n: Length of the result along the axis, to which the input is cut or padded with zeros;
            ``None`` (default) is ``2 * (length - 1)``.
        axis: Axis to transform. Default -1.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``float32`` array of length ``n`` along the axis.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``n`` is not positive or ``norm`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.irfft(mx.array([4.0, 0.0, 0.0]))
        array([1, 1, 1, 1], dtype=float32)

    See: MLX ``mlx.core.fft.irfft``.
    """
    a = to_array(a, "a")
    n = _length(a, n, axis, True)

@c(
    "mlx_fft_hfft",
    "array a, int n, int axis, norm norm",
    cpp="mlx::core::fft::irfft(mlx::core::conjugate({a}, {s}), {n}, {axis}, {norm}, {s})",
    norm="_opposite(norm)",
)
def hfft(
    a: array,
    n: int | None = None,
    axis: int = -1,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """The real spectrum of a signal that is symmetric under conjugation.

    Args:
        a: Complex array: one side of a signal that is symmetric under conjugation.
        n: Length of the result along the axis, to which the input is cut or padded with zeros;
            ``None`` (default) is ``2 * (length - 1)``.
        axis: Axis to transform. Default -1.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``float32`` array of length ``n`` along the axis.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``n`` is not positive or ``norm`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.hfft(mx.array([1.0, 0.0, 0.0]))
        array([1, 1, 1, 1], dtype=float32)

    See: NumPy ``numpy.fft.hfft``.
    """
    a = to_array(a, "a")
    n = _length(a, n, axis, True)

@c(
    "mlx_fft_ihfft",
    "array a, int n, int axis, norm norm",
    cpp="mlx::core::conjugate(mlx::core::fft::rfft({a}, {n}, {axis}, {norm}, {s}), {s})",
    norm="_opposite(norm)",
)
def ihfft(
    a: array,
    n: int | None = None,
    axis: int = -1,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Inverse of :func:`hfft`: one side of a symmetric signal from its real spectrum.

    Args:
        a: Real array.
        n: Length of the transform along the axis, to which the input is cut or padded with zeros;
            ``None`` (default) is that of ``a``.
        axis: Axis to transform. Default -1.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array of length ``n // 2 + 1`` along the axis.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If ``n`` is not positive or ``norm`` is unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.ihfft(mx.array([1.0, 2.0, 3.0, 2.0])).real
        array([2, -0.5, 0], dtype=float32)

    See: NumPy ``numpy.fft.ihfft``.
    """
    a = to_array(a, "a")
    n = _length(a, n, axis, False)
