"""Bessel functions."""

cpp_includes = ["core/special_functions.hpp"]

@c("mlx_special_i0", "array x", cpp="mlx_c::special::i0({x}, {s})")
def i0(x: array, /, *, stream: StreamLike = None) -> array:
    """Modified Bessel function of the first kind and order 0.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.i0(mx.array([0.0, 1.0]))
        array([1, 1.26607], dtype=float32)

    See: SciPy ``scipy.special.i0``.
    """

@c("mlx_special_i0e", "array x", cpp="mlx_c::special::i0e({x}, {s})")
def i0e(x: array, /, *, stream: StreamLike = None) -> array:
    """Scaled Bessel function ``exp(-abs(x)) * i0(x)``.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.i0e(mx.array([0.0, 1.0]))
        array([1, 0.46576], dtype=float32)

    See: SciPy ``scipy.special.i0e``.
    """

@c("mlx_special_i1", "array x", cpp="mlx_c::special::i1({x}, {s})")
def i1(x: array, /, *, stream: StreamLike = None) -> array:
    """Modified Bessel function of the first kind and order 1.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.i1(mx.array([0.0, 1.0]))
        array([0, 0.565159], dtype=float32)

    See: SciPy ``scipy.special.i1``.
    """

@c("mlx_special_i1e", "array x", cpp="mlx_c::special::i1e({x}, {s})")
def i1e(x: array, /, *, stream: StreamLike = None) -> array:
    """Scaled Bessel function ``exp(-abs(x)) * i1(x)``.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.i1e(mx.array([0.0, 1.0]))
        array([0, 0.20791], dtype=float32)

    See: SciPy ``scipy.special.i1e``.
    """
