"""Counts, bins and histograms against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import normal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import assert_close, assert_equal, quick

UP = st.lists(st.integers(-5, 5), min_size=1, max_size=6).map(sorted)
REALS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=6),
    elements=st.sampled_from([-5.0, -1.5, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5]),
)


@quick
@given(
    dtype=st.sampled_from(["uint8", "int8", "int32", "int64", "uint32", "bool"]),
    data=st.data(),
    minlength=st.integers(0, 9),
)
def test_bincount(dtype: str, data: st.DataObject, minlength: int) -> None:
    top = 1 if dtype == "bool" else 7
    x = data.draw(hnp.arrays(np.dtype(dtype), st.integers(0, 9), elements=st.integers(0, top)))
    weights = np.arange(len(x)) - 0.5
    a, w = mx.array(x), mx.array(weights.astype(np.float32))
    x = x.astype(np.int64)
    got = mx.bincount(a, minlength=minlength)
    assert got.dtype == mx.int32
    assert_equal(got, np.bincount(x, minlength=minlength))
    assert_close(mx.bincount(a, w, minlength), np.bincount(x, weights, minlength))
    assert_equal(mx.compile(lambda a: mx.bincount(a, length=3))(a), np.bincount(x, minlength=3)[:3])


def test_bincount_of_many() -> None:
    rng = np.random.default_rng(0)
    for top in (10, 5000, 300_000):
        x = rng.integers(0, top, 200_000)
        w = rng.random(200_000).astype(np.float32)
        assert_equal(mx.bincount(mx.array(x)), np.bincount(x))
        assert_close(mx.bincount(mx.array(x), mx.array(w)), np.bincount(x, w))
    negative = mx.array([-1, 0, 5, 5, 9])
    assert mx.bincount(negative, length=6).tolist() == [1, 0, 0, 0, 0, 2]


def test_bincount_has_gradients() -> None:
    x = mx.array([0, 2, 2])
    gradient = mx.grad(lambda w: (mx.bincount(x, w) * mx.array([1.0, 2.0, 3.0])).sum())
    assert gradient(mx.ones(3)).tolist() == [1, 3, 3]


@quick
@given(x=REALS, bins=st.integers(1, 7), weighted=st.booleans(), density=st.booleans())
def test_histogram(x: np.ndarray, bins: int, weighted: bool, density: bool) -> None:
    if density and x.size == 0:
        density = False
    weights = np.abs(normal(*x.shape)) + 0.5 if weighted else None
    kwargs: dict[str, Any] = {"bins": bins, "density": density}
    want, edges = np.histogram(x, weights=weights, **kwargs)
    got = mx.histogram(
        mx.array(x), weights=None if weights is None else mx.array(weights), **kwargs
    )
    assert_close(got[1], edges)
    # Elements on an edge fall to either side as that is rounded: the edges are given back.
    want, _ = np.histogram(x, np.array(got[1]), weights=weights, density=density)
    assert_close(got[0], want)
    assert_close(mx.histogram_bin_edges(mx.array(x), bins), edges)


@quick
@given(x=REALS, edges=UP, dtype=st.sampled_from([np.float32, np.int32, np.float16, np.int64]))
def test_histogram_between_edges(x: np.ndarray, edges: list[int], dtype: type) -> None:
    x = x.astype(dtype)
    counts, ours = mx.histogram(mx.array(x), mx.array(edges))
    assert_equal(counts, np.histogram(x, edges)[0])
    assert ours.tolist() == edges
    compiled = mx.compile(lambda a: mx.histogram(a, mx.array(edges))[0])
    assert_equal(compiled(mx.array(x)), counts.tolist())


@pytest.mark.parametrize("bins", [3, 10, 1000])
def test_histogram_of_many(bins: int) -> None:
    x = normal(200_000)
    x[:5] = [np.inf, -np.inf, np.nan, 3.0, -3.0]
    counts, edges = mx.histogram(mx.array(x), bins, range=(-3.0, 3.0))
    exact = np.array(edges)
    assert_equal(counts, np.histogram(x, exact)[0])
    assert_equal(mx.histogram(mx.array(x), edges)[0], counts.tolist())
    with mx.cpu_verbose() as log:
        mx.eval(mx.histogram(mx.array(x), edges)[0])
    assert "HistogramCounts" in [record.primitive for record in log.records]


@pytest.mark.parametrize("rule", ["auto", "doane", "fd", "rice", "scott", "sqrt", "sturges"])
def test_rules_for_the_number_of_bins(rule: str) -> None:
    for x in (normal(1000), normal(50) ** 3, np.ones(4, np.float32), np.array([], np.float32)):
        want = np.histogram_bin_edges(x, rule)
        assert_close(mx.histogram_bin_edges(mx.array(x), rule), want, 1e-4, 1e-5)
        want = np.histogram_bin_edges(x, rule, (-1, 2))
        assert_close(mx.histogram_bin_edges(mx.array(x), rule, (-1, 2)), want, 1e-4, 1e-5)
    whole = np.arange(40) % 7
    assert_close(mx.histogram(mx.array(whole), rule)[0], np.histogram(whole, rule)[0])


@quick
@given(x=REALS, bins=UP, right=st.booleans(), down=st.booleans())
def test_digitize(x: np.ndarray, bins: list[int], right: bool, down: bool) -> None:
    bins = bins[::-1] if down else bins
    got = mx.digitize(mx.array(x), mx.array(bins), right)
    assert got.dtype == mx.uint32
    assert_equal(got, np.digitize(x, bins, right))
    compiled = mx.compile(lambda a, b: mx.digitize(a, b, right))(mx.array(x), mx.array(bins))
    assert_equal(compiled, np.digitize(x, bins, right))


@pytest.mark.parametrize("bins", [3, [2, 4], [[-2.0, 0.0, 1.0], 3]])
@pytest.mark.parametrize("density", [False, True])
def test_histograms_of_points(bins: Any, density: bool) -> None:
    x, y, weights = normal(100), normal(100, seed=1), normal(100, seed=2) ** 2
    ours = [mx.array(b) if isinstance(b, list) else b for b in bins] if bins != 3 else 3
    got = mx.histogram2d(mx.array(x), mx.array(y), ours, density=density)
    for part, want in zip(got, np.histogram2d(x, y, bins, density=density), strict=True):
        assert_close(part, want)
    points = np.stack([x, y], 1)
    ranges: Any = [(-1.0, 1.0), None]
    counts, edges = mx.histogramdd(mx.array(points), ours, ranges, density, mx.array(weights))
    want, want_edges = np.histogramdd(points, bins, ranges, density, weights)
    assert_close(counts, want)
    for part, numpys in zip(edges, want_edges, strict=True):
        assert_close(part, numpys)


@quick
@given(x=st.lists(st.integers(-9, 9), min_size=0, max_size=9), data=st.data())
def test_searchsorted_with_a_sorter(x: list[int], data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(-9, 9), min_size=1, max_size=40))
    side: Any = data.draw(st.sampled_from(["left", "right"]))
    order = np.argsort(x, kind="stable")
    a = mx.array(np.array(x, np.int32))
    got = mx.searchsorted(a, mx.array(values), side, mx.array(order))
    assert_equal(got, np.searchsorted(x, values, side, order))
    assert mx.searchsorted(mx.sort(a), 2.5).item() == np.searchsorted(sorted(x), 2.5)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint16", "int64", "bfloat16"])
def test_searchsorted_of_many(side: Any, dtype: str) -> None:
    x = mx.array(normal(1000) * 40).astype(getattr(mx, dtype))
    values = mx.array(normal(50, 33, seed=1) * 40).astype(x.dtype)
    if mx.issubdtype(x.dtype, mx.floating):
        x[3] = values[0, 0] = values[7, 7] = mx.nan
        x[5] = mx.inf
    x = mx.sort(x)
    exact = x.astype(mx.float32), values.astype(mx.float32)
    want = np.searchsorted(np.array(exact[0]), np.array(exact[1]), side)
    assert_equal(mx.searchsorted(x, values, side), want)
    assert_equal(mx.searchsorted(x, values.T, side), want.T)
    assert_equal(mx.searchsorted(mx.repeat(x, 2)[::2], values, side), want)
    assert_equal(mx.searchsorted(x[:0], values, side), np.zeros(want.shape))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.bincount(mx.array([1.0])), TypeError, "x must hold integers"),
        (lambda: mx.bincount(mx.array([[1]])), ValueError, "x must be a vector"),
        (lambda: mx.bincount(mx.array([-1])), ValueError, "must not hold negative .* -1"),
        (lambda: mx.bincount(mx.array([1]), mx.ones(2)), ValueError, "weights has shape"),
        (lambda: mx.bincount(mx.array([1]), minlength=-1), ValueError, "minlength must not"),
        (lambda: mx.compile(mx.bincount)(mx.array([1])), ValueError, "pass length="),
        (lambda: mx.histogram(mx.ones(2), 0), ValueError, "bins must be positive"),
        (lambda: mx.histogram(mx.ones(2), "x"), ValueError, "bins must be one of auto"),
        (lambda: mx.histogram(mx.ones(2), mx.array([2, 1])), ValueError, "increase monotonically"),
        (lambda: mx.histogram(mx.ones(2), range=(2, 1)), ValueError, "range must not decrease"),
        (lambda: mx.histogram(mx.array([mx.nan])), ValueError, "range of the bins is not finite"),
        (lambda: mx.histogram(mx.ones(2), weights=mx.ones(3)), ValueError, "weights has shape"),
        (lambda: mx.digitize(mx.ones(2), mx.array([1, 3, 2])), ValueError, "monotonically"),
        (lambda: mx.histogramdd(mx.ones((2, 2)), [2]), ValueError, "2 axes need as many"),
        (lambda: mx.histogram2d(mx.ones(2), mx.ones(3)), ValueError, "vectors of one length"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
