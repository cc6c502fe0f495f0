"""Elements taken from and put to places, against NumPy, at each level the machine can run."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from cpu_arrays import INTEGERS, TYPES, Values, both, layouts, numpy, random_values, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, memory, ops, transforms

pytestmark = at_every_level

SHAPES = [(5,), (3, 70), (4, 1, 33), (7, 300), (2, 3, 5, 4)]
# What NumPy does for the methods of `array.at`.
UPDATES = {
    "add": np.add,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
}

index_types = st.sampled_from(INTEGERS)
all_types = st.sampled_from([*TYPES, "complex64"])


def values_of(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Values:
    if dtype == "complex64":
        return (rng.integers(-4, 5, shape) + 1j * rng.integers(-4, 5, shape)).astype(dtype)
    if dtype in ("bool_", *INTEGERS):
        return random_values(rng, shape, dtype)
    # Few and small numbers, whose sums and products are exact.
    return rng.choice([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0], shape)


def indices_of(
    rng: np.random.Generator, size: int, shape: tuple[int, ...], dtype: str
) -> tuple[Values, Values]:
    """Indices from both ends, as NumPy takes them and in the type."""
    low = -size if dtype.startswith("int") else 0
    limits = np.iinfo(dtype)
    where = rng.integers(max(low, limits.min), min(size, limits.max), shape)
    return where, where.astype(dtype)


def expected_of(values: Values, dtype: str) -> Values:
    if dtype == "bool_":
        return values.astype(bool)
    if dtype in ("float16", "bfloat16"):
        return values.astype(np.float32)
    return values.astype(dtype)


@pytest.mark.parametrize(("size", "dtype"), [(1000, "float32"), (1002, "float32"), (4003, "int8")])
def test_take_of_many_rows(size: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-100, 100, (500, size)).astype(dtype)
    # More than is kept in caches, in rows that begin at multiples of 8 bytes and elsewhere.
    where = rng.integers(-500, 500, 3001).astype(np.int32)
    np.testing.assert_array_equal(np.array(ops.take(array(values), array(where), 0)), values[where])


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=seeds, shape=st.sampled_from(SHAPES), dtype=all_types)
def test_take_along_axis(data: Any, seed: int, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(seed)
    axis = data.draw(st.integers(0, len(shape) - 1))
    count = data.draw(st.sampled_from([0, 1, 3, 600]))
    x = values_of(rng, shape, dtype)
    where = (*shape[:axis], count, *shape[axis + 1 :])
    index, typed = indices_of(rng, shape[axis], where, data.draw(index_types))
    ours = lay_out(x, data.draw(layouts), dtype)
    at = lay_out(typed, data.draw(layouts), str(typed.dtype))
    result = ops.take_along_axis(ours, at, axis)
    index = np.array(at).astype(np.int64)
    expected = np.take_along_axis(numpy(ours), index, axis)
    np.testing.assert_array_equal(numpy(result), expected)


def lay_out(values: Values, layout: str, dtype: str) -> Any:
    if dtype == "complex64":
        return array(values)
    return both(values, layout, dtype)[0]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=seeds, shape=st.sampled_from(SHAPES), dtype=all_types)
def test_put_along_axis(data: Any, seed: int, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(seed)
    axis = data.draw(st.integers(0, len(shape) - 1))
    where = (*shape[:axis], data.draw(st.sampled_from([0, 1, 3, 600])), *shape[axis + 1 :])
    index, typed = indices_of(rng, shape[axis], where, data.draw(index_types))
    x = lay_out(values_of(rng, shape, dtype), data.draw(layouts), dtype)
    updates = lay_out(values_of(rng, where, dtype), data.draw(layouts), dtype)
    expected = numpy(x).copy()
    # Of several updates of one element, the last one counts.
    np.put_along_axis(expected, index, numpy(updates), axis)
    result = ops.put_along_axis(x, array(typed), updates, axis)
    np.testing.assert_array_equal(numpy(result), expected)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), seed=seeds, shape=st.sampled_from(SHAPES))
def test_gradient_of_take_along_axis(data: Any, seed: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    dtype = data.draw(st.sampled_from(["float16", "bfloat16", "float32", "float64"]))
    axis = data.draw(st.integers(0, len(shape) - 1))
    # So few that sums are exact in the type: MLX rounds after each addition.
    counts = [1, 3, 600 if dtype in ("float32", "float64") else 30]
    where = (*shape[:axis], data.draw(st.sampled_from(counts)), *shape[axis + 1 :])
    index, typed = indices_of(rng, shape[axis], where, "int32")
    x = lay_out(values_of(rng, shape, dtype), data.draw(layouts), dtype)
    weights = lay_out(values_of(rng, where, dtype), data.draw(layouts), dtype)
    at = array(typed)
    _, (gradient,) = transforms.vjp(lambda x: [ops.take_along_axis(x[0], at, axis)], [x], [weights])
    expected = np.zeros(shape)
    places = list(np.indices(where))
    places[axis] = index
    np.add.at(expected, tuple(places), numpy(weights))
    np.testing.assert_array_equal(numpy(gradient), numpy(lay_out(expected, "plain", dtype)))


@settings(max_examples=300, deadline=None)
@given(data=st.data(), seed=seeds, shape=st.sampled_from(SHAPES), dtype=all_types)
def test_scatter(data: Any, seed: int, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(seed)
    names = ["assign", *UPDATES] if dtype != "complex64" else ["assign", "add", "multiply"]
    name = data.draw(st.sampled_from(names))
    count = data.draw(st.sampled_from([(), (1,), (4,), (3, 2), (50,)]))
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1, max_size=2))
    integer = data.draw(index_types)
    where: list[Any] = [slice(None)] * len(shape)
    at: list[Any] = [slice(None)] * len(shape)
    for axis in axes:
        where[axis], typed = indices_of(rng, shape[axis], count, integer)
        at[axis] = array(typed)
    x = lay_out(values_of(rng, shape, dtype), data.draw(layouts), dtype)
    expected = numpy(x).copy()
    inside = expected[tuple(where)].shape
    updates = lay_out(values_of(rng, inside, dtype), data.draw(layouts), dtype)
    # Products of more than a few factors are not exact.
    if name == "multiply" and dtype not in (*INTEGERS, "bool_"):
        updates = lay_out(np.full(inside, -1.0), "plain", dtype)
    if data.draw(st.booleans(), "computed"):
        transforms.eval([x, updates])
    if name == "assign":
        expected[tuple(where)] = numpy(updates)
        ours = x[...]
        ours[tuple(at)] = updates
    else:
        UPDATES[name].at(expected, tuple(where), numpy(updates))
        ours = getattr(x.at[tuple(at)], name)(updates)
    np.testing.assert_array_equal(numpy(ours), numpy(lay_out(expected, "plain", dtype)))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=seeds, shape=st.sampled_from(SHAPES), dtype=all_types)
def test_slices_combined(data: Any, seed: int, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(seed)
    name = data.draw(st.sampled_from(list(UPDATES)[: 2 if dtype == "complex64" else None]))
    where = tuple(
        slice(
            data.draw(st.none() | st.integers(-size, size)),
            data.draw(st.none() | st.integers(-size, size)),
            data.draw(st.sampled_from([1, 1, 2, -1, -3])),
        )
        for size in shape
    )
    x = lay_out(values_of(rng, shape, dtype), data.draw(layouts), dtype)
    expected = numpy(x).copy()
    updates = lay_out(values_of(rng, expected[where].shape, dtype), data.draw(layouts), dtype)
    expected[where] = UPDATES[name](expected[where], numpy(updates))
    result = getattr(x.at[where], name)(updates)
    np.testing.assert_array_equal(numpy(result), numpy(lay_out(expected, "plain", dtype)))


@st.composite
def dynamic_slices(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[list[int], list[int], Values]:
    """Axes in any order, the size of a slice, and a start for each axis in a type that holds it."""
    axes = draw(st.permutations(range(len(shape))))[: draw(st.integers(0, len(shape)))]
    sizes = [draw(st.integers(0, size)) for size in shape]
    dtype = draw(index_types)
    most = int(np.iinfo(dtype).max)
    starts = [draw(st.integers(0, min(shape[axis] - sizes[axis], most))) for axis in axes]
    return axes, sizes, np.array(starts, dtype)


def numpy_slice(axes: list[int], sizes: list[int], start: Values) -> tuple[slice, ...]:
    begins = [0] * len(sizes)
    for axis, begin in zip(axes, start, strict=True):
        begins[axis] = int(begin)
    return tuple(slice(begin, begin + size) for begin, size in zip(begins, sizes, strict=True))


index_layouts = st.sampled_from(["plain", "strided", "reversed"])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), seed=seeds, shape=st.sampled_from(SHAPES), dtype=all_types)
def test_dynamic_slice(data: Any, seed: int, shape: tuple[int, ...], dtype: str) -> None:
    x = lay_out(values_of(np.random.default_rng(seed), shape, dtype), data.draw(layouts), dtype)
    axes, sizes, start = data.draw(dynamic_slices(shape))
    at = lay_out(start, data.draw(index_layouts), str(start.dtype))
    if data.draw(st.booleans(), "computed"):
        transforms.eval([x, at])
    result = ops.slice(x, at, axes, sizes)
    assert result.shape == tuple(sizes)
    np.testing.assert_array_equal(numpy(result), numpy(x)[numpy_slice(axes, sizes, start)])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), seed=seeds, shape=st.sampled_from(SHAPES), dtype=all_types)
def test_dynamic_slice_update(data: Any, seed: int, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(seed)
    x = lay_out(values_of(rng, shape, dtype), data.draw(layouts), dtype)
    axes, sizes, start = data.draw(dynamic_slices(shape))
    at = lay_out(start, data.draw(index_layouts), str(start.dtype))
    update = lay_out(values_of(rng, tuple(sizes), dtype), data.draw(layouts), dtype)
    before, kept = numpy(x).copy(), x
    expected = before.copy()
    expected[numpy_slice(axes, sizes, start)] = numpy(update)
    if data.draw(st.booleans(), "computed"):
        transforms.eval([x, at, update])
    shared = data.draw(st.booleans(), "shared")
    if not shared:
        # Of what is only in the graph, the buffer may be used again.
        x, kept = x * 1 if dtype != "bool_" else x | False, None
    np.testing.assert_array_equal(numpy(ops.slice_update(x, update, at, axes)), expected)
    if shared:
        np.testing.assert_array_equal(numpy(kept), before)


def test_dynamic_updates_one_after_another() -> None:
    a = ops.zeros((1 << 22,))
    transforms.eval([a])
    for i in range(20):
        a = ops.slice_update(a, ops.ones((2,)), array([3]) * i, (0,))
        transforms.async_eval([a])
    assert a[:8].tolist() == [1, 1, 0, 1, 1, 0, 1, 1]
    assert ops.sum(a).item() == 40


@ours_only
def test_dynamic_updates_of_one_evaluation_stay_in_place() -> None:
    """A cache grows in its buffer, also while the tasks that write to it have not run yet."""
    a = ops.zeros((1 << 22,))
    transforms.eval([a])
    memory.reset_peak_memory()
    before = memory.get_active_memory()
    for i in range(20):
        a = ops.slice_update(a, ops.ones((1,)), array([i]), (0,))
    transforms.async_eval([a])
    transforms.eval([a])
    assert memory.get_peak_memory() - before < a.nbytes / 2
    assert ops.sum(a).item() == 20


@pytest.mark.parametrize("dtype", INTEGERS)
def test_starts_out_of_range(dtype: str) -> None:
    x = ops.zeros((4, 300))
    wrong = [(4, 0), (3, 120)] + ([(-1, 0), (0, -1)] if dtype.startswith("int") else [])
    for start, sizes in itertools.product(wrong, [(1, 200), (1, 181), (0, 181)]):
        inside = 0 <= start[0] <= 4 - sizes[0] and 0 <= start[1] <= 300 - sizes[1]
        if inside:
            continue
        at = array(np.array(start, dtype))
        for result in (
            ops.slice(x, at, (0, 1), sizes),
            ops.slice_update(x, ops.ones(sizes), at, (0, 1)),
            # Known only when it is evaluated.
            ops.slice(x, ops.maximum(at, at), (0, 1), sizes),
        ):
            with pytest.raises(IndexError, match=r"^\[slice.*out of range for axis"):
                transforms.eval([result])
    transforms.eval([ops.slice(x, array(np.array([4, 100], dtype)), (0, 1), (0, 200))])


def test_dynamic_slices_that_functions_for_all_shapes_meet() -> None:
    """Only the shapes that a function is recorded with are checked when a node is made."""
    take = transforms.compile(lambda x: [ops.slice(x[0], x[1], (0,), (1, 8))], True)
    put = transforms.compile(lambda x: [ops.slice_update(x[0], x[1], x[2], (0,))], True)
    x, update, start = ops.zeros((4, 8)), ops.ones((1, 8)), array([3])
    transforms.eval([*take([x, start]), *put([x, update, start])])
    for shape in [(4, 2), (0, 8), (4, 7)]:
        narrow = ops.zeros(shape)
        for function, inputs in ((take, [narrow, start]), (put, [narrow, update, start])):
            with pytest.raises(ValueError, match="does not fit into an array of shape"):
                function(inputs)
    assert put([ops.zeros((5, 9)), update, start])[0][3].tolist() == [1] * 8 + [0]


def test_large_updates_are_made_in_order() -> None:
    rng = np.random.default_rng(0)
    index = rng.integers(-1000, 1000, 5000)
    updates = rng.normal(size=(5000, 48)).astype(np.float32)
    expected = np.zeros((1000, 48), np.float32)
    np.add.at(expected, index, updates)
    x = ops.zeros((1000, 48))
    for _ in range(3):
        result = x.at[array(index)].add(array(updates))
        np.testing.assert_array_equal(np.array(result), expected)
    single = np.zeros(1000, np.float32)
    np.add.at(single, np.repeat(index, 48), updates.reshape(-1))
    result = ops.zeros((1000,)).at[array(np.repeat(index, 48))].add(array(updates.reshape(-1)))
    np.testing.assert_array_equal(np.array(result), single)
    expected[index] = updates
    x[array(index)] = array(updates)
    assert np.isin(np.array(x)[np.unique(index)], updates).all()
    np.testing.assert_array_equal(np.array(x)[index[-1]], updates[-1])


def test_large_rows_share_no_column() -> None:
    rng = np.random.default_rng(0)
    for shape, axis in [((40, 3000), 0), ((3000, 40), 1), ((3, 500, 40), 1)]:
        x = rng.normal(size=shape).astype(np.float32)
        index = np.argsort(rng.random(shape), axis)
        result = ops.put_along_axis(ops.zeros(shape), array(index), array(x), axis)
        expected = np.zeros_like(x)
        np.put_along_axis(expected, index, x, axis)
        np.testing.assert_array_equal(np.array(result), expected)
        back = ops.take_along_axis(result, array(index), axis)
        np.testing.assert_array_equal(np.array(back), x)


@ours_only
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_rounded_once(dtype: str) -> None:
    ones = ops.ones((3008,), getattr(mx, dtype))
    at = ops.zeros((3008,), mx.int32)
    assert ops.zeros((5,), ones.dtype).at[at].add(ones)[0].item() == 3008
    _, (gradient,) = transforms.vjp(
        lambda x: [ops.take_along_axis(x[0], at, 0)], [ops.zeros((5,), ones.dtype)], [ones]
    )
    assert gradient[0].item() == 3008


@ours_only
def test_nan_wins_in_extremes() -> None:
    for name in ("maximum", "minimum"):
        x = array([np.nan, 1.0]).at[array([0, 1])]
        assert np.isnan(np.array(getattr(x, name)(array([1.0, np.nan])))).all()


def test_updates_leave_what_others_hold() -> None:
    x = ops.ones((4, 3)) + 1
    y = x.at[array([1])].add(5)
    z = x.at[1:2].add(5)
    w = ops.put_along_axis(x, array([[0]] * 4), array([[0.0]] * 4), 1)
    transforms.eval([y, z, w])
    assert x.tolist() == [[2, 2, 2]] * 4
    assert y.tolist() == z.tolist() == [[2, 2, 2], [7, 7, 7], [2, 2, 2], [2, 2, 2]]
    assert w.tolist() == [[0, 2, 2]] * 4


@pytest.mark.parametrize("count", [1, 20_000])
def test_wrong_indices_of_large_arrays(count: int) -> None:
    index = np.zeros(count, np.int32)
    index[-1] = 7
    x = ops.zeros((7, 3))
    calls: list[Callable[[], array]] = [
        lambda: x[array(index)],
        lambda: x.at[array(index)].add(1),
        lambda: ops.take_along_axis(x, array(np.stack([index] * 3, 1)), 0),
        lambda: ops.put_along_axis(x, array(np.stack([index] * 3, 1)), ops.ones((count, 3)), 0),
        lambda: ops.take_along_axis(ops.zeros((0,)), array(index), 0),
    ]
    for call in calls:
        with pytest.raises(IndexError, match="out of range"):
            transforms.eval([call()])


@settings(max_examples=100, deadline=None)
@given(data=st.data(), seed=seeds, shape=st.sampled_from(SHAPES), dtype=all_types)
def test_pad(data: Any, seed: int, shape: tuple[int, ...], dtype: str) -> None:
    widths = [(data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))) for _ in shape]
    x = lay_out(values_of(np.random.default_rng(seed), shape, dtype), data.draw(layouts), dtype)
    expected = np.pad(numpy(x), widths, constant_values=1)
    np.testing.assert_array_equal(numpy(ops.pad(x, widths, constant_values=1)), expected)


@settings(max_examples=150, deadline=None)
@given(
    start=st.floats(-50, 50),
    step=st.floats(0.25, 20) | st.floats(-20, -0.25),
    count=st.sampled_from([0, 1, 7, 100]),
    dtype=st.sampled_from(["float16", "bfloat16", "float32", "float64"]),
)
@ours_only
def test_arange_of_floats(start: float, step: float, count: int, dtype: str) -> None:
    result = ops.arange(start, start + (count - 0.5) * step, step, getattr(mx, dtype))
    assert result.shape == (count,)
    exact = start + np.arange(count) * step
    expected = lay_out(exact.astype(np.float32 if dtype != "float64" else float), "plain", dtype)
    np.testing.assert_array_equal(numpy(result), numpy(expected))


@settings(max_examples=100, deadline=None)
@given(
    start=st.integers(-100, 100),
    step=st.integers(1, 9) | st.integers(-9, -1),
    count=st.integers(0, 12),
    dtype=index_types,
)
def test_arange_of_integers(start: int, step: int, count: int, dtype: str) -> None:
    start = abs(start) + 100 if dtype.startswith("u") else start
    result = ops.arange(start, start + count * step, step, getattr(mx, dtype))
    expected = (start + step * np.arange(count)).astype(dtype)
    np.testing.assert_array_equal(np.array(result), expected)


@ours_only
def test_large_ranges() -> None:
    np.testing.assert_array_equal(np.array(ops.arange(200_000)), np.arange(200_000))
    assert ops.arange(0, 3, 1e-5)[-1].item() == np.float32(299_999 * 1e-5)
    assert ops.arange(0, 200_000, 1, mx.bfloat16)[131_072].item() == 131_072


@settings(max_examples=60, deadline=None)
@given(shape=st.sampled_from(SHAPES), dtype=all_types, layout=layouts, seed=seeds)
def test_full(shape: tuple[int, ...], dtype: str, layout: str, seed: int) -> None:
    values = lay_out(values_of(np.random.default_rng(seed), shape[1:], dtype), layout, dtype)
    result = ops.full(shape, values)
    np.testing.assert_array_equal(numpy(result), np.broadcast_to(numpy(values), shape))
