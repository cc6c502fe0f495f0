"""Calls of the functions of the array API, drawn by Hypothesis, to compare two libraries.

A case is the arguments of one call. Arrays in it are NumPy's, of which each library makes its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

__all__ = ["CASES", "SPECIAL_BINARY", "SPECIAL_UNARY", "Case", "arrays", "special_values"]

Case = tuple[tuple[Any, ...], dict[str, Any]]
Draw = Callable[[st.SearchStrategy[Any]], Any]

SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
BOOL = ("bool",)
FLOAT = ("float32",)
COMPLEX = ("complex64",)
REAL = INTEGERS + FLOAT
NUMERIC = REAL + COMPLEX
ANY = BOOL + NUMERIC
INEXACT = FLOAT + COMPLEX

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
FULL_SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4)
WITH_AXIS = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)


def elements(dtype: str, low: float = -8, high: float = 8) -> st.SearchStrategy[Any]:
    """Numbers of which sums, products and powers of a few fit every type."""
    if dtype == "bool":
        return st.booleans()
    if dtype in UNSIGNED:
        return st.integers(max(0, math.ceil(low)), math.floor(high))
    if dtype in SIGNED:
        return st.integers(math.ceil(low), math.floor(high))
    # Quarters, which sums of a few add up exactly.
    parts = st.integers(math.ceil(low * 4), math.floor(high * 4)).map(lambda n: n / 4)
    return parts if dtype == "float32" else st.builds(complex, parts, parts)


@st.composite
def arrays(
    draw: Draw,
    dtypes: tuple[str, ...] = NUMERIC,
    shapes: Any = SHAPES,
    low: float = -8,
    high: float = 8,
    unique: bool = False,
) -> Any:
    """An array of one of these types and shapes."""
    dtype = draw(st.sampled_from(dtypes))
    values = elements(dtype, low, high)
    return draw(hnp.arrays(np.dtype(dtype), shapes, elements=values, unique=unique))


def axis_of(ndim: int) -> st.SearchStrategy[int]:
    return st.integers(-ndim, ndim - 1)


def axes_of(ndim: int) -> st.SearchStrategy[Any]:
    several = st.lists(st.integers(0, max(ndim - 1, 0)), unique=True, min_size=1, max_size=ndim)
    return st.none() | axis_of(ndim) | several.map(tuple) if ndim else st.none()


def some(draw: Draw, **choices: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Keywords, each given or not."""
    return {name: draw(values) for name, values in choices.items() if draw(st.booleans())}


def unary(dtypes: tuple[str, ...], low: float = -8, high: float = 8) -> Callable[[Draw], Case]:
    return lambda draw: ((draw(arrays(dtypes, low=low, high=high)),), {})


# Types of different kinds, and signed beside unsigned ones, promote in ways of each library.
FAMILIES = (BOOL, SIGNED, UNSIGNED, FLOAT, COMPLEX)


def binary(
    dtypes: tuple[str, ...],
    low: float = -8,
    high: float = 8,
    second: tuple[float, float] | None = None,
    nonzero: bool = False,
) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        families = [f for f in (tuple(d for d in f if d in dtypes) for f in FAMILIES) if f]
        family = draw(st.sampled_from(families))
        shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=4))
        first = draw(arrays(family, shapes.input_shapes[0], low, high))
        low2, high2 = second or (low, high)
        other = draw(arrays(family, shapes.input_shapes[1], low2, high2))
        if nonzero:
            other = np.where(other == 0, np.ones_like(other), other)
        how = draw(st.sampled_from(["arrays", "arrays", "left", "right"]))
        # One of the two may be a number of Python.
        if how == "right" and other.size:
            other = other.ravel()[0].item()
        elif how == "left" and first.size and second is None:
            first = first.ravel()[0].item()
        return (first, other), {}

    return case


def reduction(
    dtypes: tuple[str, ...], *, shapes: Any = SHAPES, **choices: Any
) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x = draw(arrays(dtypes, shapes, -3, 3))
        return (x,), some(draw, axis=axes_of(x.ndim), keepdims=st.booleans(), **choices)

    return case


