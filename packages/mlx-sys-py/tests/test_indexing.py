"""a[index] and a[index] = value against NumPy, whose meaning they have."""

from __future__ import annotations

from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mlx_sys_py import array

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)


def numbered(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape), dtype=np.int32).reshape(shape)


def as_ours(index: Any) -> Any:
    """The index with arrays of ours in place of NumPy's."""
    if isinstance(index, tuple):
        return tuple(as_ours(item) for item in index)
    return array(index) if isinstance(index, np.ndarray) else index


@st.composite
def indexed(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], Any]:
    """An array and an index of ints, slices, Ellipsis, None, positions and masks."""
    shape = draw(SHAPES)
    items: list[Any] = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        items.append(
            draw(
                st.one_of(
                    st.integers(-size, size - 1),
                    st.slices(size),
                    hnp.arrays(
                        np.int32,
                        hnp.array_shapes(max_dims=2, max_side=3),
                        elements=st.integers(-size, size - 1),
                    ),
                    hnp.arrays(np.bool_, (size,)),
                )
            )
        )
        if draw(st.integers(0, 4)) == 0:
            items.append(None)
    if draw(st.booleans()):
        items.append(Ellipsis)
    return numbered(shape), tuple(items)


def selected_by_numpy(values: np.ndarray[Any, Any], index: Any) -> np.ndarray[Any, Any] | None:
    """NumPy's answer; None where it refuses index arrays that do not broadcast."""
    try:
        return np.asarray(values[index])
    except IndexError:
        return None


@settings(max_examples=300, deadline=None)
@given(indexed())
def test_reads_what_numpy_reads(case: tuple[np.ndarray[Any, Any], Any]) -> None:
    values, index = case
    expected = selected_by_numpy(values, index)
    if expected is None:
        with pytest.raises((ValueError, IndexError)):
            array(values)[as_ours(index)]
        return
    found = array(values)[as_ours(index)]
    assert found.shape == expected.shape
    np.testing.assert_array_equal(np.array(found), expected)


@settings(max_examples=300, deadline=None)
@given(indexed(), st.booleans())
def test_writes_what_numpy_writes(case: tuple[np.ndarray[Any, Any], Any], scalar: bool) -> None:
    values, index = case
    selected = selected_by_numpy(np.arange(values.size).reshape(values.shape), index)
    if selected is None:
        return
    if np.unique(selected).size != selected.size:
        return  # Which of two values for one element stays is not defined.
    value: Any = 7
    if not scalar:
        value = 100 + np.arange(selected.size, dtype=np.int32).reshape(selected.shape)
    expected = values.copy()
    expected[index] = value
    found = array(values)
    found[as_ours(index)] = value if scalar else array(value)
    np.testing.assert_array_equal(np.array(found), expected)


@settings(max_examples=100, deadline=None)
@given(indexed())
def test_at_adds_up(case: tuple[np.ndarray[Any, Any], Any]) -> None:
    values, index = case
    if selected_by_numpy(values, index) is None:
        return
    expected = values.copy()
    np.add.at(expected, index, 1)
    ours = array(values)
    np.testing.assert_array_equal(np.array(ours.at[as_ours(index)].add(1)), expected)
    np.testing.assert_array_equal(np.array(ours), values)


def test_at() -> None:
    a = array([1.0, 2.0, 4.0])
    twice = array([0, 0])
    assert a.at[twice].add(1.0).tolist() == [3, 2, 4]
    assert a.at[twice].subtract(1.0).tolist() == [-1, 2, 4]
    assert a.at[twice].multiply(2.0).tolist() == [4, 2, 4]
    assert a.at[twice].divide(2.0).tolist() == [0.25, 2, 4]
    assert a.at[1:].maximum(3.0).tolist() == [1, 3, 4]
    assert a.at[1:].minimum(3.0).tolist() == [1, 2, 3]
    with pytest.raises(IndexError, match="needs an index"):
        a.at.add(1)
    with pytest.raises(IndexError, match="one index"):
        a.at[0][0]


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (2, "index 2 is out of bounds for axis 0 with size 2"),
        (-3, "index -3 is out of bounds for axis 0"),
        ((0, 3), "index 3 is out of bounds for axis 1 with size 3"),
        ((0, 0, 0), "too many indices: the array has 2 axes, but 3 are indexed"),
        ((..., ...), "only one Ellipsis"),
        ("x", "not str"),
        (1.0, "float32"),
        (array([1.0]), "float32"),
        (array([True]), "does not fit"),
        (([0, 1], [0, 1, 2]), "do not broadcast"),
        (2**40, "out of bounds"),
    ],
)
def test_refused(index: Any, words: str) -> None:
    a = array(numbered((2, 3)))
    with pytest.raises(IndexError, match=words):
        a[index]
    with pytest.raises(IndexError, match=words):
        a[index] = 0


def test_an_array_without_axes() -> None:
    a = array(5)
    assert a[...].item() == 5
    assert a[None].shape == (1,)
    assert a[()].item() == 5
    with pytest.raises(IndexError, match="no axis"):
        a[0]


def test_values_that_do_not_fit() -> None:
    a = array(numbered((2, 3)))
    with pytest.raises(ValueError, match=r"shape \(2,\) does not broadcast"):
        a[0] = array([1, 2])
    with pytest.raises(TypeError, match="value must be"):
        a[0] = "text"
    assert a.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_assignment_keeps_the_type() -> None:
    a = array([1, 2, 3])
    a[0] = 2.9
    assert a.dtype is mx.int32
    assert a.tolist() == [2, 2, 3]


def test_lists_are_arrays_of_positions() -> None:
    a = array([10, 20, 30])
    assert a[[0, 2]].tolist() == [10, 30]
    assert a[[True, False, True]].tolist() == [10, 30]
    assert a[[]].shape == (0,)


def test_gradient_through_indexing() -> None:
    def loss(inputs: list[array]) -> list[array]:
        (x,) = inputs
        return [(x[1:] * x[array([0, 0])]).sum()]

    _, (gradient,) = mx.transforms.value_and_grad(loss, [0])([array([2.0, 3.0, 4.0])])
    assert gradient.tolist() == [7.0, 2.0, 2.0]


@pytest.mark.parametrize("size", [0, 1, 3])
def test_every_slice_near_the_ends(size: int) -> None:
    bounds = [None, *range(-size - 2, size + 3)]
    for start in bounds:
        for stop in bounds:
            for step in (None, 2, -1, -2):
                index = slice(start, stop, step)
                x = numbered((2, size))
                a = array(x)
                np.testing.assert_array_equal(np.array(a[:, index]), x[:, index])
                np.testing.assert_array_equal(np.array(a[0][index]), x[0][index])
                value = -1 - x[:, index]
                a[:, index] = array(value)
                x[:, index] = value
                np.testing.assert_array_equal(np.array(a), x, err_msg=str(index))
