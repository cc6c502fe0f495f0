"""What Hypothesis draws: data types, shapes, axes, indices and arrays."""

from __future__ import annotations

import math
import struct
from functools import wraps
from typing import overload

import mlx_sys_py as _sys
from mlx_sys_py import Dtype, DtypeCategory, array

from mlx_core_py import dtypes as _limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import EllipsisType
    from typing import Any, Literal, ParamSpec, TypeVar

    from hypothesis.strategies import DrawFn, SearchStrategy

    Shape = tuple[int, ...]
    Index = int | slice | EllipsisType | array | None
    P = ParamSpec("P")
    R = TypeVar("R")

_DTYPES = (
    _sys.bool_, _sys.int8, _sys.int16, _sys.int32, _sys.int64, _sys.uint8, _sys.uint16,
    _sys.uint32, _sys.uint64, _sys.float32, _sys.float16, _sys.bfloat16, _sys.complex64,
    _sys.float64,
)  # fmt: skip


def _needs_hypothesis(function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            import hypothesis as _  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"mlx_core_py.testing.{function.__name__} needs Hypothesis: "
                'pip install "mlx-core-py[testing]"'
            ) from error
        return function(*args, **kwargs)

    return checked


@_needs_hypothesis
def dtypes(
    category: DtypeCategory = _sys.generic, *, exclude: tuple[Dtype, ...] = (_sys.float64,)
) -> SearchStrategy[Dtype]:
    """Data types.

    Args:
        category: What they are, such as ``mx.floating``. Default: ``mx.generic``, all.
        exclude: Those that are not wanted. Default: ``float64``, which is for the CPU only.

    Returns:
        A strategy.

    Raises:
        ImportError: If Hypothesis is not installed.
        ValueError: If nothing is left.

    Example:
        >>> from mlx_core_py import testing
        >>> from hypothesis import find
        >>> find(testing.dtypes(mx.floating), lambda dtype: dtype.size == 2) == mx.float16
        True
    """
    from hypothesis import strategies as st

    found = [x for x in _DTYPES if _sys.issubdtype(x, category) and x not in exclude]
    if not found:
        raise ValueError(f"[dtypes] exclude leaves no data type of {category}")
    return st.sampled_from(found)


def _check_range(caller: str, **bounds: int) -> None:
    (least, low), (most, high) = bounds.items()
    if not 0 <= low <= high:
        raise ValueError(f"[{caller}] 0 <= {least} <= {most} must hold, but they are {low}, {high}")


@_needs_hypothesis
def shapes(
    *, min_dims: int = 0, max_dims: int = 4, min_side: int = 0, max_side: int = 5
) -> SearchStrategy[Shape]:
    """Shapes, also of empty arrays and scalars.

    Args:
        min_dims: The least number of dimensions. Default: ``0``.
        max_dims: The largest number of dimensions. Default: ``4``.
        min_side: The least length of an axis. Default: ``0``.
        max_side: The largest length of an axis. Default: ``5``.

    Returns:
        A strategy for tuples.

    Raises:
        ImportError: If Hypothesis is not installed.
        ValueError: If a least number is negative or larger than the largest one.

    Example:
        >>> from mlx_core_py import testing
        >>> from hypothesis import find
        >>> find(testing.shapes(min_side=1), lambda shape: len(shape) == 3)
        (1, 1, 1)
    """
    from hypothesis import strategies as st

    _check_range("shapes", min_dims=min_dims, max_dims=max_dims)
    _check_range("shapes", min_side=min_side, max_side=max_side)
    sides = st.integers(min_side, max_side)
    return st.lists(sides, min_size=min_dims, max_size=max_dims).map(tuple)


@_needs_hypothesis
def broadcastable_shapes(
    count: int = 2, *, max_dims: int = 4, min_side: int = 0, max_side: int = 5
) -> SearchStrategy[tuple[Shape, ...]]:
    """Shapes that broadcast together: what an operation of several arrays takes.

    Args:
        count: How many. Default: ``2``, a pair.
        max_dims: The largest number of dimensions. Default: ``4``.
        min_side: The least length of an axis that is not 1. Default: ``0``.
        max_side: The largest length of an axis. Default: ``5``.

    Returns:
        A strategy for tuples of that many shapes; ``mx.broadcast_shapes`` takes them.

    Raises:
        ImportError: If Hypothesis is not installed.
        ValueError: If ``count`` is not positive, or a bound does not fit the other one.

    Example:
        >>> from mlx_core_py import testing
        >>> from hypothesis import find
        >>> find(testing.broadcastable_shapes(), lambda pair: mx.broadcast_shapes(*pair) == (2, 3))
        ((2, 3), ())
    """
    from hypothesis import strategies as st

    if count < 1:
        raise ValueError(f"[broadcastable_shapes] count must be 1 or more, but is {count}")
    whole = shapes(max_dims=max_dims, min_side=min_side, max_side=max_side)

    @st.composite
    def draw_shapes(draw: DrawFn) -> tuple[Shape, ...]:
        result = draw(whole)

        def part() -> Shape:
            first = len(result) - draw(st.integers(0, len(result)))
            return tuple(draw(st.sampled_from((1, extent))) for extent in result[first:])

        parts = [part() for _ in range(count - 1)]
        return (*parts, result) if draw(st.booleans()) else (result, *parts)

    return draw_shapes()