def along_axis(
    dtypes: tuple[str, ...],
    *,
    shapes: Any = WITH_AXIS,
    low: float = -8,
    high: float = 8,
    default: bool = True,
    **choices: Any,
) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x = draw(arrays(dtypes, shapes, low, high))
        keywords = some(draw, **choices)
        if not default or draw(st.booleans()):
            keywords["axis"] = draw(axis_of(x.ndim))
        return (x,), keywords

    return case


def scan(draw: Draw) -> Case:
    (x,), keywords = along_axis(NUMERIC, low=-2, high=2, include_initial=st.booleans())(draw)
    if x.ndim > 1:
        keywords.setdefault("axis", 0)
    return (x,), keywords


def extremum(draw: Draw) -> Case:
    x = draw(arrays(REAL, FULL_SHAPES))
    axis = st.none() | axis_of(x.ndim) if x.ndim else st.none()
    return (x,), some(draw, axis=axis, keepdims=st.booleans())


def clip(draw: Draw) -> Case:
    x = draw(arrays(REAL))
    low, high = sorted(draw(st.tuples(*[elements(str(x.dtype))] * 2)))
    bounds = [st.none() | st.just(bound) for bound in (low, high)]
    return (x, *(draw(bound) for bound in bounds)), {}


def diff(draw: Draw) -> Case:
    (x,), keywords = along_axis(NUMERIC, n=st.integers(0, 3))(draw)
    axis = keywords.get("axis", -1)
    for name in ("prepend", "append"):
        if draw(st.booleans()):
            shape = list(x.shape)
            shape[axis] = draw(st.integers(0, 2))
            keywords[name] = draw(arrays((str(x.dtype),), tuple(shape)))
    return (x,), keywords


def moveaxis(draw: Draw) -> Case:
    x = draw(arrays(ANY, WITH_AXIS))
    if draw(st.booleans()):
        return (x, draw(axis_of(x.ndim)), draw(axis_of(x.ndim))), {}
    axes = st.permutations(range(x.ndim))
    count = draw(st.integers(0, x.ndim))
    source, destination = draw(axes)[:count], draw(axes)[:count]
    source = [axis - x.ndim if draw(st.booleans()) else axis for axis in source]
    return (x, tuple(source), tuple(destination)), {}


def repeat(draw: Draw) -> Case:
    x = draw(arrays(ANY, FULL_SHAPES))
    axis = draw(st.none() | axis_of(x.ndim)) if x.ndim else None
    length = x.size if axis is None else x.shape[axis]
    number = st.integers(0, 3)
    counts = hnp.arrays(np.int64, (length,), elements=number)
    one = hnp.arrays(np.int64, (1,), elements=number)
    keywords = {} if axis is None and draw(st.booleans()) else {"axis": axis}
    return (x, draw(number | counts | one)), keywords


def reshape(draw: Draw) -> Case:
    x = draw(arrays(ANY, FULL_SHAPES))
    lengths = [
        (x.size,),
        (-1,),
        (1, x.size),
        (x.size, 1, 1),
        (*x.shape[::-1],),
        (-1, *x.shape[1:]),
    ]
    return (x, draw(st.sampled_from(lengths))), some(draw, copy=st.sampled_from([None, True]))


def roll(draw: Draw) -> Case:
    x = draw(arrays(ANY, WITH_AXIS))
    shift = st.integers(-6, 6)
    if draw(st.booleans()):
        return (x, draw(shift)), some(draw, axis=st.none() | axis_of(x.ndim))
    axes = draw(st.permutations(range(x.ndim)))[: draw(st.integers(1, x.ndim))]
    return (x, tuple(draw(shift) for _ in axes)), {"axis": tuple(axes)}


def concat(draw: Draw) -> Case:
    first = draw(arrays(ANY, WITH_AXIS))
    axis = draw(axis_of(first.ndim))
    family = next(f for f in FAMILIES if str(first.dtype) in f)
    rest = []
    for _ in range(draw(st.integers(0, 2))):
        shape = list(first.shape)
        shape[axis] = draw(st.integers(0, 3))
        rest.append(draw(arrays(family, tuple(shape))))
    if draw(st.booleans()):
        return ([first, *rest],), {"axis": axis}
    return ([first, *rest],), {"axis": None}


