"""Arrays put together and taken apart, against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_equal, integers, quick, with_axis

WRONG: Any = 3


def numbered(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.int32).reshape(shape)


@pytest.mark.parametrize("name", ["vstack", "hstack", "dstack", "column_stack"])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 3, 2), (2, 3, 2, 2), (0, 2)])
def test_stacks(name: str, shape: tuple[int, ...]) -> None:
    if name == "column_stack" and shape == ():
        return
    parts = [numbered(*shape), numbered(*shape) + 100]
    got = getattr(mx, name)([mx.array(p) for p in parts])
    assert_equal(got, getattr(np, name)(parts))
    if shape:
        stacked = np.stack(parts)
        assert_equal(getattr(mx, name)(mx.array(stacked)), getattr(np, name)(stacked))


def test_stacks_of_lists_promote() -> None:
    assert mx.hstack([mx.array([1]), mx.array([0.5])]).dtype == mx.float32
    assert mx.vstack(([1, 2], [3, 4])).tolist() == [[1, 2], [3, 4]]
    assert mx.row_stack is mx.vstack
    assert mx.column_stack([mx.ones(2), mx.zeros((2, 2))]).shape == (2, 3)


def test_block() -> None:
    a, b, c, d = numbered(2, 2), numbered(2, 3), numbered(1, 2), numbered(1, 3)
    ours = [mx.array(x) for x in (a, b, c, d)]
    assert_equal(mx.block([[ours[0], ours[1]], [ours[2], ours[3]]]), np.block([[a, b], [c, d]]))
    assert_equal(mx.block([ours[0], ours[1]]), np.block([a, b]))
    assert_equal(mx.block(ours[0]), a)
    assert_equal(mx.block([1, mx.array([2, 3])]), [1, 2, 3])
    assert_equal(mx.block([[[1], [2]], [[3], [4]]]), np.block([[[1], [2]], [[3], [4]]]))


@quick
@given(
    case=with_axis(integers()), where=st.integers(1, 4) | st.lists(st.integers(-6, 6), max_size=3)
)
def test_array_split(case: tuple[np.ndarray, int], where: Any) -> None:
    x, axis = case
    got, want = mx.array_split(mx.array(x), where, axis), np.array_split(x, where, axis)
    for ours, numpys in zip(got, want, strict=True):
        assert_equal(ours, numpys)


@pytest.mark.parametrize("name", ["hsplit", "vsplit", "dsplit"])
@pytest.mark.parametrize("shape", [(4,), (4, 2), (2, 4, 4)])
@pytest.mark.parametrize("where", [2, [1], (1, 1)])
def test_splits(name: str, shape: tuple[int, ...], where: Any) -> None:
    x = numbered(*shape)
    try:
        want = getattr(np, name)(x, where)
    except ValueError:
        with pytest.raises(ValueError, match=f"{name} needs at least"):
            getattr(mx, name)(mx.array(x), where)
        return
    for ours, numpys in zip(getattr(mx, name)(mx.array(x), where), want, strict=True):
        assert_equal(ours, numpys)


def test_gradient_and_vmap() -> None:
    x = mx.array([[1.0, 2.0], [3.0, 4.0]])
    weights = mx.array([[1.0, 2.0], [3.0, 4.0]])
    got = mx.grad(lambda a: (mx.vstack([a[1], a[0]]) * weights).sum())(x)
    assert got.tolist() == [[3, 4], [1, 2]]
    assert mx.vmap(lambda row: mx.hstack([row, row]))(x).tolist() == [[1, 2, 1, 2], [3, 4, 3, 4]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.vstack([]), ValueError, "tup must hold at least one"),
        (lambda: mx.hstack(mx.array(1)), TypeError, "tup must be a sequence"),
        (lambda: mx.dstack(WRONG), TypeError, "tup must be a sequence"),
        (lambda: mx.block([mx.ones(1), [mx.ones(1)]]), ValueError, "equally deep"),
        (lambda: mx.block([[], []]), ValueError, "an empty list"),
        (lambda: mx.block((mx.ones(1),)), TypeError, "a tuple is none"),
        (lambda: mx.array_split(mx.ones(3), 0), ValueError, "must be positive, but is 0"),
        (lambda: mx.array_split(mx.ones(3), 2, 1), IndexError, "axis 1 is out of bounds"),
        (lambda: mx.hsplit(mx.array(1), 1), ValueError, "hsplit needs at least 1"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