@overload
def axes(ndim: int, *, several: Literal[False] = False) -> SearchStrategy[int]: ...
@overload
def axes(ndim: int, *, several: Literal[True]) -> SearchStrategy[int | tuple[int, ...] | None]: ...
@_needs_hypothesis
def axes(ndim: int, *, several: bool = False) -> SearchStrategy[Any]:
    """What an argument ``axis`` may be, counted from either end.

    Args:
        ndim: How many dimensions the array has, at least one.
        several: Whether it may be ``None`` or a tuple too, as that of reductions. Default:
            ``False``.

    Returns:
        A strategy for integers; if ``several``, for tuples without repetition and ``None`` too.

    Raises:
        ImportError: If Hypothesis is not installed.
        ValueError: If ``ndim`` is not positive.

    Example:
        >>> from mlx_core_py import testing
        >>> from hypothesis import find
        >>> find(testing.axes(3), lambda axis: axis < 0)
        -1
        >>> find(testing.axes(3, several=True), lambda axis: axis is not None and axis != 0)
        1
    """
    from hypothesis import strategies as st

    if ndim < 1:
        raise ValueError(f"[axes] ndim must be 1 or more, but is {ndim}")
    one = st.integers(-ndim, ndim - 1)
    if not several:
        return one
    many = st.lists(one, unique_by=lambda axis: axis % ndim, max_size=ndim).map(tuple)
    return st.one_of(st.none(), one, many)


@_needs_hypothesis
def indices(
    shape: Shape, *, allow_arrays: bool = True, allow_newaxis: bool = True
) -> SearchStrategy[Index | tuple[Index, ...]]:
    """What an array of a shape may be indexed by: ``x[index]`` does not raise.

    Args:
        shape: The shape of the array.
        allow_arrays: Whether there may be arrays of integers. Default: ``True``.
        allow_newaxis: Whether there may be ``None``, which makes a new axis. Default: ``True``.

    Returns:
        A strategy for integers, slices with steps of either sign, ``...``, ``None``, arrays, and
        tuples of these, for as many axes as there are or fewer.

    Raises:
        ImportError: If Hypothesis is not installed.

    Example:
        >>> from mlx_core_py import testing
        >>> from hypothesis import find
        >>> find(testing.indices((3, 4)), lambda index: mx.zeros((3, 4))[index].shape == (4,))
        0
    """
    from hypothesis import strategies as st

    def one(extent: int) -> SearchStrategy[Any]:
        ways: list[SearchStrategy[Any]] = [st.slices(extent)]
        if extent:
            number = st.integers(-extent, extent - 1)
            ways.insert(0, number)
            if allow_arrays:
                ways.append(arrays(_sys.int32, shapes(max_dims=2, max_side=3), elements=number))
        return st.one_of(ways)

    @st.composite
    def draw_index(draw: DrawFn) -> Any:
        used = draw(st.integers(0, len(shape)))
        parts: list[Any] = []
        has_dots = draw(st.booleans())
        front = draw(st.integers(0, used)) if has_dots else used
        # Arrays that index together have to broadcast: one is enough to try.
        has_array = False
        for at in (*range(front), *range(len(shape) - (used - front), len(shape))):
            part = draw(one(shape[at]))
            if isinstance(part, array):
                part = draw(st.slices(shape[at])) if has_array else part
                has_array = True
            parts.append(part)
        if has_dots:
            parts.insert(front, ...)
        if allow_newaxis and draw(st.booleans()):
            parts.insert(draw(st.integers(0, len(parts))), None)
        return tuple(parts) if len(parts) != 1 or draw(st.booleans()) else parts[0]

    return draw_index()


def _to_bfloat16(x: float) -> float:
    """The number towards zero of 8 bits of precision."""
    if not math.isfinite(x):
        return x
    bits: bytes = struct.pack(">f", x)[:2] + bytes(2)
    return float(struct.unpack(">f", bits)[0])


def _elements(
    dtype: Dtype, low: float | None, high: float | None, special: bool, subnormal: bool
) -> SearchStrategy[Any]:
    from hypothesis import strategies as st

    if dtype == _sys.bool_:
        return st.booleans()
    if _sys.issubdtype(dtype, _sys.integer):
        limits = _limits.iinfo(dtype)
        least = limits.min if low is None else max(math.ceil(low), limits.min)
        most = limits.max if high is None else min(math.floor(high), limits.max)
        return st.integers(least, most)
    part = _sys.float32 if dtype == _sys.complex64 else dtype
    largest = float(_limits.finfo(part).max)
    width = 8 * part.size if part != _sys.bfloat16 else 32
    unbounded = special and low is None and high is None
    floats = st.floats(
        None if unbounded else _within(-largest if low is None else max(low, -largest), part, 1),
        None if unbounded else _within(largest if high is None else min(high, largest), part, -1),
        allow_nan=special,
        allow_infinity=unbounded,
        allow_subnormal=subnormal,
        width=width,  # type: ignore[arg-type]
    )
    if part == _sys.bfloat16:
        floats = floats.map(_to_bfloat16)
    return st.builds(complex, floats, floats) if dtype == _sys.complex64 else floats