def stack(draw: Draw) -> Case:
    first = draw(arrays(ANY, SHAPES))
    rest = [draw(arrays((str(first.dtype),), first.shape)) for _ in range(draw(st.integers(0, 2)))]
    return ([first, *rest],), some(draw, axis=st.integers(-first.ndim - 1, first.ndim))


def take(draw: Draw) -> Case:
    x = draw(arrays(ANY, WITH_AXIS))
    axis = draw(axis_of(x.ndim))
    places = st.integers(-x.shape[axis], x.shape[axis] - 1)
    indices = draw(hnp.arrays(np.int64, st.integers(0, 4), elements=places))
    return (x, indices), {"axis": axis}


def take_along_axis(draw: Draw) -> Case:
    x = draw(arrays(ANY, WITH_AXIS))
    axis = draw(axis_of(x.ndim))
    shape = list(x.shape)
    shape[axis] = draw(st.integers(0, 4))
    places = st.integers(0, x.shape[axis] - 1)
    return (x, draw(hnp.arrays(np.int64, tuple(shape), elements=places))), {"axis": axis}


def where(draw: Draw) -> Case:
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=4))
    family = draw(st.sampled_from(FAMILIES))
    condition = draw(arrays(BOOL, shapes.input_shapes[0]))
    return (condition, *(draw(arrays(family, shape)) for shape in shapes.input_shapes[1:])), {}


def broadcast_to(draw: Draw) -> Case:
    x = draw(arrays(ANY, FULL_SHAPES))
    shape = tuple(draw(st.integers(0, 3)) if n == 1 else n for n in x.shape)
    return (x, (*draw(st.lists(st.integers(0, 2), max_size=2)), *shape)), {}


def broadcast_arrays(draw: Draw) -> Case:
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=4))
    return tuple(draw(arrays(ANY, shape)) for shape in shapes.input_shapes), {}


def broadcast_shapes(draw: Draw) -> Case:
    count = draw(st.integers(1, 4))
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=4))
    return tuple(shapes.input_shapes)[draw(st.integers(0, count)) :], {}


def expand_dims(draw: Draw) -> Case:
    x = draw(arrays(ANY))
    return (x,), {"axis": draw(st.integers(-x.ndim - 1, x.ndim))}


def squeeze(draw: Draw) -> Case:
    x = draw(arrays(ANY, hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=2)))
    ones = [axis for axis, n in enumerate(x.shape) if n == 1]
    axes = tuple(ones[: draw(st.integers(0, len(ones)))])
    return (x, axes[0] if len(axes) == 1 and draw(st.booleans()) else axes), {}


def permute_dims(draw: Draw) -> Case:
    x = draw(arrays(ANY))
    return (x, tuple(draw(st.permutations(range(x.ndim))))), {}


def tile(draw: Draw) -> Case:
    return (draw(arrays(ANY)), tuple(draw(st.lists(st.integers(0, 2), max_size=4)))), {}


def meshgrid(draw: Draw) -> Case:
    count = draw(st.integers(1, 3))
    dtype = draw(st.sampled_from(NUMERIC))
    vectors = tuple(draw(arrays((dtype,), st.integers(1, 3))) for _ in range(count))
    return vectors, some(draw, indexing=st.sampled_from(["xy", "ij"]))


def arange(draw: Draw) -> Case:
    numbers = st.integers(-9, 9)
    step = draw(st.sampled_from([-3, -1, 1, 2, 0.5]))
    start, stop = draw(numbers), draw(numbers)
    keywords = some(draw, dtype=st.sampled_from(["int32", "int64", "float32"]))
    if isinstance(step, float):
        keywords.pop("dtype", None)
    return draw(st.sampled_from([(stop,), (start, stop), (start, stop, step)])), keywords


def linspace(draw: Draw) -> Case:
    numbers = st.integers(-9, 9)
    keywords = some(draw, endpoint=st.booleans(), dtype=st.sampled_from(["float32"]))
    return (draw(numbers), draw(numbers), draw(st.integers(0, 9))), keywords


