"""Fourier transforms along several axes."""

def _lengths(a: array, s: object, axes: object, half: bool) -> tuple[list[int], list[int]]:
    """Lengths and axes of a transform over several axes, filled in from the shape."""
    if s is not None:
        s = to_int_list(s, "s")
    if axes is None:
        # As in NumPy, lengths without axes are of the last ones.
        if s is not None and len(s) > a.ndim:
            raise ValueError(f"s has {len(s)} lengths for {a.ndim} axes")
        axes = range(a.ndim) if s is None else range(-len(s), 0)
    axes = to_int_list(axes, "axes")
    if s is None:
        s = [_length(a, None, axis, half and axis is axes[-1]) for axis in axes]
    elif len(s) != len(axes):
        raise ValueError(f"s has {len(s)} lengths for {len(axes)} axes")
    return s, axes

@c("mlx_fft_fft2", "array a, shape n, ints axes, norm norm", n="lengths")
def fft2(
    a: array,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = (-2, -1),
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Fourier transform along two axes.

    Args:
        a: Real or complex array.
        s: Lengths along the axes, to which the input is cut or padded with zeros; ``None``
            (default) takes them from ``a``.
        axes: Axes to transform, the last two by default; ``None`` means as many last ones as
            lengths, or all.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a length is not positive, ``s`` and ``axes`` differ in length or ``norm`` is
            unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.fft2(mx.array([[1.0, 0.0], [0.0, 0.0]]))
        array([[1+0j, 1+0j],
               [1+0j, 1+0j]], dtype=complex64)

    See: MLX ``mlx.core.fft.fft2``.
    """
    a = to_array(a, "a")
    lengths, axes = _lengths(a, s, axes, False)

@c("mlx_fft_ifft2", "array a, shape n, ints axes, norm norm", n="lengths")
def ifft2(
    a: array,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = (-2, -1),
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Inverse Fourier transform along two axes.

    Args:
        a: Real or complex array.
        s: Lengths along the axes, to which the input is cut or padded with zeros; ``None``
            (default) takes them from ``a``.
        axes: Axes to transform, the last two by default; ``None`` means as many last ones as
            lengths, or all.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a length is not positive, ``s`` and ``axes`` differ in length or ``norm`` is
            unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.ifft2(mx.array([[4.0, 0.0], [0.0, 0.0]]))
        array([[1+0j, 1+0j],
               [1+0j, 1+0j]], dtype=complex64)

    See: MLX ``mlx.core.fft.ifft2``.
    """
    a = to_array(a, "a")
    lengths, axes = _lengths(a, s, axes, False)

@c("mlx_fft_rfft2", "array a, shape n, ints axes, norm norm", n="lengths")
def rfft2(
    a: array,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = (-2, -1),
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Fourier transform of real numbers along two axes.

    Args:
        a: Real array.
        s: Lengths along the axes, to which the input is cut or padded with zeros; ``None``
            (default) takes them from ``a``.
        axes: Axes to transform, the last two by default; ``None`` means as many last ones as
            lengths, or all.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array; the last axis keeps ``length // 2 + 1`` frequencies.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a length is not positive, ``s`` and ``axes`` differ in length or ``norm`` is
            unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.rfft2(mx.array([[1.0, 0.0], [0.0, 0.0]]))
        array([[1+0j, 1+0j],
               [1+0j, 1+0j]], dtype=complex64)

    See: MLX ``mlx.core.fft.rfft2``.
    """
    a = to_array(a, "a")
    lengths, axes = _lengths(a, s, axes, False)

@c("mlx_fft_irfft2", "array a, shape n, ints axes, norm norm", n="lengths")
def irfft2(
    a: array,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = (-2, -1),
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Inverse of :func:`rfft2`: real numbers from half a spectrum.

    Args:
        a: Complex array.
        s: Lengths along the axes, to which the input is cut or padded with zeros; ``None``
            (default) takes them from ``a``, the last as ``2 * (length - 1)``.
        axes: Axes to transform, the last two by default; ``None`` means as many last ones as
            lengths, or all.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``float32`` array.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a length is not positive, ``s`` and ``axes`` differ in length or ``norm`` is
            unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.irfft2(mx.array([[4.0, 0.0], [0.0, 0.0]]))
        array([[1, 1],
               [1, 1]], dtype=float32)

    See: MLX ``mlx.core.fft.irfft2``.
    """
    a = to_array(a, "a")
    lengths, axes = _lengths(a, s, axes, True)

@c("mlx_fft_fftn", "array a, shape n, ints axes, norm norm", n="lengths")
def fftn(
    a: array,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Fourier transform along several axes.

    Args:
        a: Real or complex array.
        s: Lengths along the axes, to which the input is cut or padded with zeros; ``None``
            (default) takes them from ``a``.
        axes: Axes to transform; ``None`` (default) means as many last ones as lengths, or all.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a length is not positive, ``s`` and ``axes`` differ in length or ``norm`` is
            unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.fftn(mx.array([[1.0, 0.0], [0.0, 0.0]]))
        array([[1+0j, 1+0j],
               [1+0j, 1+0j]], dtype=complex64)

    See: MLX ``mlx.core.fft.fftn``.
    """
    a = to_array(a, "a")
    lengths, axes = _lengths(a, s, axes, False)

@c("mlx_fft_ifftn", "array a, shape n, ints axes, norm norm", n="lengths")
def ifftn(
    a: array,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Inverse Fourier transform along several axes.

    Args:
        a: Real or complex array.
        s: Lengths along the axes, to which the input is cut or padded with zeros; ``None``
            (default) takes them from ``a``.
        axes: Axes to transform; ``None`` (default) means as many last ones as lengths, or all.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a length is not positive, ``s`` and ``axes`` differ in length or ``norm`` is
            unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.ifftn(mx.array([[4.0, 0.0], [0.0, 0.0]]))
        array([[1+0j, 1+0j],
               [1+0j, 1+0j]], dtype=complex64)

    See: MLX ``mlx.core.fft.ifftn``.
    """
    a = to_array(a, "a")
    lengths, axes = _lengths(a, s, axes, False)

@c("mlx_fft_rfftn", "array a, shape n, ints axes, norm norm", n="lengths")
def rfftn(
    a: array,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Fourier transform of real numbers along several axes.

    Args:
        a: Real array.
        s: Lengths along the axes, to which the input is cut or padded with zeros; ``None``
            (default) takes them from ``a``.
        axes: Axes to transform; ``None`` (default) means as many last ones as lengths, or all.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``complex64`` array; the last axis keeps ``length // 2 + 1`` frequencies.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a length is not positive, ``s`` and ``axes`` differ in length or ``norm`` is
            unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.rfftn(mx.array([[1.0, 0.0], [0.0, 0.0]]))
        array([[1+0j, 1+0j],
               [1+0j, 1+0j]], dtype=complex64)

    See: MLX ``mlx.core.fft.rfftn``.
    """
    a = to_array(a, "a")
    lengths, axes = _lengths(a, s, axes, False)

@c("mlx_fft_irfftn", "array a, shape n, ints axes, norm norm", n="lengths")
def irfftn(
    a: array,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: Literal["backward", "ortho", "forward"] = "backward",
    stream: StreamLike = None,
) -> array:
    """Inverse of :func:`rfftn`: real numbers from half a spectrum.

    Args:
        a: Complex array.
        s: Lengths along the axes, to which the input is cut or padded with zeros; ``None``
            (default) takes them from ``a``, the last as ``2 * (length - 1)``.
        axes: Axes to transform; ``None`` (default) means as many last ones as lengths, or all.
        norm: Scaling: "backward" (default) divides the inverse by the length, "ortho" both by its
            root, "forward" the forward one.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``float32`` array.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If a length is not positive, ``s`` and ``axes`` differ in length or ``norm`` is
            unknown.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fft.irfftn(mx.array([[4.0, 0.0], [0.0, 0.0]]))
        array([[1, 1],
               [1, 1]], dtype=float32)

    See: MLX ``mlx.core.fft.irfftn``.
    """
    a = to_array(a, "a")
    lengths, axes = _lengths(a, s, axes, True)
