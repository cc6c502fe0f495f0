"""Sorting, selection and search against NumPy."""

from __future__ import annotations

from typing import Literal

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_equal, distinct, floats, integers, quick, to_numpy, with_axis


@quick
@given(case=with_axis(floats()))
def test_sort(case: tuple[np.ndarray, int]) -> None:
    x, axis = case
    assert_equal(mx.sort(mx.array(x), axis), np.sort(x, axis))
    assert_equal(mx.sort(mx.array(x), None), np.sort(x, None))


@quick
@given(case=with_axis(distinct()))
def test_argsort(case: tuple[np.ndarray, int]) -> None:
    x, axis = case
    got = mx.argsort(mx.array(x), axis)
    assert got.dtype == mx.uint32
    assert_equal(got, np.argsort(x, axis))
    assert_equal(mx.argsort(mx.array(x), None), np.argsort(x, None))


@quick
@given(case=with_axis(distinct()), data=st.data())
def test_partition_and_topk(case: tuple[np.ndarray, int], data: st.DataObject) -> None:
    x, axis = case
    length = x.shape[axis]
    kth = data.draw(st.integers(0, length - 1))
    ordered = np.moveaxis(np.sort(x, axis), axis, -1)
    a = mx.array(x)
    for got in (
        to_numpy(mx.partition(a, kth, axis)),
        np.take_along_axis(x, to_numpy(mx.argpartition(a, kth, axis)).astype(np.int64), axis),
    ):
        got = np.moveaxis(got, axis, -1)
        np.testing.assert_array_equal(got[..., kth], ordered[..., kth])
        np.testing.assert_array_equal(np.sort(got[..., :kth]), ordered[..., :kth])
        np.testing.assert_array_equal(np.sort(got[..., kth:]), ordered[..., kth:])
    top = np.moveaxis(to_numpy(mx.topk(a, kth + 1, axis)), axis, -1)
    np.testing.assert_array_equal(np.sort(top), ordered[..., length - kth - 1 :])


@pytest.mark.parametrize("side", ["left", "right"])
@quick
@given(x=integers((12,)), values=integers())
def test_searchsorted(side: Literal["left", "right"], x: np.ndarray, values: np.ndarray) -> None:
    x = np.sort(x)
    got = mx.searchsorted(mx.array(x), mx.array(values), side)
    assert_equal(got, np.searchsorted(x, values, side))


@quick
@given(x=integers())
def test_unique(x: np.ndarray) -> None:
    want, index, inverse, counts = np.unique(x, True, True, True)
    got = mx.unique(mx.array(x), len(want), True, True, True)
    for ours, numpys in zip(got, (want, index, inverse, counts), strict=True):
        assert_equal(ours, numpys)
    padded = mx.unique(mx.array(x), len(want) + 2, fill_value=99)
    assert isinstance(padded, mx.array)
    assert_equal(padded, [*want, 99, 99])


def test_nan_is_sorted_to_the_end() -> None:
    got = to_numpy(mx.sort(mx.array([mx.nan, 2.0, 1.0])))
    np.testing.assert_array_equal(got, [1.0, 2.0, np.nan])


@pytest.mark.parametrize("name", ["sort", "argsort"])
def test_axis_out_of_bounds(name: str) -> None:
    with pytest.raises((IndexError, ValueError)):
        getattr(mx, name)(mx.zeros((2, 3)), axis=2)


def test_arguments_out_of_range() -> None:
    x = mx.zeros((2, 3))
    with pytest.raises(ValueError):
        mx.partition(x, 3)
    with pytest.raises(ValueError):
        mx.argpartition(x, -4)
    with pytest.raises(ValueError):
        mx.topk(x, 4)
    with pytest.raises(ValueError):
        mx.searchsorted(x, x)
    with pytest.raises(ValueError):
        mx.searchsorted(x[0], x, "middle")


@quick
@given(case=with_axis(integers(low=-2, high=2)))
def test_equal_elements_keep_their_order(case: tuple[np.ndarray, int]) -> None:
    x, axis = case
    a = mx.array(x)
    ascending = np.argsort(x, axis, stable=True)
    # Of the negatives, so that equal elements stay in order.
    descending = np.argsort(-x, axis, stable=True)
    assert_equal(mx.argsort(a, axis, stable=True), ascending)
    assert_equal(mx.argsort(a, axis, descending=True), descending)
    assert_equal(mx.sort(a, axis, descending=True, stable=True), -np.sort(-x, axis))
    assert_equal(mx.argsort(a, None, descending=True), np.argsort(-x, None, stable=True))
    assert_equal(mx.sort(a, None, descending=True), -np.sort(-x, None))


def test_sorting_nothing_and_what_has_no_order() -> None:
    empty = mx.zeros((2, 0))
    assert mx.argsort(empty, descending=True).shape == (2, 0)
    assert mx.sort(empty, descending=True).shape == (2, 0)
    values = mx.sort(mx.array([1.0, float("nan"), 2.0]), descending=True)
    assert values[1:].tolist() == [2.0, 1.0]
    for order in (mx.sort, mx.argsort):
        with pytest.raises(IndexError, match="Axis 2"):
            order(empty, 2, descending=True)
        assert order([3, 1, 2], descending=True).shape == (3,)  # type: ignore[arg-type]


@quick
@given(case=with_axis(integers(low=0, high=2)))
def test_lexsort(case: tuple[np.ndarray, int]) -> None:
    x, axis = case
    keys = [x, x[::-1] if x.ndim else x, (x * 7) % 3]
    got = mx.lexsort([mx.array(key) for key in keys], axis)
    assert got.dtype == mx.uint32
    assert_equal(got, np.lexsort(keys, axis))
    assert_equal(mx.lexsort(mx.array(np.stack(keys)), axis), np.lexsort(np.stack(keys), axis))