def filled(draw: Draw) -> Case:
    shape = draw(SHAPES) if draw(st.booleans()) else draw(st.integers(0, 4))
    return (shape,), some(draw, dtype=st.sampled_from(ANY))


def full(draw: Draw) -> Case:
    (shape,), keywords = filled(draw)
    kinds = st.sampled_from(["bool", "int64", "float32", "complex64"])
    kind = str(keywords["dtype"] if "dtype" in keywords else draw(kinds))
    return (shape, draw(elements(kind))), keywords


def like(draw: Draw) -> Case:
    return (draw(arrays(ANY)),), some(draw, dtype=st.sampled_from(ANY))


def full_like(draw: Draw) -> Case:
    x = draw(arrays(ANY))
    return (x, draw(elements(str(x.dtype)))), {}


def eye(draw: Draw) -> Case:
    sizes = tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=2)))
    return sizes, some(draw, k=st.integers(-4, 4), dtype=st.sampled_from(ANY))


def triangle(draw: Draw) -> Case:
    shapes = hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=4)
    return (draw(arrays(NUMERIC, shapes)),), some(draw, k=st.integers(-4, 4))


def asarray(draw: Draw) -> Case:
    x = draw(arrays(ANY))
    keywords = some(draw, copy=st.sampled_from([None, True]))
    return (x if draw(st.booleans()) else x.tolist(),), {**keywords, "dtype": str(x.dtype)}


def astype(draw: Draw) -> Case:
    kinds = st.sampled_from([BOOL + INTEGERS + FLOAT + COMPLEX])
    x = draw(arrays(BOOL + REAL, low=0))
    return (x, draw(kinds.flatmap(st.sampled_from))), some(draw, copy=st.booleans())


def sorting(draw: Draw) -> Case:
    return along_axis(REAL, low=-2, high=2, descending=st.booleans(), stable=st.just(True))(draw)


def searchsorted(draw: Draw) -> Case:
    dtype = draw(st.sampled_from(REAL))
    x = draw(arrays((dtype,), st.integers(0, 5)))
    keywords = some(draw, side=st.sampled_from(["left", "right"]))
    if draw(st.booleans()):
        keywords["sorter"] = np.argsort(x, stable=True)
    else:
        x = np.sort(x)
    return (x, draw(arrays((dtype,), SHAPES))), keywords


def isin(draw: Draw) -> Case:
    # Without `invert`, of which array-api-strict 2.6 takes no notice; test_ops_sets.py has it.
    dtype = draw(st.sampled_from(INTEGERS))
    return tuple(draw(arrays((dtype,), SHAPES)) for _ in range(2)), {}


def spread(draw: Draw) -> Case:
    x = draw(arrays(FLOAT, FULL_SHAPES))
    keywords = some(draw, axis=axes_of(x.ndim), keepdims=st.booleans())
    axes = keywords.get("axis")
    all_axes = range(x.ndim) if axes is None else np.atleast_1d(axes)
    size = math.prod(x.shape[axis] for axis in all_axes)
    if size > 1 and draw(st.booleans()):
        keywords["correction"] = draw(st.sampled_from([0, 1, 0.5, 1.0, size - 0.75]))
    return (x,), keywords


def accumulated(draw: Draw) -> Case:
    (x,), keywords = reduction(NUMERIC)(draw)
    if draw(st.booleans()):
        keywords["dtype"] = {"f": "float32", "c": "complex64"}.get(x.dtype.kind, "int64")
    return (np.asarray(np.clip(x, 0, 2)) if x.dtype.kind in "iu" else x,), keywords


def matmul(draw: Draw) -> Case:
    dtype = draw(st.sampled_from(NUMERIC))
    n, k, m = (draw(st.integers(0, 4)) for _ in range(3))
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=1, max_side=3))
    left, right = (
        (*batch, *matrix)
        for batch, matrix in zip(shapes.input_shapes, ((n, k), (k, m)), strict=True)
    )
    which = draw(st.sampled_from(["matrices", "left", "right", "both"]))
    if which in ("left", "both"):
        left = (k,)
    if which in ("right", "both"):
        right = (k,)
    return (draw(arrays((dtype,), left)), draw(arrays((dtype,), right))), {}


