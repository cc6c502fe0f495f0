"""Elements chosen by conditions against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import SHAPES_WITH_EMPTY, assert_equal, quick, with_axis

DTYPES = ("bool", "uint8", "int8", "uint16", "int32", "int64", "float16", "float32", "complex64")


@st.composite
def sparse(draw: st.DrawFn, shapes: st.SearchStrategy[tuple[int, ...]]) -> np.ndarray:
    """Arrays of any dtype with many zeros, of either sign, and NaN."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    values: list[float] = [0, 0, 1, 2]
    if dtype.kind in "fc":
        values += [-0.0, float("nan"), float("inf")]
    return draw(hnp.arrays(dtype, shapes, elements=st.sampled_from(list(np.array(values, dtype)))))


SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)


@quick
@given(x=sparse(SHAPES))
def test_nonzero(x: np.ndarray) -> None:
    got = mx.nonzero(mx.array(x))
    want = np.nonzero(x)
    assert isinstance(got, tuple)
    assert len(got) == len(want)
    for ours, numpys in zip(got, want, strict=True):
        assert ours.dtype == mx.uint32
        assert_equal(ours, numpys)


@quick
@given(x=sparse(SHAPES_WITH_EMPTY))
def test_argwhere_and_flatnonzero(x: np.ndarray) -> None:
    assert_equal(mx.argwhere(mx.array(x)), np.argwhere(x))
    assert_equal(mx.flatnonzero(mx.array(x)), np.flatnonzero(x))


@quick
@given(x=sparse(SHAPES), size=st.integers(0, 9), fill=st.integers(0, 9))
def test_nonzero_of_a_given_size(x: np.ndarray, size: int, fill: int) -> None:
    def found(a: mx.array) -> tuple[mx.array, ...]:
        return mx.nonzero(a, size=size, fill_value=fill)

    want = [(list(index) + [fill] * size)[:size] for index in np.nonzero(x)]
    for function in (found, mx.compile(found)):
        for ours, numpys in zip(function(mx.array(x)), want, strict=True):
            assert_equal(ours, numpys)


def test_nonzero_of_a_long_array() -> None:
    x = np.random.default_rng(0).random(200_000) < 0.3
    x[:70_000] = False
    x[130_000:140_000] = True
    assert_equal(mx.flatnonzero(mx.array(x)), np.flatnonzero(x))
    assert_equal(mx.flatnonzero(mx.array(x), size=30_000), np.flatnonzero(x)[:30_000])
    transposed = x.reshape(400, 500).T
    for ours, numpys in zip(
        mx.nonzero(mx.array(x).reshape(400, 500).T), np.nonzero(transposed), strict=True
    ):
        assert_equal(ours, numpys)


def test_where_of_a_condition_alone() -> None:
    x = mx.array([[0, 5], [6, 0]])
    assert [index.tolist() for index in mx.where(x > 4)] == [[0, 1], [1, 0]]
    (index,) = mx.where(mx.array([True, False]), size=2, fill_value=2)
    assert index.tolist() == [0, 2]
    with pytest.raises(TypeError, match="both x and y, or neither"):
        mx.where(x > 4, 1)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="size and fill_value are for a condition alone"):
        mx.where(x > 4, 1, 0, size=3)  # type: ignore[call-overload]


def test_nonzero_in_vmap() -> None:
    x = mx.array([[0, 1, 1], [1, 0, 0]])
    got = mx.vmap(lambda row: mx.flatnonzero(row, size=2, fill_value=3))(x)
    assert got.tolist() == [[1, 2], [0, 3]]


@quick
@given(case=with_axis(sparse(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))), data=st.data())
def test_compress(case: tuple[np.ndarray, int], data: st.DataObject) -> None:
    x, axis = case
    condition = data.draw(hnp.arrays(bool, st.integers(0, x.shape[axis])))
    want = np.compress(condition, x, axis)
    assert_equal(mx.compress(mx.array(condition), mx.array(x), axis), want)
    size = want.shape[axis] + 1
    padded = mx.compress(mx.array(condition), mx.array(x), axis, size=size, fill_value=1)
    filling = np.ones_like(
        x, shape=[*want.shape[: axis % x.ndim], 1, *want.shape[axis % x.ndim + 1 :]]
    )
    assert_equal(padded, np.concatenate([want, filling], axis))
    flat = np.resize(condition, x.size)
    assert_equal(mx.compress(mx.array(flat), mx.array(x)), np.compress(flat, x))
    assert_equal(
        mx.extract(mx.array(flat).reshape(x.shape), mx.array(x)),
        np.extract(flat.reshape(x.shape), x),
    )


@quick
@given(x=hnp.arrays(np.int32, (2, 3), elements=st.integers(-9, 9)))
def test_select(x: np.ndarray) -> None:
    a = mx.array(x)
    got = mx.select([a < -3, a < 4], [a * 2, a + 0.5], -1)
    want = np.select([x < -3, x < 4], [x * 2, x + 0.5], -1)
    assert got.dtype == mx.float32
    assert_equal(got, want)


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
def test_choose(mode: Any) -> None:
    choices = [[0, 1, 2], [10, 11, 12], [20, 21, 22]]
    index = [2, 0, 1] if mode == "raise" else [-4, 7, 1]
    got = mx.choose(mx.array(index), [mx.array(c) for c in choices], mode)
    assert_equal(got, np.asarray(np.choose(np.array(index), np.array(choices), mode=mode)))


def test_choose_out_of_range() -> None:
    for index in (-1, 2):
        with pytest.raises(IndexError):
            mx.eval(mx.choose(mx.array([index]), [mx.array([1]), mx.array([2])]))


def test_traced_functions_say_what_fits() -> None:
    x = mx.array([0, 1])
    for function in (mx.nonzero, mx.flatnonzero, mx.argwhere):
        with pytest.raises(ValueError, match=r"compile or vmap traces it: pass size="):
            mx.compile(function)(x)
        with pytest.raises(ValueError, match=r"pass size="):
            mx.vmap(function)(x[None])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.nonzero(mx.array(1)), ValueError, "at least one dimension"),
        (lambda: mx.nonzero(mx.array([1]), size=-1), ValueError, "size must not be negative"),
        (lambda: mx.nonzero(mx.array([1]), fill_value=-1), ValueError, "fill_value must not be"),
        (lambda: mx.nonzero(mx.array([1]), fill_value=(0, 1)), ValueError, "2 entries for 1 axes"),
        (
            lambda: mx.compress(mx.ones((1, 1)), mx.ones(1)),
            ValueError,
            "condition must be a vector",
        ),
        (lambda: mx.compress([True], mx.ones(1), 1), IndexError, "axis 1 is out of bounds"),
        (lambda: mx.select([], []), ValueError, "0 for 0"),
        (lambda: mx.select([mx.array([1])], [mx.array([1])]), TypeError, "condlist must hold bool"),
        (lambda: mx.choose(mx.array([0]), []), ValueError, "choices must hold"),
        (lambda: mx.choose(mx.array([0]), [mx.array([0])], "x"), ValueError, "mode must be one of"),
    ],
)
def test_errors(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()  # type: ignore[operator]
