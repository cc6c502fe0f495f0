"""Sorting, partitions and cumulative operations against stock MLX and NumPy."""

from __future__ import annotations

from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from cpu_arrays import (
    FLOATS,
    INTEGERS,
    TYPES,
    both,
    check_same,
    layouts,
    numpy,
    on_cpu,
    random_values,
    seeds,
    stock,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, ops

pytestmark = at_every_level

SHAPES = [(1,), (5,), (3, 70), (2, 1, 33), (0, 4), (7, 300), (1, 2000), (5, 6, 7)]
WIDE = ["float32", "float64"]

all_types = st.sampled_from(TYPES)
shapes = st.sampled_from(SHAPES)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), seed=seeds, shape=shapes, dtype=all_types, layout=layouts)
def test_sort(data: Any, seed: int, shape: tuple[int, ...], dtype: str, layout: str) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    values = random_values(np.random.default_rng(seed), shape, dtype)
    ours, theirs = both(values, layout, dtype)
    # Equal elements stay in their order, zeros of both signs and NaN among them.
    check_same(ops.argsort(ours, axis), on_cpu(stock.argsort, theirs, axis))
    check_same(ops.sort(ours, axis), on_cpu(stock.sort, theirs, axis))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=seeds, shape=shapes, dtype=all_types, layout=layouts)
def test_partition(data: Any, seed: int, shape: tuple[int, ...], dtype: str, layout: str) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    if shape[axis] == 0:
        return
    kth = data.draw(st.integers(0, shape[axis] - 1))
    values = random_values(np.random.default_rng(seed), shape, dtype)
    ours = both(values, layout, dtype)[0]
    expected = np.sort(numpy(ours), axis)
    places = np.moveaxis(np.array(ops.argpartition(ours, kth, axis)), axis, -1)
    np.testing.assert_array_equal(np.sort(places, -1), np.indices(places.shape)[-1])
    chosen = np.take_along_axis(np.moveaxis(numpy(ours), axis, -1), places.astype(np.int64), -1)
    for result in (np.moveaxis(numpy(ops.partition(ours, kth, axis)), axis, -1), chosen):
        rows = np.moveaxis(expected, axis, -1)
        np.testing.assert_array_equal(np.sort(result[..., :kth], -1), rows[..., :kth])
        np.testing.assert_array_equal(result[..., kth], rows[..., kth])
        np.testing.assert_array_equal(np.sort(result[..., kth:], -1), rows[..., kth:])


@pytest.mark.parametrize("dtype", ["int8", "int64", "float16", "float32"])
def test_long_rows(dtype: str) -> None:
    rng = np.random.default_rng(0)
    values = random_values(rng, (2, 200_000), dtype).astype(dtype)
    expected = np.argsort(values, -1, stable=True)
    np.testing.assert_array_equal(np.array(ops.argsort(array(values))), expected)
    np.testing.assert_array_equal(np.array(ops.sort(array(values))), np.sort(values, -1))
    largest = np.array(ops.topk(array(values), 10))
    np.testing.assert_array_equal(np.sort(largest, -1), np.sort(values, -1)[:, -10:])


@pytest.mark.parametrize("special", [[], [0.0, -0.0, 0.0], [np.nan, -np.inf, np.nan]])
@pytest.mark.parametrize("length", [48, 49, 3000])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_sort_keeps_bits(dtype: str, length: int, special: list[float]) -> None:
    # Zeros of both signs are equal, so they stay in their order.
    rng = np.random.default_rng(length)
    values = rng.standard_normal((2, length)).astype(dtype)
    values[1, rng.choice(length, len(special), replace=False)] = special
    result = np.array(ops.sort(array(values, getattr(mx, dtype))))
    assert result.tobytes() == np.sort(values, kind="stable").tobytes()


# The type of sums and products of small integers, as of `sum`; MLX's scans of them wrap around.
SUMS = {"uint8": "uint32", "uint16": "uint32", "int8": "int32", "int16": "int32"}
SCANS = {"cumsum": np.add, "cumprod": np.multiply, "cummax": np.maximum, "cummin": np.minimum}


