"""Softmax and logsumexp along axes."""

cpp_includes = ["core/exponentials.hpp"]

@c("mlx_softmax", "array a, bool precise", when="axis is None", cpp="mlx_c::softmax")
@c(
    "mlx_softmax_axis",
    "array a, int axis, bool precise",
    when="isinstance(axis, int)",
    cpp="mlx_c::softmax",
)
@c("mlx_softmax_axes", "array a, ints axes, bool precise", axes="axis", cpp="mlx_c::softmax")
def softmax(
    a: array, /, axis: IntOrInts | None = None, *, precise: bool = False, stream: StreamLike = None
) -> array:
    """Exponentials of the elements, divided by their sum over some axes.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes that sum to one; ``None`` (default) means all of them.
        precise: Compute in ``float32`` even for smaller dtypes. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Floating-point array of the shape of ``a``.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.softmax(mx.array([0.0, 0.0]))
        array([0.5, 0.5], dtype=float32)

    See: MLX ``mlx.core.softmax``.
    """

@method
@cached_node
@c("mlx_logsumexp", "array a, bool keepdims", when="axis is None", cpp="mlx_c::logsumexp")
@c(
    "mlx_logsumexp_axis",
    "array a, int axis, bool keepdims",
    when="isinstance(axis, int)",
    cpp="mlx_c::logsumexp",
)
@c("mlx_logsumexp_axes", "array a, ints axes, bool keepdims", axes="axis", cpp="mlx_c::logsumexp")
def logsumexp(
    a: array, /, axis: IntOrInts | None = None, keepdims: bool = False, *, stream: StreamLike = None
) -> array:
    """``log(sum(exp(a)))`` over some axes, without overflow.

    Args:
        a: Input array of any shape and dtype.
        axis: Axis or axes to reduce over; ``None`` (default) means all of them.
        keepdims: Keep the reduced axes with length one. Default ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array without the reduced axes (or with length one), floating-point.

    Raises:
        IndexError: If an axis is out of bounds.
        ValueError: If an axis is repeated or no element is left to reduce.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.logsumexp(mx.array([1000.0, 1000.0]))
        array(1000.69, dtype=float32)

    See: MLX ``mlx.core.logsumexp``.
    """
