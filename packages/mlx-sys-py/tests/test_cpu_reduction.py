"""Reductions against NumPy and stock MLX, at each level the machine can run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cpu_arrays import (
    FLOATS,
    INTEGERS,
    PRECISION,
    TYPES,
    both,
    check_same,
    floats,
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

pytestmark = [at_every_level, ours_only]

SHAPES = [(1,), (7,), (300,), (3, 70), (70, 3), (2, 1, 33), (5, 6, 7), (40, 41), (2, 3, 4, 5)]
shapes = st.sampled_from([*SHAPES, (0, 4), (4, 0)])


def axes_of(data: Any, shape: tuple[int, ...]) -> list[int] | None:
    axes = st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True)
    return data.draw(st.none() | axes)  # type: ignore[no-any-return]


@settings(max_examples=300, deadline=None)
@given(
    data=st.data(),
    seed=seeds,
    shape=st.sampled_from(SHAPES),
    name=st.sampled_from(["min", "max", "all", "any"]),
    dtype=st.sampled_from(TYPES),
    layout=layouts,
)
def test_choice(
    data: Any, seed: int, shape: tuple[int, ...], name: str, dtype: str, layout: str
) -> None:
    axes = axes_of(data, shape)
    ours, theirs = both(random_values(np.random.default_rng(seed), shape, dtype), layout, dtype)
    result = on_cpu(lambda a: getattr(stock, name)(a, axis=axes), theirs)
    if name in ("min", "max"):
        # Which zero it is depends on the order.
        ours_result = getattr(ops, name)(ours, axes) + array(0, ours.dtype)
        check_same(ours_result, on_cpu(lambda: result + stock.array(0, dtype=result.dtype)))
    else:
        check_same(getattr(ops, name)(ours, axes), result)


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(),
    seed=seeds,
    shape=st.sampled_from(SHAPES),
    name=st.sampled_from(["sum", "prod"]),
    dtype=st.sampled_from(["bool_", *INTEGERS]),
    layout=layouts,
)
def test_sums_of_integers(
    data: Any, seed: int, shape: tuple[int, ...], name: str, dtype: str, layout: str
) -> None:
    axes = axes_of(data, shape)
    ours, theirs = both(random_values(np.random.default_rng(seed), shape, dtype), layout, dtype)
    expected = on_cpu(lambda a: getattr(stock, name)(a, axis=axes), theirs)
    check_same(getattr(ops, name)(ours, axes), expected)


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(),
    seed=seeds,
    shape=shapes,
    dtype=st.sampled_from([*FLOATS, "float64"]),
    layout=layouts,
)
def test_sums(data: Any, seed: int, shape: tuple[int, ...], dtype: str, layout: str) -> None:
    axes = axes_of(data, shape)
    x = both(np.random.default_rng(seed).normal(size=shape), layout, dtype)[0]
    values = numpy(x).astype(float)
    numpy_axes = None if axes is None else tuple(axes)
    magnitude = np.abs(values).sum(numpy_axes)
    # Half a unit of the type, and of each addition: there are at most so many in one chain.
    chain = 100
    unit = 2.0**-53 if dtype == "float64" else 2.0**-24
    bound = (PRECISION.get(dtype, 0) + chain * unit) * magnitude + 1e-30
    result = ops.sum(x, axes)
    assert result.dtype == x.dtype
    error = np.abs(numpy(result) - values.sum(numpy_axes))
    np.testing.assert_array_less(error, bound)
    # About 1, so that their product stays in range.
    y = both(1 + values / 1000, "plain", dtype)[0]
    np.testing.assert_allclose(
        numpy(ops.prod(y, axes)),
        numpy(y).astype(float).prod(numpy_axes),
        rtol=PRECISION.get(dtype, 0) + 1e-4,
    )


@pytest.mark.parametrize("layout", ["plain", "transposed", "strided", "row", "column"])
@pytest.mark.parametrize("shape", [(1000, 41), (41, 1000), (20, 30, 40)])
def test_long_sums_are_rounded_little(shape: tuple[int, ...], layout: str) -> None:
    # The same number time and again is rounded the same way each time.
    x = both(np.random.default_rng(0).normal(size=shape), layout, "float32")[0]
    values = numpy(x).astype(float)
    assert abs(ops.sum(x).item() - values.sum()) < 3e-7 * np.abs(values).sum()


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(),
    seed=seeds,
    shape=st.sampled_from(SHAPES),
    dtype=st.sampled_from(TYPES),
    layout=layouts,
    name=st.sampled_from(["argmin", "argmax"]),
)
def test_index(
    data: Any, seed: int, shape: tuple[int, ...], dtype: str, layout: str, name: str
) -> None:
    axis = data.draw(st.none() | st.integers(0, len(shape) - 1))
    ours, theirs = both(random_values(np.random.default_rng(seed), shape, dtype), layout, dtype)
    expected = on_cpu(lambda a: getattr(stock, name)(a, axis=axis), theirs)
    check_same(getattr(ops, name)(ours, axis), expected)


@pytest.mark.parametrize("dtype", TYPES)
def test_nothing(dtype: str) -> None:
    x = both(np.zeros((3, 0)), "plain", dtype)[0]
    for name, neutral in {"sum": 0, "prod": 1, "all": 1, "any": 0}.items():
        reduce = getattr(ops, name)
        np.testing.assert_array_equal(numpy(reduce(x, 1)), [neutral] * 3)
        assert numpy(reduce(x)) == neutral
        assert numpy(reduce(x, 0)).shape == (0,)


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@settings(max_examples=150, deadline=None)
@given(seed=seeds, shape=st.sampled_from(SHAPES), dtype=st.sampled_from(FLOATS), layout=layouts)
def test_rows(seed: int, shape: tuple[int, ...], dtype: str, layout: str) -> None:
    x = both(np.random.default_rng(seed).normal(0, 20, shape), layout, dtype)[0]
    values = numpy(x).astype(float)
    half = PRECISION[dtype]
    np.testing.assert_allclose(
        numpy(ops.softmax(x, -1)), softmax(values), rtol=half + 3e-6, atol=2.0**-24
    )
    expected = np.log(np.exp(values - values.max(-1, keepdims=True)).sum(-1)) + values.max(-1)
    np.testing.assert_allclose(numpy(ops.logsumexp(x, -1)), expected, rtol=half + 1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "row", [[np.nan, 1, 2], [np.inf, 1, 2], [-np.inf, 1, 2], [-np.inf, -np.inf, -np.inf]]
)
def test_rows_that_are_not_finite(row: list[float]) -> None:
    x = floats(row)
    for name in ("softmax", "logsumexp"):
        expected = on_cpu(lambda n=name: getattr(stock, n)(stock.array(x), axis=-1))
        np.testing.assert_allclose(
            numpy(getattr(ops, name)(array(x), -1)), numpy(expected), rtol=1e-6
        )


@pytest.mark.parametrize("shape", [(1 << 20,), (4, 300_000), (300_000, 4), (1000, 1100)])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("dtype", FLOATS)
def test_threads(shape: tuple[int, ...], axis: int | None, dtype: str) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    x = both(values, "plain", dtype)[0]
    exact = numpy(x).astype(float)
    result = numpy(ops.sum(x, axis))
    error = np.abs(result - exact.sum(axis))
    allowed = 2e-6 * np.sqrt(np.square(exact).sum(axis)) * 10 + PRECISION[dtype] * np.abs(result)
    np.testing.assert_array_less(error, allowed + 1e-30)
    np.testing.assert_array_equal(numpy(ops.sum(x, axis)), result)
    np.testing.assert_array_equal(numpy(ops.max(x, axis)), exact.max(axis))
    np.testing.assert_array_equal(numpy(ops.argmin(x, axis)), exact.argmin(axis))
