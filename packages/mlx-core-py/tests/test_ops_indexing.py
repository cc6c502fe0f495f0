"""Taking and putting elements by position against NumPy."""

from __future__ import annotations

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import assert_equal, integers, quick, with_axis

MATRICES = hnp.array_shapes(min_dims=2, max_dims=2)


@quick
@given(case=with_axis(integers()), data=st.data())
def test_take(case: tuple[np.ndarray, int], data: st.DataObject) -> None:
    x, axis = case
    length = x.shape[axis]
    indices = data.draw(integers((2, 3), -length, length - 1))
    assert_equal(mx.take(mx.array(x), mx.array(indices), axis), np.take(x, indices, axis))
    flat = data.draw(integers((4,), -x.size, x.size - 1))
    assert_equal(mx.take(mx.array(x), mx.array(flat)), np.take(x, flat))


@quick
@given(case=with_axis(integers()), data=st.data())
def test_take_one(case: tuple[np.ndarray, int], data: st.DataObject) -> None:
    x, axis = case
    index = data.draw(st.integers(-x.shape[axis], x.shape[axis] - 1))
    assert_equal(mx.take(mx.array(x), index, axis), np.take(x, index, axis))
    assert_equal(mx.take(mx.array(x), x.size - 1), x.ravel()[-1])


@pytest.mark.parametrize(("index", "axis"), [(2, 0), (-3, 0), (3, 1), (6, None), (0, 2)])
def test_take_one_out_of_bounds(index: int, axis: int | None) -> None:
    with pytest.raises(IndexError):
        mx.take(mx.zeros((2, 3)), index, axis)


def test_positions_are_integers() -> None:
    with pytest.raises(ValueError):
        mx.take(mx.zeros((2, 3)), mx.array([0.5]), 0)


@quick
@given(case=with_axis(integers()), data=st.data())
def test_along_axis(case: tuple[np.ndarray, int], data: st.DataObject) -> None:
    x, axis = case
    # The same position twice in a row would leave open which value is put last.
    order = data.draw(st.permutations(range(x.shape[axis])))
    shape = [1] * x.ndim
    shape[axis] = len(order)
    indices = np.broadcast_to(np.array(order).reshape(shape), x.shape)
    a, i = mx.array(x), mx.array(indices)
    assert_equal(mx.take_along_axis(a, i, axis), np.take_along_axis(x, indices, axis))
    want = x.copy()
    np.put_along_axis(want, indices, -x, axis)
    assert_equal(mx.put_along_axis(a, i, mx.array(-x), axis), want)
    assert_equal(a, x)


@quick
@given(x=integers(MATRICES), data=st.data())
def test_along_the_flattened_array(x: np.ndarray, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, x.size - 1))
    i = mx.array([index])
    assert_equal(mx.take_along_axis(mx.array(x), i, None), x.ravel()[[index]])
    want = x.copy()
    want.flat[index] = 77
    assert_equal(mx.put_along_axis(mx.array(x), i, mx.array([77]), None), want)


@quick
@given(x=integers(MATRICES), data=st.data())
def test_slices_with_a_computed_start(x: np.ndarray, data: st.DataObject) -> None:
    size = tuple(data.draw(st.integers(1, n)) for n in x.shape)
    start = [data.draw(st.integers(0, n - k)) for n, k in zip(x.shape, size, strict=True)]
    block = tuple(slice(i, i + k) for i, k in zip(start, size, strict=True))
    assert_equal(mx.slice(mx.array(x), mx.array(start), (0, 1), size), x[block])
    want = x.copy()
    want[block] = 5
    got = mx.slice_update(mx.array(x), mx.full(size, 5), mx.array(start), (0, 1))
    assert_equal(got, want)


def test_indices_that_do_not_fit() -> None:
    x = mx.zeros((2, 3))
    with pytest.raises(ValueError):
        mx.take_along_axis(x, mx.array([0]), 1)
    with pytest.raises(ValueError):
        mx.put_along_axis(x, mx.array([0]), mx.array([1.0]), 1)
    with pytest.raises(IndexError):
        mx.take(x, mx.array([0]), 2)
    with pytest.raises(ValueError):
        mx.slice(x, mx.array([0, 0]), (0,), (1, 1))


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((7,), (1,), 0), ((2, 2), (3, 3), 0), ((2,), (-1,), 0), ((1,), (1,), 6), ((2, 2), (1,), 0)],
)
def test_strided_views_stay_inside(
    shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    with pytest.raises(ValueError):
        mx.as_strided(mx.arange(6), shape, strides, offset)