def tensordot(draw: Draw) -> Case:
    dtype = draw(st.sampled_from(NUMERIC))
    lengths = {letter: draw(st.integers(0, 3)) for letter in "abcd"}
    left, right, axes = draw(
        st.sampled_from(
            [
                ("abc", "bcd", 2),
                ("ab", "bc", 1),
                ("ab", "cd", 0),
                ("abc", "cad", ((0, 2), (1, 0))),
                ("abc", "cad", ((-1,), (0,))),
            ]
        )
    )
    pair = (draw(arrays((dtype,), tuple(lengths[x] for x in text))) for text in (left, right))
    return tuple(pair), {"axes": axes}


def vecdot(draw: Draw) -> Case:
    # MLX adds small integers up in larger types.
    dtype = draw(st.sampled_from(("int32", "int64", "uint32", "uint64", *INEXACT)))
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3))
    k = draw(st.integers(0, 4))
    return tuple(draw(arrays((dtype,), (*shape, k))) for shape in shapes.input_shapes), {}


def cross(draw: Draw) -> Case:
    dtype = draw(st.sampled_from(SIGNED + INEXACT))
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3))
    return tuple(draw(arrays((dtype,), (*shape, 3))) for shape in shapes.input_shapes), {}


def outer(draw: Draw) -> Case:
    dtype = draw(st.sampled_from(NUMERIC))
    return tuple(draw(arrays((dtype,), st.integers(0, 4))) for _ in range(2)), {}


MATRICES = hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=4)


def diagonal(draw: Draw) -> Case:
    return (draw(arrays(NUMERIC, MATRICES)),), some(draw, offset=st.integers(-4, 4))


@st.composite
def invertible(draw: Draw, dtypes: tuple[str, ...] = FLOAT, hermitian: bool = False) -> Any:
    """Square matrices that are far from singular."""
    n = draw(st.integers(1, 4))
    batch = draw(st.sampled_from([(), (1,), (2,), (2, 1)]))
    x = draw(arrays(dtypes, (*batch, n, n), -1, 1))
    if hermitian:
        x = (x + np.conj(np.swapaxes(x, -1, -2))) / 2
    # Of a dominant diagonal with distinct entries.
    return (x + np.diag(np.arange(1, n + 1) * 2 * n)).astype(x.dtype)


def square_matrix(**options: Any) -> Callable[[Draw], Case]:
    return lambda draw: ((draw(invertible(**options)),), {})


def solve(draw: Draw) -> Case:
    x = draw(invertible())
    n = x.shape[-1]
    if draw(st.booleans()):
        return (x, draw(arrays(FLOAT, (n,)))), {}
    return (x, draw(arrays(FLOAT, (*x.shape[:-2], n, draw(st.integers(1, 3)))))), {}


def matrix_norm(draw: Draw) -> Case:
    orders = ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf]
    x = draw(arrays(INEXACT, MATRICES))
    return (x,), some(draw, keepdims=st.booleans(), ord=st.sampled_from(orders))


def vector_norm(draw: Draw) -> Case:
    x = draw(arrays(INEXACT, FULL_SHAPES))
    orders = [0, 1, 2, 3, 0.5, math.inf, -math.inf]
    return (x,), some(
        draw, axis=axes_of(x.ndim), keepdims=st.booleans(), ord=st.sampled_from(orders)
    )


def matrix_power(draw: Draw) -> Case:
    return (draw(invertible()), draw(st.integers(-2, 4))), {}


def matrix_rank(draw: Draw) -> Case:
    return (draw(arrays(FLOAT, MATRICES, 0, 1)),), some(draw, rtol=st.sampled_from([0.1, 1e-4]))


def pinv(draw: Draw) -> Case:
    return (draw(invertible()),), some(draw, rtol=st.sampled_from([1e-4]))


