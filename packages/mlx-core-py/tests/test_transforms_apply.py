"""Functions of slices and of elements, against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from strategies import assert_close, assert_equal, floats, quick, with_axis

WRONG: Any = 0.5


@quick
@given(case=with_axis(floats()))
def test_apply_along_axis(case: tuple[np.ndarray, int]) -> None:
    x, axis = case
    theirs: Any = np
    functions: list[Any] = [
        lambda n: lambda v: v.sum(),
        lambda n: lambda v: v[::-1] * 2,
        lambda n: lambda v: n.outer(v, v[:2]),
    ]
    for function in functions:
        got = mx.apply_along_axis(function(mx), axis, mx.array(x))
        assert_close(got, theirs.apply_along_axis(function(theirs), axis, x))


def test_apply_along_axis_passes_arguments_on() -> None:
    got = mx.apply_along_axis(lambda v, k, add: v * k + add, 0, mx.array([1, 2]), 3, add=4)
    assert got.tolist() == [7, 10]


@quick
@given(x=floats())
def test_piecewise(x: np.ndarray) -> None:
    a = mx.array(x)
    assert_close(
        mx.piecewise(a, [a < 0, a >= 1], [lambda v: -v, lambda v: v * v, 7]),
        np.piecewise(x, [x < 0, x >= 1], [lambda v: -v, lambda v: v * v, 7]),
    )
    assert_close(
        mx.piecewise(a, [a < 0], [lambda v, k: v * k, 1], 3),
        np.piecewise(x, [x < 0], [lambda v, k: v * k, 1], 3),
    )


def test_piecewise_keeps_the_dtype() -> None:
    got = mx.piecewise(mx.array([1, 5]), [mx.array([True, False])], [2.75])
    assert got.dtype == mx.int32
    assert got.tolist() == [2, 0]


def test_vectorize() -> None:
    x, y = np.arange(6.0).reshape(2, 3), np.arange(3.0)
    larger = mx.vectorize(lambda a, b: mx.where(a > b, a, b))
    assert_equal(larger(mx.array(x), mx.array(y)), np.maximum(x, y))
    assert larger(2.0, mx.array(1.0)).item() == 2
    product = mx.vectorize(lambda a, b: (a @ b, a.sum()), signature="(m, n),(n)->(m),()")
    first, second = product(mx.ones((4, 1, 2, 3)), mx.ones((5, 3)))
    assert (first.shape, second.shape) == ((4, 5, 2), (4, 5))
    power = mx.vectorize(lambda a, k: a**k, excluded=(1,))
    assert power(mx.array([1, 2, 3]), 2).tolist() == [1, 4, 9]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.apply_along_axis(WRONG, 0, mx.ones(1)), TypeError, "apply_along_axis"),
        (lambda: mx.apply_along_axis(abs, 1, mx.ones(1)), IndexError, "axis 1 is out of bounds"),
        (lambda: mx.apply_along_axis(abs, WRONG, mx.ones(1)), TypeError, "axis must be an int"),
        (lambda: mx.apply_along_axis(abs, 0, mx.ones(0)), ValueError, "an empty axis"),
        (lambda: mx.piecewise(mx.ones(1), [mx.ones(1)], []), ValueError, "1 conditions need"),
        (lambda: mx.vectorize(WRONG), TypeError, "vectorize"),
        (lambda: mx.vectorize(abs, signature="m->n"), ValueError, "signature must have the form"),
        (lambda: mx.vectorize(abs, signature="(m)->()")(1.0), ValueError, "0 has 0 dimensions"),
        (lambda: mx.vectorize(abs, signature="(m)->()")(), TypeError, "takes 1 arrays, not 0"),
        (
            lambda: mx.vectorize(max, signature="(n),(n)->()")(mx.ones(2), mx.ones(3)),
            ValueError,
            "dimension n .* is both 2 and 3",
        ),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
