"""Copies between layouts against NumPy, for elements of every size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx_sys_py import array, memory, ops, transforms
from numpy.typing import NDArray

Values = NDArray[Any]

dtypes = st.sampled_from([np.bool_, np.uint8, np.float16, np.int32, np.float32, np.complex64])
shapes = st.lists(st.integers(0, 6), max_size=4) | st.lists(st.integers(15, 35), max_size=3)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Values, array]:
    """The same values for NumPy and here, with their axes in any order and steps between them."""
    shape, dtype = draw(shapes), draw(dtypes)
    x: Values = (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)
    a = array(x)
    axes = draw(st.permutations(range(len(shape))))
    x, a = x.transpose(axes), ops.transpose(a, axes)
    if shape and (step := draw(st.sampled_from([1, 2, -1, -3]))) != 1:
        x, a = x[..., ::step], a[..., ::step]
    if draw(st.booleans()):
        transforms.eval([a])
    return x, a


@st.composite
def slices(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(
        slice(
            draw(st.none() | st.integers(-size - 1, size + 1)),
            draw(st.none() | st.integers(-size - 1, size + 1)),
            draw(st.sampled_from([1, 2, -1, -3])),
        )
        for size in shape
    )


@given(layouts())
def test_contiguous(layout: tuple[Values, array]) -> None:
    x, a = layout
    copy = ops.contiguous(a)
    np.testing.assert_array_equal(np.array(copy), x)
    assert memoryview(copy).c_contiguous


@given(layouts())
def test_contiguous_in_the_order_of_columns(layout: tuple[Values, array]) -> None:
    x, a = layout
    copy = ops.contiguous(a, allow_col_major=True)
    np.testing.assert_array_equal(np.array(copy), x)
    assert memoryview(copy).c_contiguous or memoryview(copy).f_contiguous


def test_contiguous_shares_what_is_in_order() -> None:
    a = ops.zeros((300, 200))
    turned = ops.transpose(a)
    transforms.eval([a, turned])
    before = memory.get_active_memory()
    rows, columns = ops.contiguous(a), ops.contiguous(turned, allow_col_major=True)
    transforms.eval([rows, columns])
    assert memory.get_active_memory() == before
    copied = ops.contiguous(turned)
    transforms.eval([copied])
    assert memory.get_active_memory() >= before + a.nbytes


def test_contiguous_part_lets_go_of_the_whole() -> None:
    whole = ops.zeros((1 << 20,))
    transforms.eval([whole])
    before = memory.get_active_memory()
    part = ops.contiguous(whole[:16])
    transforms.eval([part])
    del whole
    assert memory.get_active_memory() < before - (3 << 20)


@given(layouts(), st.data())
def test_concatenate(layout: tuple[Values, array], data: st.DataObject) -> None:
    x, a = layout
    if x.ndim == 0:
        return
    axis = data.draw(st.integers(0, x.ndim - 1))
    expected = np.concatenate([x, x, x], axis)
    np.testing.assert_array_equal(np.array(ops.concatenate([a, a, a], axis=axis)), expected)


@given(layouts(), st.data())
def test_slice_update(layout: tuple[Values, array], data: st.DataObject) -> None:
    x, a = layout
    x = x.copy()
    where = data.draw(slices(x.shape))
    before, kept = x.copy(), a
    if data.draw(st.booleans(), "shared"):
        kept = a[...]
    value = x[where][..., ::-1] if x.ndim else x
    a[where] = array(np.ascontiguousarray(value)) if value.ndim else array(value)
    x[where] = value
    np.testing.assert_array_equal(np.array(a), x)
    if kept is not a:
        np.testing.assert_array_equal(np.array(kept), before)


@pytest.mark.parametrize("shape", [(1500, 1100), (7, 300, 800), (3, 3, 500, 500)])
def test_large_copies_use_all_threads(shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    turned = ops.contiguous(ops.transpose(array(x)))
    np.testing.assert_array_equal(np.array(turned), x.T)