def fourier(dtypes: tuple[str, ...], *, half: bool = False) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=2 if half else 1, max_side=5)
        x = draw(arrays(dtypes, shapes))
        norms = st.sampled_from(["backward", "ortho", "forward"])
        return (x,), some(draw, n=st.none() | st.integers(1, 7), axis=axis_of(x.ndim), norm=norms)

    return case


def fourier_axes(dtypes: tuple[str, ...], *, half: bool = False) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=2 if half else 1, max_side=4)
        x = draw(arrays(dtypes, shapes))
        axes = draw(st.permutations(range(x.ndim)))[: draw(st.integers(1, x.ndim))]
        keywords = some(draw, norm=st.sampled_from(["backward", "ortho", "forward"]))
        if draw(st.booleans()):
            keywords["axes"] = tuple(axes)
            if draw(st.booleans()):
                keywords["s"] = tuple(draw(st.integers(1, 6)) for _ in axes)
        return (x,), keywords

    return case


def frequencies(draw: Draw) -> Case:
    keywords = some(draw, d=st.sampled_from([0.5, 2.0, 0.3]), dtype=st.sampled_from(["float32"]))
    return (draw(st.integers(1, 9)),), keywords


def shifted(draw: Draw) -> Case:
    x = draw(arrays(INEXACT, WITH_AXIS))
    return (x,), some(draw, axes=axes_of(x.ndim))


