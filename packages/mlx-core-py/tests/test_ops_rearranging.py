"""Elements turned round, put in and left out, against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import assert_equal, integers, quick, with_axis

SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


@quick
@given(
    x=integers(hnp.array_shapes(min_dims=2, max_dims=4, max_side=4)),
    k=st.integers(-5, 5),
    data=st.data(),
)
def test_rot90_and_flips(x: np.ndarray, k: int, data: st.DataObject) -> None:
    axes = data.draw(st.permutations(range(x.ndim)))[:2]
    assert_equal(mx.rot90(mx.array(x), k, axes), np.rot90(x, k, (axes[0], axes[1])))
    assert_equal(mx.rot90(mx.array(x), k), np.rot90(x, k))
    assert_equal(mx.fliplr(mx.array(x)), np.fliplr(x))
    assert_equal(mx.flipud(mx.array(x)), np.flipud(x))
    assert_equal(mx.ravel(mx.array(x)), np.ravel(x))


@quick
@given(case=with_axis(integers(SHAPES)))
def test_append(case: tuple[np.ndarray, int]) -> None:
    x, axis = case
    assert_equal(mx.append(mx.array(x), mx.array(x) + 1, axis), np.append(x, x + 1, axis))
    assert_equal(mx.append(mx.array(x), [7, 8]), np.append(x, [7, 8]))
    assert mx.append(mx.array([1]), 0.5).dtype == mx.float32


def numbered(*shape: int) -> np.ndarray:
    return 100 + np.arange(np.prod(shape), dtype=np.int32).reshape(shape)


def places(length: int, most: int) -> st.SearchStrategy[Any]:
    one = st.integers(-length, most - 1) if most + length > 0 else st.nothing()
    bounds = st.none() | st.integers(-6, 6)
    return (
        one
        | st.lists(one, max_size=4)
        | st.builds(slice, bounds, bounds, st.sampled_from([None, 1, 2, -1]))
    )


@quick
@given(
    case=with_axis(integers(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))), data=st.data()
)
def test_delete(case: tuple[np.ndarray, int], data: st.DataObject) -> None:
    x, axis = case
    obj = data.draw(places(x.shape[axis], x.shape[axis]))
    assert_equal(
        mx.delete(mx.array(x), obj, axis),
        np.delete(x, np.array(obj, int) if isinstance(obj, list) else obj, axis),
    )
    mask = data.draw(hnp.arrays(bool, x.shape[axis]))
    assert_equal(mx.delete(mx.array(x), mx.array(mask), axis), np.delete(x, mask, axis))
    assert_equal(mx.delete(mx.array(x), 0), np.delete(x, 0))


@quick
@given(
    case=with_axis(integers(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))), data=st.data()
)
def test_insert(case: tuple[np.ndarray, int], data: st.DataObject) -> None:
    x, axis = case
    length = x.shape[axis]
    obj = data.draw(places(length, length + 1))
    numpys = np.array(obj, int) if isinstance(obj, list) else obj
    count = 1
    if isinstance(obj, slice):
        count = len(range(*obj.indices(length)))
    elif isinstance(obj, list):
        count = len(obj)
    shape = list(x.shape)
    shape[axis] = count
    rest = [length for d, length in enumerate(x.shape) if d != axis % x.ndim]
    for values in (np.array(99), numbered(*shape), numbered(*rest), numbered(2, *rest)):
        try:
            want = np.insert(x, numpys, values, axis)
        except ValueError:
            with pytest.raises(ValueError, match=r"broadcast|reshape"):
                mx.insert(mx.array(x), obj, mx.array(values), axis)
        else:
            assert_equal(mx.insert(mx.array(x), obj, mx.array(values), axis), want)
    assert_equal(mx.insert(mx.array(x), 0, [5, 6]), np.insert(x, 0, [5, 6]))


@quick
@given(x=integers(SHAPES), shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
def test_resize(x: np.ndarray, shape: tuple[int, ...]) -> None:
    assert_equal(mx.resize(mx.array(x), shape), np.resize(x, shape))
    assert_equal(mx.resize(mx.array(x), 3), np.resize(x, 3))


@quick
@given(
    x=hnp.arrays(np.int32, SHAPES, elements=st.sampled_from([0, 0, 0, 1])),
    trim=st.sampled_from(["f", "b", "fb"]),
    data=st.data(),
)
def test_trim_zeros(x: np.ndarray, trim: Any, data: st.DataObject) -> None:
    if not x.any():
        assert mx.trim_zeros(mx.array(x), trim).size == 0
        return
    assert_equal(mx.trim_zeros(mx.array(x), trim), np.trim_zeros(x, trim))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    assert_equal(mx.trim_zeros(mx.array(x), trim, axis), np.trim_zeros(x, trim, axis))


def test_gradients() -> None:
    x = mx.array([1.0, 2.0, 3.0])
    weights = mx.array([1.0, 2.0, 3.0, 4.0])
    assert mx.grad(lambda a: (mx.insert(a, 1, 9.0) * weights).sum())(x).tolist() == [1, 3, 4]
    assert mx.grad(lambda a: mx.delete(a, 1).sum())(x).tolist() == [1, 0, 1]
    assert mx.grad(lambda a: (mx.resize(a, 4) * weights).sum())(x).tolist() == [5, 2, 3]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.rot90(mx.ones((2, 2)), 1, (0, 0)), ValueError, "axes must be different"),
        (lambda: mx.rot90(mx.ones(2)), IndexError, "axes 1 is out of bounds"),
        (lambda: mx.fliplr(mx.ones(2)), ValueError, "m must have at least two"),
        (lambda: mx.flipud(mx.array(1)), ValueError, "m must have at least one"),
        (lambda: mx.delete(mx.ones(2), 2), IndexError, "obj 2 is out of bounds"),
        (lambda: mx.delete(mx.ones(2), 0.5), TypeError, "obj must hold integers"),
        (lambda: mx.delete(mx.ones(2), mx.array([True])), ValueError, "obj is a mask of shape"),
        (lambda: mx.insert(mx.ones(2), 3, 1), IndexError, "obj 3 is out of bounds"),
        (lambda: mx.insert(mx.ones(2), [0, 1], mx.ones(3)), ValueError, "broadcast"),
        (lambda: mx.resize(mx.ones(2), -1), ValueError, "new_shape has a negative"),
        (lambda: mx.trim_zeros(mx.ones(2), "x"), ValueError, "trim must be"),
        (lambda: mx.compile(mx.trim_zeros)(mx.ones(2)), ValueError, "filt is not known while"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
