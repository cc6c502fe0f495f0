"""Products with logarithms, and what entropies are made of."""

cpp_includes = ["core/special_functions.hpp"]

@weak("x", "y")
@c("mlx_special_xlogy", "array x, array y", cpp="mlx_c::special::xlogy({x}, {y}, {s})")
def xlogy(x: Scalar | array, y: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """``x * log(y)``, 0 where ``x`` is 0 and ``y`` is not NaN.

    Args:
        x: Array or scalar, the factor.
        y: Array or scalar under the logarithm.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.xlogy(mx.array([0.0, 2.0]), mx.array([0.0, 1.0]))
        array([0, 0], dtype=float32)

    See: SciPy ``scipy.special.xlogy``.
    """

@weak("x", "y")
@c("mlx_special_xlog1py", "array x, array y", cpp="mlx_c::special::xlog1py({x}, {y}, {s})")
def xlog1py(x: Scalar | array, y: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """``x * log(1 + y)``, 0 where ``x`` is 0 and ``y`` is not NaN.

    Args:
        x: Array or scalar, the factor.
        y: Array or scalar under the logarithm, less 1.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.xlog1py(mx.array([0.0, 2.0]), mx.array([-1.0, 0.0]))
        array([0, 0], dtype=float32)

    See: SciPy ``scipy.special.xlog1py``.
    """

@c("mlx_special_entr", "array x", cpp="mlx_c::special::entr({x}, {s})")
def entr(x: array, /, *, stream: StreamLike = None) -> array:
    """Entropy ``-x * log(x)``, 0 at zero and minus infinity below.

    Args:
        x: Real input array of any shape.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``x``; integers become ``float32``.

    Raises:
        ValueError: If ``x`` is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.entr(mx.array([0.0, 0.5]))
        array([0, 0.346574], dtype=float32)

    See: SciPy ``scipy.special.entr``.
    """

@weak("x", "y")
@c("mlx_special_rel_entr", "array x, array y", cpp="mlx_c::special::rel_entr({x}, {y}, {s})")
def rel_entr(x: Scalar | array, y: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Relative entropy ``x * log(x / y)``.

    0 where ``x`` is 0 and ``y`` is not negative, infinite where one is negative or ``y`` alone is
    0.

    Args:
        x: Array or scalar, a probability.
        y: Array or scalar, the probability to compare with.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.rel_entr(mx.array([0.0, 0.5]), 0.25)
        array([0, 0.346574], dtype=float32)

    See: SciPy ``scipy.special.rel_entr``.
    """

@weak("x", "y")
@c("mlx_special_kl_div", "array x, array y", cpp="mlx_c::special::kl_div({x}, {y}, {s})")
def kl_div(x: Scalar | array, y: Scalar | array, /, *, stream: StreamLike = None) -> array:
    """Kullback-Leibler divergence ``x * log(x / y) - x + y``.

    Infinite where :func:`rel_entr` is.

    Args:
        x: Array or scalar, a probability.
        y: Array or scalar, the probability to compare with.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the broadcast shape; integers become ``float32``.

    Raises:
        ValueError: If the shapes do not broadcast or an operand is complex.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.special.kl_div(mx.array([0.5]), 0.25)
        array([0.0965736], dtype=float32)

    See: SciPy ``scipy.special.kl_div``.
    """
