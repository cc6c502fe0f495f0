"""Weighted means, ranges and covariances against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import normal
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import assert_close, assert_equal, floats, integers, quick, with_axes


@quick
@given(case=with_axes(floats() | integers()), keepdims=st.booleans())
def test_average(case: tuple[np.ndarray, Any], keepdims: bool) -> None:
    x, axis = case
    if axis == ():
        return
    theirs: Any = np
    a, weights = mx.array(x), np.abs(normal(*x.shape)) + 0.5
    assert_close(mx.average(a, axis, keepdims=keepdims), theirs.average(x, axis, keepdims=keepdims))
    got = mx.average(a, axis, mx.array(weights), True, keepdims=keepdims)
    want = theirs.average(x, axis, weights, True, keepdims=keepdims)
    for ours, numpys in zip(got, want, strict=True):
        assert_close(ours, numpys)


def test_average_with_weights_of_some_axes() -> None:
    x, w = normal(2, 3, 4), np.abs(normal(4, 2)) + 0.5
    assert_close(
        mx.average(mx.array(x), 1, mx.array([1.0, 2.0, 3.0])), np.average(x, 1, [1.0, 2.0, 3.0])
    )
    assert_close(mx.average(mx.array(x), (2, 0), mx.array(w)), np.average(x, (2, 0), w))


@quick
@given(case=with_axes(floats() | integers()), keepdims=st.booleans())
def test_ptp(case: tuple[np.ndarray, Any], keepdims: bool) -> None:
    x, axis = case
    if axis != ():
        assert_equal(mx.ptp(mx.array(x), axis, keepdims), np.ptp(x, axis, keepdims=keepdims))


@quick
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(2, 6)) | st.tuples(st.integers(2, 6)),
    both=st.booleans(),
    rowvar=st.booleans(),
    bias=st.booleans(),
    ddof=st.none() | st.integers(0, 1),
    weighted=st.tuples(st.booleans(), st.booleans()),
)
@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:divide by", "ignore:invalid value")
def test_cov(
    shape: Any, both: bool, rowvar: bool, bias: bool, ddof: Any, weighted: tuple[bool, bool]
) -> None:
    # NumPy leaves one row as it is, but turns a second one.
    assume(rowvar or not both or shape[0] > 1)
    x = normal(*shape)
    y = normal(*shape, seed=1) if both else None
    observations = x.shape[-1] if rowvar or x.ndim == 1 else x.shape[0]
    f = np.arange(1, observations + 1) if weighted[0] else None
    a = np.linspace(0.5, 1.5, observations).astype(np.float32) if weighted[1] else None
    want = np.cov(x, y, rowvar, bias, ddof, f, a)
    ours = [None if v is None else mx.array(v) for v in (y, f, a)]
    got = mx.cov(mx.array(x), ours[0], rowvar, bias, ddof, ours[1], ours[2])
    assert_close(got, want, 1e-4, 1e-5)
    want = np.corrcoef(x, y, rowvar)
    assert_close(mx.corrcoef(mx.array(x), ours[0], rowvar), want, 1e-4, 1e-5)


def test_complex() -> None:
    z = normal(3, 9) + 1j * normal(3, 9, seed=1)
    assert_close(mx.cov(mx.array(z)), np.asarray(np.cov(z)), 1e-4)
    assert_close(mx.corrcoef(mx.array(z)), np.asarray(np.corrcoef(z)), 1e-4)


def test_dtypes_and_gradients() -> None:
    assert mx.cov(mx.ones((2, 3), mx.float16)).dtype == mx.float16
    assert mx.cov(mx.ones((2, 3), mx.int32)).dtype == mx.float32
    x = normal(2, 5)
    got = mx.grad(lambda a: mx.cov(a)[0, 1])(mx.array(x))
    centred = x - x.mean(1, keepdims=True)
    assert_close(got, centred[::-1] / 4, 1e-4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.average(mx.ones((2, 3)), None, mx.ones(3)), TypeError, "weights of shape"),
        (lambda: mx.average(mx.ones((2, 3)), 0, mx.ones(3)), ValueError, "weights has shape"),
        (lambda: mx.ptp(mx.array([True])), TypeError, "a must hold numbers"),
        (lambda: mx.cov(mx.ones((1, 1, 1))), ValueError, "m must be a vector or a matrix"),
        (lambda: mx.cov(mx.ones((1, 2)), mx.ones((1, 3))), ValueError, "2 and 3"),
        (lambda: mx.cov(mx.ones(2), fweights=mx.ones(2)), TypeError, "fweights must hold integers"),
        (lambda: mx.cov(mx.ones(2), aweights=mx.ones(3)), ValueError, "aweights has shape"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