def _within(bound: float, dtype: Dtype, direction: int) -> float:
    """The number of a type next to a bound, on the side of the other numbers."""
    code = {2: "e", 4: "f", 8: "d"}[4 if dtype == _sys.bfloat16 else dtype.size]
    rounded = float(struct.unpack(code, struct.pack(code, bound))[0])
    if dtype == _sys.bfloat16:
        rounded = _to_bfloat16(rounded)
    while (rounded - bound) * direction < 0:
        (bits,) = struct.unpack(f">{'HIQ'['efd'.index(code)]}", struct.pack(f">{code}", rounded))
        grows = (rounded >= 0) == (direction > 0)
        step = 1 << 16 if dtype == _sys.bfloat16 else 1
        bits = bits + step if grows else bits - step
        (rounded,) = struct.unpack(f">{code}", struct.pack(f">{'HIQ'['efd'.index(code)]}", bits))
    return rounded


@_needs_hypothesis
def arrays(
    dtype: Dtype | SearchStrategy[Dtype] = _sys.float32,
    shape: int | Shape | SearchStrategy[Shape] | None = None,
    *,
    elements: SearchStrategy[Any] | None = None,
    min_value: float | None = None,
    max_value: float | None = None,
    allow_special: bool = False,
    allow_subnormal: bool = False,
    unique: bool = False,
) -> SearchStrategy[array]:
    """Arrays.

    Args:
        dtype: The data type, or a strategy for it. Default: ``float32``.
        shape: The shape, or a strategy for it. Default: ``shapes()``.
        elements: A strategy for numbers that the data type holds. Default: all finite numbers of
            the type, within the bounds.
        min_value: The least element; of complex numbers, that of either part. Default: none.
        max_value: The largest element. Default: none.
        allow_special: Whether there may be NaN, and infinities if no bound is given. Default:
            ``False``.
        allow_subnormal: Whether there may be subnormal numbers, which some devices take for zero.
            Default: ``False``.
        unique: Whether no element occurs twice. Default: ``False``.

    Returns:
        A strategy. It shrinks towards few, small elements.

    Raises:
        ImportError: If Hypothesis is not installed.

    Example:
        >>> from mlx_core_py import testing
        >>> from hypothesis import find
        >>> find(testing.arrays(mx.int32, 3), lambda x: mx.sum(x).item() > 10)
        array([0, 0, 11], dtype=int32)
    """
    from hypothesis import strategies as st

    if shape is None:
        shape = shapes()
    if isinstance(shape, int):
        shape = (shape,)
    fixed_shape = shape

    @st.composite
    def draw_array(draw: DrawFn) -> array:
        kind = dtype if isinstance(dtype, Dtype) else draw(dtype)
        extents = fixed_shape if isinstance(fixed_shape, tuple) else draw(fixed_shape)
        each = elements
        if each is None:
            each = _elements(kind, min_value, max_value, allow_special, allow_subnormal)
        size = math.prod(extents)
        drawn = draw(st.lists(each, min_size=size, max_size=size, unique=unique))
        return array(drawn, kind).reshape(extents)

    return draw_array()


@_needs_hypothesis
def broadcastable_arrays(
    count: int = 2,
    dtype: Dtype | SearchStrategy[Dtype] = _sys.float32,
    *,
    max_dims: int = 4,
    min_side: int = 0,
    max_side: int = 5,
    **options: Any,
) -> SearchStrategy[tuple[array, ...]]:
    """Arrays whose shapes broadcast together.

    Args:
        count: How many. Default: ``2``, a pair.
        dtype: The data type of all of them, or a strategy for that of each. Default: ``float32``.
        max_dims: The largest number of dimensions. Default: ``4``.
        min_side: The least length of an axis that is not 1. Default: ``0``.
        max_side: The largest length of an axis. Default: ``5``.
        options: What else ``arrays`` takes.

    Returns:
        A strategy for tuples of that many arrays.

    Raises:
        ImportError: If Hypothesis is not installed.
        ValueError: If ``count`` is not positive, or a bound does not fit the other one.

    Example:
        >>> from mlx_core_py import testing
        >>> from hypothesis import find
        >>> find(testing.broadcastable_arrays(dtype=mx.int8), lambda pair: pair[0].size == 2)
        (array([0, 0], dtype=int8), array(0, dtype=int8))
    """
    from hypothesis import strategies as st

    several = broadcastable_shapes(count, max_dims=max_dims, min_side=min_side, max_side=max_side)
    return several.flatmap(
        lambda extents: st.tuples(*(arrays(dtype, shape, **options) for shape in extents))
    )
