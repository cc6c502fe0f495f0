"""Reductions and running reductions against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mlx_core_py import testing
from strategies import (
    INTEGERS,
    SHAPES_WITH_EMPTY,
    assert_close,
    assert_equal,
    floats,
    integers,
    quick,
    with_axes,
    with_axis,
)


def log_sum_exp(x: np.ndarray, **settings: Any) -> np.ndarray:
    """The oracle of `logsumexp`, fit for small numbers."""
    result: np.ndarray = np.log(np.sum(np.exp(x), **settings))
    return result


REDUCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "all": np.all,
    "any": np.any,
    "logsumexp": log_sum_exp,
    "max": np.max,
    "mean": np.mean,
    "median": np.median,
    "min": np.min,
    "prod": np.prod,
    "std": np.std,
    "sum": np.sum,
    "var": np.var,
}
RUNNING: dict[str, Callable[..., np.ndarray]] = {
    "cummax": np.maximum.accumulate,
    "cummin": np.minimum.accumulate,
    "cumprod": np.multiply.accumulate,
    "cumsum": np.add.accumulate,
    "logcumsumexp": np.logaddexp.accumulate,
}


@pytest.mark.parametrize("name", REDUCTIONS)
@quick
# So small that no product of all elements is infinite.
@given(case=with_axes(floats(low=-1.1, high=1.1)), keepdims=st.booleans())
def test_reductions(name: str, case: tuple[np.ndarray, Any], keepdims: bool) -> None:
    x, axis = case
    want = REDUCTIONS[name](x.astype(np.float64), axis=axis, keepdims=keepdims)
    got = getattr(mx, name)(mx.array(x), axis=axis, keepdims=keepdims)
    assert_close(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in REDUCTIONS if name != "median"])
@quick
@given(case=with_axes(floats(hnp.array_shapes(min_dims=2, max_dims=2))))
def test_methods_are_the_functions(name: str, case: tuple[np.ndarray, Any]) -> None:
    x, axis = mx.array(case[0]), case[1]
    assert mx.array_equal(getattr(x, name)(axis), getattr(mx, name)(x, axis), equal_nan=True).item()


@pytest.mark.parametrize("name", ["sum", "prod", "any", "all"])
@quick
@given(x=floats(SHAPES_WITH_EMPTY), data=st.data())
def test_reductions_of_nothing(name: str, x: np.ndarray, data: st.DataObject) -> None:
    axis = data.draw(testing.axes(x.ndim, several=True)) if x.ndim else None
    want = REDUCTIONS[name](x.astype(np.float64), axis=axis)
    assert_close(getattr(mx, name)(mx.array(x), axis), want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["min", "max", "minmax", "argmin", "argmax"])
def test_nothing_has_no_extreme(name: str) -> None:
    with pytest.raises(ValueError):
        mx.eval(getattr(mx, name)(mx.zeros((0,))))


@pytest.mark.parametrize("dtype", INTEGERS)
@quick
@given(data=st.data())
def test_integers_are_summed_exactly(dtype: str, data: st.DataObject) -> None:
    x = data.draw(integers((4, 5), 0, 120, dtype))
    assert_equal(mx.sum(mx.array(x), axis=1), x.sum(axis=1))
    assert_equal(mx.max(mx.array(x), axis=0), x.max(axis=0))
    assert_equal(mx.min(mx.array(x)), x.min())


@quick
@given(case=with_axes(integers(low=-2, high=2)), keepdims=st.booleans())
def test_count_nonzero_and_minmax(case: tuple[np.ndarray, Any], keepdims: bool) -> None:
    x, axis = case
    a = mx.array(x)
    want = np.count_nonzero(x, axis=axis, keepdims=keepdims)
    assert_equal(mx.count_nonzero(a, axis=axis, keepdims=keepdims), want)
    low, high = mx.minmax(a, axis, keepdims)
    assert_equal(low, x.min(axis=axis, keepdims=keepdims))
    assert_equal(high, x.max(axis=axis, keepdims=keepdims))


@quick
@given(x=floats(hnp.array_shapes(min_dims=1, max_dims=3, min_side=3)), ddof=st.integers(0, 2))
def test_degrees_of_freedom(x: np.ndarray, ddof: int) -> None:
    want = np.var(x.astype(np.float64), axis=0, ddof=ddof)
    assert_close(mx.var(mx.array(x), 0, ddof=ddof), want, rtol=1e-4, atol=1e-4)
    assert_close(mx.array(x).var(0, correction=ddof), want, rtol=1e-4, atol=1e-4)
    assert_close(mx.std(mx.array(x), 0, ddof=ddof), np.sqrt(want), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", ["argmin", "argmax"])
@quick
@given(case=with_axis(integers(low=-3, high=3)), keepdims=st.booleans())
def test_positions_of_extremes(name: str, case: tuple[np.ndarray, int], keepdims: bool) -> None:
    x, axis = case
    oracle = getattr(np, name)
    got = getattr(mx, name)(mx.array(x), axis=axis, keepdims=keepdims)
    assert got.dtype == mx.uint32
    assert_equal(got, oracle(x, axis=axis, keepdims=keepdims))
    assert getattr(mx.array(x), name)().item() == oracle(x)


def test_nan_wins_over_numbers() -> None:
    x = mx.array([1.0, mx.nan, 3.0])
    assert mx.isnan(mx.stack([mx.max(x), mx.min(x), mx.sum(x)])).all().item()


def test_logsumexp_does_not_overflow() -> None:
    assert_close(mx.logsumexp(mx.array([1e4, 1e4])), 1e4 + np.log(2))
    assert mx.logsumexp(mx.array([-mx.inf, -mx.inf])).item() == -np.inf


@pytest.mark.parametrize("precise", [False, True])
@quick
@given(case=with_axes(floats()))
def test_softmax(precise: bool, case: tuple[np.ndarray, Any]) -> None:
    x, axis = case
    e = np.exp(x.astype(np.float64))
    want = e / e.sum(axis=axis, keepdims=True)
    assert_close(mx.softmax(mx.array(x), axis=axis, precise=precise), want)


@pytest.mark.parametrize("name", RUNNING)
@quick
@given(case=with_axis(floats(low=-1, high=1)), reverse=st.booleans())
def test_running(name: str, case: tuple[np.ndarray, int], reverse: bool) -> None:
    x, axis = case
    wide = x.astype(np.float64)
    want = (
        np.flip(RUNNING[name](np.flip(wide, axis), axis=axis), axis)
        if reverse
        else (RUNNING[name](wide, axis=axis))
    )
    got = getattr(mx, name)(mx.array(x), axis=axis, reverse=reverse)
    assert_close(got, want, rtol=1e-4, atol=1e-4)
    assert_close(getattr(mx.array(x), name)(), RUNNING[name](wide.ravel()), rtol=1e-4, atol=1e-4)


@quick
@given(case=with_axis(integers()))
def test_running_sum_without_the_element_itself(case: tuple[np.ndarray, int]) -> None:
    x, axis = case
    want = np.cumsum(x, axis=axis) - x
    assert_equal(mx.cumsum(mx.array(x), axis, inclusive=False), want)


def test_running_sum_in_another_type() -> None:
    got = mx.cumsum(mx.array([200, 100], mx.uint8), dtype=mx.int32)
    assert got.dtype == mx.int32
    assert_equal(got, [200, 300])


@quick
@given(case=with_axis(integers()), n=st.integers(0, 3))
def test_diff(case: tuple[np.ndarray, int], n: int) -> None:
    x, axis = case
    assert_equal(mx.diff(mx.array(x), n=n, axis=axis), np.diff(x, n=n, axis=axis))


@pytest.mark.parametrize("name", [*REDUCTIONS, "count_nonzero", "softmax", "argmax", "cumsum"])
@pytest.mark.parametrize("axis", [2, -3])
def test_axes_out_of_bounds(name: str, axis: int) -> None:
    with pytest.raises(IndexError):
        getattr(mx, name)(mx.zeros((2, 3)), axis=axis)


def test_repeated_axes() -> None:
    with pytest.raises(ValueError):
        mx.sum(mx.zeros((2, 3)), axis=(0, 0))


@pytest.mark.parametrize("axis", ["0", 1.5, [0.5]])
def test_axes_that_are_no_integers(axis: Any) -> None:
    with pytest.raises(TypeError):
        mx.sum(mx.zeros((2, 3)), axis=axis)
