"""Windows to weight the samples of a signal with."""

@c("mlx_bartlett", "int M")
def bartlett(M: int, *, stream: StreamLike = None) -> array:
    """The Bartlett window: a triangle that is zero at both ends.

    Args:
        M: Number of points; nothing is returned below one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``float32`` array of shape ``(M,)``.

    Raises:
        TypeError: If ``M`` is not an integer.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.bartlett(5)
        array([0, 0.5, 1, 0.5, 0], dtype=float32)

    See: MLX ``mlx.core.bartlett``; Bartlett 1950.
    """

@c("mlx_hanning", "int M")
def hanning(M: int, *, stream: StreamLike = None) -> array:
    """The Hann window: a raised cosine that is zero at both ends.

    Args:
        M: Number of points; nothing is returned below one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``float32`` array of shape ``(M,)``.

    Raises:
        TypeError: If ``M`` is not an integer.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.round(mx.hanning(5), 2)
        array([0, 0.5, 1, 0.5, 0], dtype=float32)

    See: MLX ``mlx.core.hanning``; Blackman and Tukey 1958.
    """

@c("mlx_hamming", "int M")
def hamming(M: int, *, stream: StreamLike = None) -> array:
    """The Hamming window: a raised cosine with weights 0.54 and 0.46.

    Args:
        M: Number of points; nothing is returned below one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``float32`` array of shape ``(M,)``.

    Raises:
        TypeError: If ``M`` is not an integer.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.round(mx.hamming(5), 2)
        array([0.08, 0.54, 1, 0.54, 0.08], dtype=float32)

    See: MLX ``mlx.core.hamming``; Blackman and Tukey 1958.
    """

@c("mlx_blackman", "int M")
def blackman(M: int, *, stream: StreamLike = None) -> array:
    """The Blackman window: two cosines with weights 0.42, 0.5 and 0.08.

    Args:
        M: Number of points; nothing is returned below one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``float32`` array of shape ``(M,)``.

    Raises:
        TypeError: If ``M`` is not an integer.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.round(mx.abs(mx.blackman(5)), 2)
        array([0, 0.34, 1, 0.34, 0], dtype=float32)

    See: MLX ``mlx.core.blackman``; Blackman and Tukey 1958.
    """
