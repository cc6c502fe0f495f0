"""One row of each kind, to see what becomes of it."""

@c("mlx_abs", "array a")
@method
def abs(a: array, /, *, stream: StreamLike = None) -> array:
    """Absolute value of every element.

    Args:
        a: Input array.
        stream: Stream or device to run on.

    Returns:
        Array of the shape of ``a``.

    Example:
        >>> abs(array([-1.0]))
        array([1], dtype=float32)

    See: MLX ``mlx.core.abs``.
    """

@c("mlx_add", "array a, array b")
@weak("a", "b")
@alias("plus")
def add(a: ArrayLike, b: ArrayLike, stream: StreamLike = None) -> array:
    """Sum of two arrays, element by element."""

@c("mlx_sum", "array a, bool keepdims", when="axis is None")
@c("mlx_sum_axis", "array a, int axis, bool keepdims", when="isinstance(axis, int)")
@c("mlx_sum_axes", "array a, ints axes, bool keepdims", axes="axis")
@method
def sum(
    a: array,
    /,
    axis: IntOrInts | None = None,
    keepdims: bool = False,
    *,
    stream: StreamLike = None,
) -> array:
    """Sum over some axes."""

@c("mlx_clip", "array a, array? a_min, array? a_max")
@weak("a", "a_min", "a_max")
def clip(
    a: array,
    a_min: ArrayLike | None = None,
    a_max: ArrayLike | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """Every element held between two bounds."""
    if a_min is None and a_max is None:
        raise ValueError("a_min and a_max are both None")

@c("mlx_stack_axis", "arrays arrays, int axis")
def stack(arrays: Sequence[ArrayLike], axis: int = 0, *, stream: StreamLike = None) -> array:
    """Arrays of one shape along a new axis."""

@c(
    "mlx_divmod",
    "array a, array b",
    returns="array, array",
    cpp="divided(mlx::core::divmod({a}, {b}, {s}))",
    check="mlx_c::check_divisor({b})",
)
def divmod(a: array, b: array, *, stream: StreamLike = None) -> tuple[array, array]:
    """Quotient and remainder."""

@c("mlx_full", "shape shape, array vals, dtype dtype")
def full(
    shape: IntOrInts, vals: ArrayLike, dtype: Dtype = float32, *, stream: StreamLike = None
) -> array:
    """An array of one value."""

@c("mlx_broadcast_arrays", "arrays inputs", inputs="arrays")
def broadcast_arrays(*arrays: array, stream: StreamLike = None) -> list[array]:
    """Arrays brought to one shape."""

@c("mlx_pool", "array a, int2 size, str mode, int? stride", stream=False)
@blocking
def _pool(a: array, size: Sequence[int], mode: str = "max", stride: int | None = None) -> array:
    """A private row, which releases the GIL."""