@settings(max_examples=300, deadline=None)
@given(data=st.data(), seed=seeds, shape=shapes, layout=layouts, name=st.sampled_from(list(SCANS)))
def test_scan(data: Any, seed: int, shape: tuple[int, ...], layout: str, name: str) -> None:
    dtype = data.draw(st.sampled_from(["bool_", *INTEGERS, "float32", "float64"]))
    axis = data.draw(st.integers(0, len(shape) - 1))
    how = {"reverse": data.draw(st.booleans()), "inclusive": data.draw(st.booleans())}
    rng = np.random.default_rng(seed)
    values = random_values(rng, shape, dtype)
    if dtype in WIDE:
        # Of numbers whose sums and products are exact.
        values = rng.choice([-1.0, 0.0, 1.0, 2.0 if name != "cumprod" else -1.0], shape)
    ours, theirs = both(values, layout, dtype)
    result = getattr(ops, name)(ours, axis, **how)
    if name in ("cumsum", "cumprod") and dtype in SUMS:
        theirs = theirs.astype(getattr(stock, SUMS[dtype]))
    check_same(result, on_cpu(lambda a: getattr(stock, name)(a, axis, **how), theirs))


@ours_only  # MLX rounds halves after each step
@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=seeds, shape=shapes, layout=layouts, dtype=st.sampled_from(FLOATS))
def test_logcumsumexp(
    data: Any, seed: int, shape: tuple[int, ...], layout: str, dtype: str
) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    values = random_values(np.random.default_rng(seed), shape, dtype)
    values = np.where(np.isfinite(values) & (np.abs(values) < 100), values, -np.inf)
    ours = both(values, layout, dtype)[0]
    expected = np.logaddexp.accumulate(numpy(ours).astype(float), axis)
    tolerance = {"float16": 1e-3, "bfloat16": 8e-3, "float32": 1e-5}[dtype]
    result = numpy(ops.logcumsumexp(ours, axis)).astype(float)
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance)


@ours_only
def test_scans_with_nan_and_infinity() -> None:
    x = array([1.0, np.inf, 2.0, np.nan, 3.0])
    for name in ("cumsum", "cummax", "logcumsumexp"):
        result = np.array(getattr(ops, name)(x))
        np.testing.assert_array_equal(result[1:], [np.inf, np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(np.array(ops.cummin(x)), [1, 1, 1, np.nan, np.nan])
    nothing = ops.logcumsumexp(array([-np.inf, -np.inf, 0.0]))
    np.testing.assert_array_equal(np.array(nothing), [-np.inf, -np.inf, 0])


@ours_only
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sums_of_halves_are_rounded_once(dtype: str) -> None:
    x = ops.ones((3008, 2), getattr(mx, dtype))
    assert ops.cumsum(x, 0)[-1].tolist() == [3008, 3008]


def test_large_scans() -> None:
    x = np.random.default_rng(0).integers(-9, 9, (300, 700)).astype(np.int32)
    for axis in (0, 1):
        np.testing.assert_array_equal(np.array(ops.cumsum(array(x), axis)), np.cumsum(x, axis))
    flat = x.reshape(-1)
    np.testing.assert_array_equal(np.array(ops.cumsum(array(flat))), np.cumsum(flat))
    z = (x[:2] + 1j * x[2:4]).astype(np.complex64)
    np.testing.assert_array_equal(np.array(ops.cumsum(array(z), 1)), np.cumsum(z, 1))


@pytest.mark.parametrize("length", [1, 3, 50, 1024])
@pytest.mark.parametrize("rows", [4, 7, 8, 13])
def test_running_totals_of_rows_side_by_side(rows: int, length: int) -> None:
    values = np.random.default_rng(rows).standard_normal((rows, length)).astype(np.float32)
    values[:, 0] = -0.0
    values[0, -1] = np.inf
    # The same additions in the same order.
    expected = np.cumsum(values, 1)
    assert np.array(ops.cumsum(array(values), 1)).tobytes() == expected.tobytes()
