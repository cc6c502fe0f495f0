"""Frequencies, their order, and spectra through time."""

cpp_includes = ["core/frequencies.hpp"]

@c("mlx_fft_fftfreq", "int n, double d", when="dtype is None")
@c(
    "mlx_fft_fftfreq_dtype",
    "int n, double d, dtype dtype",
    cpp="mlx_c::frequencies({n}, {d}, {dtype}, {s})",
)
def fftfreq(
    n: int,
    d: float = 1.0,
    stream: StreamLike = None,
    *,
    dtype: Dtype | None = None,
    device: Device | DeviceType | None = None,
) -> array:
    """Frequencies of the bins of :func:`fft`.

    Args:
        n: Length of the transform.
        d: Distance of two samples. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.
        dtype: Floating-point type of the result; ``None`` (default) is ``float32``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.

    Returns:
        Array of length ``n``, negative frequencies last.

    Raises:
        ValueError: If ``n`` is not positive, or ``dtype`` not floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.fftfreq(4)
        array([0, 0.25, -0.5, -0.25], dtype=float32)

    See: MLX ``mlx.core.fft.fftfreq``.
    """
    stream = to_stream_on(stream, device)

@c("mlx_fft_rfftfreq", "int n, double d", when="dtype is None")
@c(
    "mlx_fft_rfftfreq_dtype",
    "int n, double d, dtype dtype",
    cpp="mlx_c::half_frequencies({n}, {d}, {dtype}, {s})",
)
def rfftfreq(
    n: int,
    d: float = 1.0,
    stream: StreamLike = None,
    *,
    dtype: Dtype | None = None,
    device: Device | DeviceType | None = None,
) -> array:
    """Frequencies of the bins of :func:`rfft`.

    Args:
        n: Length of the transform.
        d: Distance of two samples. Default 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.
        dtype: Floating-point type of the result; ``None`` (default) is ``float32``.
        device: Device to make it on, for the array API: ``stream``, if given, has to be one of it.

    Returns:
        Array of length ``n // 2 + 1``.

    Raises:
        ValueError: If ``n`` is not positive, or ``dtype`` not floating-point.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.rfftfreq(4)
        array([0, 0.25, 0.5], dtype=float32)

    See: MLX ``mlx.core.fft.rfftfreq``.
    """
    stream = to_stream_on(stream, device)

@c("mlx_fft_fftshift", "array a, ints axes")
def fftshift(a: array, axes: IntOrInts | None = None, stream: StreamLike = None) -> array:
    """The zero frequency moved to the middle of the axes.

    Args:
        a: Input array of any shape and dtype.
        axes: Axis or axes to move along; ``None`` (default) means all.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.fftshift(mx.array([0, 1, 2, 3]))
        array([2, 3, 0, 1], dtype=int32)

    See: MLX ``mlx.core.fft.fftshift``.
    """
    a = to_array(a, "a")
    if axes is None:
        axes = range(a.ndim)

@c("mlx_fft_ifftshift", "array a, ints axes")
def ifftshift(a: array, axes: IntOrInts | None = None, stream: StreamLike = None) -> array:
    """The zero frequency moved back from the middle: the inverse of :func:`fftshift`.

    Args:
        a: Input array of any shape and dtype.
        axes: Axis or axes to move along; ``None`` (default) means all.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape and dtype of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.ifftshift(mx.array([0, 1, 2, 3]))
        array([2, 3, 0, 1], dtype=int32)

    See: MLX ``mlx.core.fft.ifftshift``.
    """
    a = to_array(a, "a")
    if axes is None:
        axes = range(a.ndim)

@c(
    "mlx_fft_stft",
    "array x, int n_fft, int? hop_length, int? win_length, array? window, bool center, str "
    "pad_mode, norm norm, bool? onesided",
)
def stft(
    x: array,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: array | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    norm: Literal["backward", "ortho", "forward"] = "backward",
    onesided: bool | None = None,
    stream: StreamLike = None,
) -> array:
    """Short-time Fourier transform: spectra of overlapping frames of a signal.

    Args:
        x: Signals of shape ``(..., T)``.
        n_fft: Length of a transform. Default 2048.
        hop_length: Distance of two frames; ``None`` (default) is ``n_fft // 4``.
        win_length: Length of the window, padded to ``n_fft``; ``None`` (default) is ``n_fft``.
        window: Vector to weight frames with; ``None`` (default) weights all samples alike.
        center: Pad the signal so that frames are centred on their position. Default ``True``.
        pad_mode: How to pad, as in ``pad``. Default "reflect".
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        onesided: Keep only the frequencies that are not negative; ``None`` (default) does for real
            signals.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array of shape ``(..., F, frames)``.

    Raises:
        ValueError: If a length is not positive or the arguments do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.stft(mx.ones(64), n_fft=16).shape
        (9, 17)

    See: MLX ``mlx.core.fft.stft``.
    """

@c(
    "mlx_fft_istft",
    "array stft_matrix, int? n_fft, int? hop_length, int? win_length, array? window, bool "
    "center, norm norm, bool? onesided, int? length",
)
def istft(
    stft_matrix: array,
    n_fft: int | None = None,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: array | None = None,
    center: bool = True,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    onesided: bool | None = None,
    length: int | None = None,
    stream: StreamLike = None,
) -> array:
    """Inverse of :func:`stft`: a signal from the spectra of its frames.

    Args:
        stft_matrix: Complex array of shape ``(..., F, frames)``.
        n_fft: Length of a transform; ``None`` (default) follows from ``F``.
        hop_length: As given to :func:`stft`.
        win_length: As given to :func:`stft`.
        window: As given to :func:`stft`.
        center: As given to :func:`stft`. Default ``True``.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        onesided: As given to :func:`stft`; ``None`` (default) means ``True``.
        length: Length of the signal; ``None`` (default) is as long as the frames reach.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(..., T)``.

    Raises:
        ValueError: If a length is not positive or the arguments do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.istft(mx.fft.stft(mx.ones(64), n_fft=16)).shape
        (64,)

    See: MLX ``mlx.core.fft.istft``.
    """
