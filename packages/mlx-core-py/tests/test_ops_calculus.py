"""Differences, integrals, interpolation and polynomials against NumPy and finite differences."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import normal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import assert_close, assert_equal, floats, integers, quick, with_axis

LONG = hnp.array_shapes(min_dims=1, max_dims=3, min_side=3, max_side=5)


@quick
@given(case=with_axis(floats() | integers()), dx=st.sampled_from([1, 0.5]))
def test_trapezoid(case: tuple[np.ndarray, int], dx: float) -> None:
    y, axis = case
    assert_close(mx.trapezoid(mx.array(y), dx=dx, axis=axis), np.trapezoid(y, dx=dx, axis=axis))
    x = np.cumsum(np.abs(normal(y.shape[axis])))
    assert_close(
        mx.trapezoid(mx.array(y), mx.array(x), axis=axis), np.trapezoid(y, x, axis=axis), 1e-4
    )
    x = normal(*y.shape)
    assert_close(
        mx.trapezoid(mx.array(y), mx.array(x), axis=axis), np.trapezoid(y, x, axis=axis), 1e-4, 1e-4
    )


@quick
@given(x=floats(LONG) | integers(LONG), edge_order=st.sampled_from([1, 2]), data=st.data())
def test_gradient(x: np.ndarray, edge_order: Any, data: st.DataObject) -> None:
    def compare(*spacings: Any, axis: Any = None) -> None:
        got = mx.gradient(
            mx.array(x),
            *[s if isinstance(s, float) else mx.array(s) for s in spacings],
            axis=axis,
            edge_order=edge_order,
        )
        want = np.gradient(x.astype(np.float64), *spacings, axis=axis, edge_order=edge_order)
        if isinstance(want, tuple):
            assert isinstance(got, tuple)
            for ours, numpys in zip(got, want, strict=True):
                assert_close(ours, numpys, 1e-4, 1e-4)
        else:
            assert isinstance(got, mx.array)
            assert_close(got, want, 1e-4, 1e-4)

    compare()
    compare(0.5)
    points = [np.cumsum(0.5 + np.arange(length) % 3).astype(np.float32) for length in x.shape]
    compare(*points)
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    compare(points[axis], axis=axis)
    compare(2.0, axis=axis)


@quick
@given(x=integers(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4)))
def test_ediff1d(x: np.ndarray) -> None:
    assert_equal(mx.ediff1d(mx.array(x)), np.ediff1d(x))
    assert_equal(mx.ediff1d(mx.array(x), [8, 9], 7), np.ediff1d(x, [8, 9], 7))


@quick
@given(
    x=floats(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=6)),
    count=st.integers(1, 6),
    ends=st.booleans(),
)
def test_interp(x: np.ndarray, count: int, ends: bool) -> None:
    xp = np.cumsum(0.5 + np.arange(count) % 3).astype(np.float32) - 3
    fp = normal(count)
    kwargs: Any = {"left": -9.0, "right": 9.0} if ends else {}
    a, b = mx.array(xp), mx.array(fp)
    assert_close(mx.interp(mx.array(x), a, b, **kwargs), np.interp(x, xp, fp, **kwargs))
    assert_equal(mx.interp(a, a, b), fp)
    order = np.argsort(fp)
    got = mx.interp(mx.array(x), a[mx.array(order)], b[mx.array(order)], period=7.0)
    assert_close(got, np.interp(x, xp, fp, period=7.0), 1e-4, 1e-4)


def test_interp_of_special_values() -> None:
    x = mx.array([mx.nan, mx.inf, -mx.inf, 1.0])
    got = mx.interp(x, mx.array([0.0, 1.0, 1.0]), mx.array([1.0, 2.0, 5.0]))
    np.testing.assert_array_equal(np.array(got), [np.nan, 5, 1, 5])


def test_interp_has_gradients() -> None:
    x, xp, fp = mx.array([0.25, 2.5, 9.0]), mx.array([0.0, 1.0, 3.0]), mx.array([1.0, 4.0, 2.0])

    def total(x: mx.array, xp: mx.array, fp: mx.array) -> mx.array:
        return (mx.interp(x, xp, fp) * mx.array([1.0, 2.0, 3.0])).sum()

    gradients = mx.grad(total, argnums=(0, 1, 2))(x, xp, fp)
    h = 1e-2
    for number, values in enumerate((x, xp, fp)):
        for i in range(values.size):
            moved = [mx.array(v) for v in (x, xp, fp)]
            moved[number][i] += h
            up = total(*moved)
            moved[number][i] -= 2 * h
            assert gradients[number][i].item() == pytest.approx(
                ((up - total(*moved)) / (2 * h)).item(), abs=2e-2
            )


@quick
@given(
    p=hnp.arrays(np.int32, st.integers(0, 4), elements=st.integers(-3, 3)),
    x=integers(low=-3, high=3),
)
def test_polyval(p: np.ndarray, x: np.ndarray) -> None:
    assert_equal(mx.polyval(mx.array(p), mx.array(x)), np.polyval(p, x))
    assert_close(mx.polyval(mx.array(p), mx.array(x) / 2), np.polyval(p, x / 2))


@quick
@given(
    x=hnp.arrays(np.int32, st.integers(0, 4), elements=st.integers(-3, 3)),
    count=st.none() | st.integers(0, 4),
    increasing=st.booleans(),
)
def test_vander(x: np.ndarray, count: int | None, increasing: bool) -> None:
    assert_equal(mx.vander(mx.array(x), count, increasing), np.vander(x, count, increasing))
    assert_equal(mx.vander(mx.array(x) / 2, count), np.vander(x / 2, count))


@quick
@given(case=with_axis(floats() | integers()), n=st.integers(0, 3))
def test_diff_with_ends(case: tuple[np.ndarray, int], n: int) -> None:
    x, axis = case
    a = mx.array(x)
    assert_close(mx.diff(a, n, axis, 1, 2), np.diff(x, n, axis, 1, 2))
    assert_close(mx.diff(a, n, axis, prepend=a), np.diff(x, n, axis, prepend=x))
    assert_close(mx.diff(a, n, axis, append=a), np.diff(x, n, axis, append=x))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.trapezoid(mx.ones(2), axis=1), IndexError, "axis 1 is out of bounds"),
        (lambda: mx.gradient(mx.ones(1)), ValueError, "1 points, but needs at least 2"),
        (
            lambda: mx.gradient(mx.ones(2), edge_order=2),
            ValueError,
            "2 points, but needs at least 3",
        ),
        (lambda: mx.gradient(mx.ones(2), edge_order=3), ValueError, "edge_order must be 1 or 2"),
        (lambda: mx.gradient(mx.ones((2, 2)), 1, 2, 3), TypeError, "2 axes need as many"),
        (lambda: mx.gradient(mx.ones(2), mx.ones(3)), ValueError, "vector of length 2"),
        (lambda: mx.gradient(mx.ones((2, 2)), axis=(0, 0)), ValueError, "axis has repeated"),
        (lambda: mx.interp(1.0, mx.ones(2), mx.ones(3)), ValueError, "xp and fp must be vectors"),
        (
            lambda: mx.interp(1.0, mx.ones(2), mx.ones(2), period=0),
            ValueError,
            "period must not be",
        ),
        (lambda: mx.polyval(mx.ones((1, 1)), 1), ValueError, "p must be a vector"),
        (lambda: mx.vander(mx.ones((1, 1))), ValueError, "x must be a vector"),
        (lambda: mx.vander(mx.ones(1), -1), ValueError, "N must not be negative"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
