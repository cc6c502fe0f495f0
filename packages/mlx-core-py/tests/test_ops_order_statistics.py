"""Quantiles against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import normal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import assert_close, assert_equal, floats, integers, quick, with_axes

METHODS = (
    "inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen "
    "weibull linear median_unbiased normal_unbiased lower higher midpoint nearest"
).split()
POINTS = st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.7, 0.999, 1.0])


def shape_of(x: np.ndarray, axis: Any) -> Any:
    return tuple(range(x.ndim)) if axis == () else axis


@pytest.mark.parametrize("method", METHODS)
@quick
@given(
    case=with_axes(floats() | integers()),
    q=POINTS | st.lists(POINTS, max_size=3),
    keepdims=st.booleans(),
)
def test_quantile(method: Any, case: tuple[np.ndarray, Any], q: Any, keepdims: bool) -> None:
    x, axis = case
    if axis == ():
        return
    want = np.quantile(x.astype(np.float64), q, axis, method=method, keepdims=keepdims)
    got = mx.quantile(mx.array(x), q, axis, method=method, keepdims=keepdims)
    assert_close(got, want)
    percent = [100 * p for p in q] if isinstance(q, list) else 100 * q
    assert_close(mx.percentile(mx.array(x), percent, axis, method=method, keepdims=keepdims), want)
    # Without NaN, both are the same.
    assert_close(mx.nanquantile(mx.array(x), q, axis, method=method, keepdims=keepdims), want)


@pytest.mark.parametrize("method", METHODS)
@quick
@given(
    x=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=1, max_dims=2, max_side=9),
        elements=st.sampled_from([np.nan, -2.0, 0.0, 1.0, 3.5, 8.0]),
    ),
    q=POINTS,
)
@pytest.mark.filterwarnings("ignore:All-NaN")
def test_nanquantile(method: Any, x: np.ndarray, q: float) -> None:
    for axis in (None, -1):
        want = np.nanquantile(x.astype(np.float64), q, axis, method=method)
        assert_close(mx.nanquantile(mx.array(x), q, axis, method=method), want)
        assert_close(mx.nanpercentile(mx.array(x), 100 * q, axis, method=method), want)
        want = np.quantile(x.astype(np.float64), q, axis, method=method)
        assert_close(mx.quantile(mx.array(x), q, axis, method=method), want)
    assert_close(mx.nanmedian(mx.array(x), 0), np.nanmedian(x, 0))
    assert_close(mx.median(mx.array(x), 0), np.median(x, 0))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "uint8", "int64"])
def test_long_rows(dtype: str) -> None:
    a = mx.array(normal(2, 200_000) * 50).astype(getattr(mx, dtype))
    if dtype == "uint8":
        a = mx.array(np.abs(normal(2, 200_000) * 50).astype(np.uint8))
    q = [0.0, 0.01, 0.5, 0.5001, 0.99, 1.0]
    exact = np.array(a.astype(mx.float32)).astype(np.float64)
    assert_equal(
        mx.quantile(a, q, 1, method="lower").astype(mx.float32),
        np.quantile(exact, q, 1, method="lower"),
    )
    tolerance = {"float16": 2e-3, "bfloat16": 2e-2}.get(dtype, 1e-5)
    assert_close(mx.median(a, 1).astype(mx.float32), np.median(exact, 1), tolerance, tolerance)
    same = mx.zeros((200_000,), a.dtype)
    assert mx.median(same).item() == 0
    if mx.issubdtype(a.dtype, mx.floating):
        a[1, 77_777] = mx.nan
        got = mx.quantile(a, 0.5, 1)
        assert mx.isnan(got).tolist() == [False, True]
        want = np.nanmedian(np.where(np.arange(200_000) == 77_777, np.nan, exact[1]))
        assert_close(mx.nanmedian(a[1]).astype(mx.float32), want, tolerance, tolerance)


def test_infinities() -> None:
    assert mx.quantile(mx.array([mx.inf, mx.inf, -mx.inf]), [0.0, 0.75]).tolist() == [
        -mx.inf,
        mx.inf,
    ]
    assert mx.median(mx.array([mx.inf, mx.inf])).item() == mx.inf


def test_dtypes() -> None:
    x = mx.array([1, 2, 4], mx.int8)
    assert mx.quantile(x, 0.5).dtype == mx.float32
    assert mx.quantile(x, 0.5, method="nearest").dtype == mx.int8
    for dtype in (mx.float16, mx.bfloat16):
        assert mx.quantile(x.astype(dtype), 0.3).dtype == dtype
    with mx.stream(mx.cpu):
        wide = mx.array([1.0, 2.0 + 1e-12], mx.float64)
        assert mx.quantile(wide, 0.25).item() == 1 + (1 + 1e-12) / 4


@quick
@given(x=hnp.arrays(np.float32, 5, elements=st.integers(-99, 99), unique=True), q=POINTS)
def test_gradient(x: np.ndarray, q: float) -> None:
    for function in (mx.quantile, mx.nanquantile):
        got = mx.grad(function)(mx.array(x), q)
        rank = q * 4
        want = np.zeros(5)
        order = np.argsort(x)
        want[order[int(rank)]] += 1 - rank % 1
        want[order[min(int(rank) + 1, 4)]] += rank % 1
        assert_close(got, want)


def test_traced() -> None:
    x = mx.array(normal(3, 7))
    want = mx.quantile(x, [0.2, 0.7], 1)
    assert mx.allclose(mx.compile(lambda a: mx.quantile(a, [0.2, 0.7], 1))(x), want)
    assert mx.allclose(mx.vmap(lambda a: mx.quantile(a, [0.2, 0.7]))(x).T, want)
    assert mx.allclose(mx.vmap(lambda a: mx.nanquantile(a, [0.2, 0.7]))(x).T, want)
    with pytest.raises(ValueError, match="q is not known while"):
        mx.compile(mx.quantile)(x, mx.array(0.5))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.quantile(mx.ones(2), 1.5), ValueError, "q must be from 0 to 1, but holds 1.5"),
        (lambda: mx.percentile(mx.ones(2), 101), ValueError, "q must be from 0 to 100"),
        (lambda: mx.quantile(mx.ones(2), mx.nan), ValueError, "q must be from 0 to 1"),
        (lambda: mx.quantile(mx.ones(0), 0.5), ValueError, "at least one element"),
        (lambda: mx.nanquantile(mx.ones(0), 0.5), ValueError, "at least one element"),
        (lambda: mx.quantile(mx.ones(2), 0.5, method="x"), ValueError, "method must be one of"),
        (lambda: mx.quantile(mx.ones(2), 0.5, 1), IndexError, "axis 1 is out of bounds"),
        (lambda: mx.quantile(mx.ones((2, 2)), 0.5, (0, 0)), ValueError, "axis has repeated"),
        (lambda: mx.quantile(mx.array([1j]), 0.5), TypeError, "a must hold real numbers"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