CASES: dict[str, Callable[[Draw], Case]] = {
    **{name: unary(NUMERIC) for name in "abs negative positive sign square".split()},
    **{name: unary(REAL) for name in "ceil floor round trunc".split()},
    "round": unary(NUMERIC),
    **{name: unary(NUMERIC) for name in "isfinite isinf isnan".split()},
    **{name: unary(INEXACT, -4, 4) for name in "cos sin tan exp expm1 sinh cosh tanh".split()},
    **{name: unary(INEXACT, 0.25, 4) for name in "log log10 log1p log2 sqrt reciprocal".split()},
    **{name: unary(INEXACT, -0.75, 0.75) for name in "acos asin atan atanh".split()},
    "asinh": unary(INEXACT, -4, 4),
    "acosh": unary(INEXACT, 1.25, 4),
    "conj": unary(COMPLEX),
    "real": unary(NUMERIC),
    "imag": unary(COMPLEX),
    "signbit": unary(FLOAT),
    "bitwise_invert": unary(BOOL + INTEGERS),
    "logical_not": unary(BOOL),
    **{name: binary(NUMERIC) for name in "add multiply subtract equal not_equal".split()},
    "subtract": binary(SIGNED + INEXACT),
    "divide": binary(INEXACT, nonzero=True),
    **{
        name: binary(REAL)
        for name in "greater greater_equal less less_equal maximum minimum".split()
    },
    **{name: binary(REAL, nonzero=True) for name in "floor_divide remainder".split()},
    "pow": binary(REAL, 0, 2, second=(0, 3)),
    **{name: binary(FLOAT) for name in "atan2 copysign hypot logaddexp nextafter".split()},
    **{name: binary(BOOL + INTEGERS) for name in "bitwise_and bitwise_or bitwise_xor".split()},
    **{
        name: binary(INTEGERS, 0, 8, second=(0, 3))
        for name in "bitwise_left_shift bitwise_right_shift".split()
    },
    **{name: binary(BOOL) for name in "logical_and logical_or logical_xor".split()},
    "clip": clip,
    **{name: reduction(ANY) for name in "all any".split()},
    "count_nonzero": reduction(ANY),
    **dict.fromkeys("sum prod".split(), accumulated),
    **{name: reduction(REAL, shapes=FULL_SHAPES) for name in "max min".split()},
    "mean": reduction(INEXACT, shapes=FULL_SHAPES),
    **dict.fromkeys("std var".split(), spread),
    **dict.fromkeys("cumulative_sum cumulative_prod".split(), scan),
    "diff": diff,
    **dict.fromkeys("argmax argmin".split(), extremum),
    **dict.fromkeys("sort argsort".split(), sorting),
    "searchsorted": searchsorted,
    "nonzero": lambda draw: ((draw(arrays(ANY, WITH_AXIS)),), {}),
    "where": where,
    "isin": isin,
    **{
        name: unary(REAL)
        for name in "unique_all unique_counts unique_inverse unique_values".split()
    },
    "broadcast_arrays": broadcast_arrays,
    "broadcast_shapes": broadcast_shapes,
    "broadcast_to": broadcast_to,
    "concat": concat,
    "expand_dims": expand_dims,
    "flip": lambda draw: (
        (x := draw(arrays(ANY)),),
        some(draw, axis=axes_of(x.ndim)),
    ),
    "moveaxis": moveaxis,
    "permute_dims": permute_dims,
    "repeat": repeat,
    "reshape": reshape,
    "roll": roll,
    "squeeze": squeeze,
    "stack": stack,
    "tile": tile,
    "unstack": along_axis(ANY),
    "take": take,
    "take_along_axis": take_along_axis,
    "arange": arange,
    "asarray": asarray,
    "astype": astype,
    "eye": eye,
    "full": full,
    "full_like": full_like,
    "linspace": linspace,
    "meshgrid": meshgrid,
    **dict.fromkeys("ones zeros".split(), filled),
    **dict.fromkeys("ones_like zeros_like".split(), like),
    **dict.fromkeys("tril triu".split(), triangle),
    **{f"{home}matmul": matmul for home in ("", "linalg.")},
    **{f"{home}tensordot": tensordot for home in ("", "linalg.")},
    **{f"{home}vecdot": vecdot for home in ("", "linalg.")},
    **{
        f"{home}matrix_transpose": lambda draw: ((draw(arrays(ANY, MATRICES)),), {})
        for home in ("", "linalg.")
    },
    "linalg.cross": cross,
    "linalg.outer": outer,
    "linalg.diagonal": diagonal,
    "linalg.trace": diagonal,
    "linalg.cholesky": lambda draw: (
        (draw(invertible(hermitian=True)),),
        some(draw, upper=st.booleans()),
    ),
    "linalg.det": square_matrix(),
    "linalg.eigvalsh": square_matrix(hermitian=True),
    "linalg.inv": square_matrix(),
    "linalg.slogdet": square_matrix(),
    "linalg.svdvals": lambda draw: ((draw(arrays(FLOAT, MATRICES)),), {}),
    "linalg.solve": solve,
    "linalg.matrix_norm": matrix_norm,
    "linalg.matrix_power": matrix_power,
    "linalg.matrix_rank": matrix_rank,
    "linalg.pinv": pinv,
    "linalg.vector_norm": vector_norm,
    **{f"fft.{name}": fourier(COMPLEX) for name in "fft ifft".split()},
    **{f"fft.{name}": fourier(COMPLEX, half=True) for name in "irfft hfft".split()},
    **{f"fft.{name}": fourier(FLOAT) for name in "rfft ihfft".split()},
    **{f"fft.{name}": fourier_axes(COMPLEX) for name in "fftn ifftn".split()},
    "fft.rfftn": fourier_axes(FLOAT),
    "fft.irfftn": fourier_axes(COMPLEX, half=True),
    **{f"fft.{name}": frequencies for name in "fftfreq rfftfreq".split()},
    **{f"fft.{name}": shifted for name in "fftshift ifftshift".split()},
}

# Functions that the standard gives results for at NaN, infinities and zeros.
SPECIAL_UNARY = (
    "abs acos acosh asin asinh atan atanh ceil cos cosh exp expm1 floor isfinite isinf isnan "
    "log log10 log1p log2 negative positive reciprocal round sign signbit sin sinh sqrt square "
    "tan tanh trunc".split()
)
SPECIAL_BINARY = (
    "add atan2 copysign divide equal floor_divide greater greater_equal hypot less less_equal "
    "logaddexp maximum minimum multiply nextafter not_equal pow remainder subtract".split()
)


def special_values() -> np.ndarray:
    """Zeros, ones and infinities of both signs, NaN, and finite numbers between and beyond."""
    positive = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 100.0, 2.0**24 + 2, math.pi / 2, math.inf]
    return np.array([*positive, *(-x for x in positive), math.nan], np.float32)
