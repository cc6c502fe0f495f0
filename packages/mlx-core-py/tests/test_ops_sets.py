"""Distinct elements and sets against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import assert_equal, quick

DTYPES = ("bool", "uint8", "int8", "int32", "int64", "uint64", "float16", "float32", "complex64")
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)


def values_of(dtype: np.dtype) -> np.ndarray:
    """A few values, so that some occur again."""
    if dtype.kind == "f":
        return np.array([0.0, -0.0, 1.5, -2.0, np.nan, np.inf, -np.inf], dtype)
    if dtype.kind == "c":
        return np.array([0, 1, 1j, 1 - 1j, -1], dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    return np.array([0, 1, 2, 7, np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)


@st.composite
def repetitive(draw: st.DrawFn, shapes: Any = SHAPES, dtype: str | None = None) -> np.ndarray:
    """Arrays in which elements occur again."""
    chosen = np.dtype(dtype or draw(st.sampled_from(DTYPES)))
    return draw(hnp.arrays(chosen, shapes, elements=st.sampled_from(list(values_of(chosen)))))


@quick
@given(x=repetitive(), equal_nan=st.booleans())
def test_unique(x: np.ndarray, equal_nan: bool) -> None:
    want = np.unique(x, True, True, True, equal_nan=equal_nan)
    got = mx.unique(
        mx.array(x),
        return_index=True,
        return_inverse=True,
        return_counts=True,
        equal_nan=equal_nan,
    )
    for ours, numpys in zip(got, want, strict=True):
        assert_equal(ours, numpys)
    assert_equal(mx.unique(mx.array(x), equal_nan=equal_nan), want[0])
    assert [r.dtype for r in got[1:]] == [mx.uint32, mx.uint32, mx.int32]


@quick
@given(
    x=repetitive(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)), data=st.data()
)
def test_unique_slices(x: np.ndarray, data: st.DataObject) -> None:
    if x.dtype.kind == "f":
        x = np.nan_to_num(x)  # NumPy's slices with NaN are all distinct
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    want = np.unique(x, True, True, True, axis=axis)
    got = mx.unique(
        mx.array(x), return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    for ours, numpys in zip(got, want, strict=True):
        assert_equal(ours, np.asarray(numpys))


@quick
@given(x=repetitive())
def test_unique_of_the_array_api(x: np.ndarray) -> None:
    a = mx.array(x)
    for name in ("unique_all", "unique_counts", "unique_inverse"):
        got, want = getattr(mx, name)(a), getattr(np, name)(x)
        for field in want._fields:
            assert_equal(getattr(got, field), getattr(want, field))
        assert repr(got).startswith(f"{type(got).__name__}(values=")
    assert_equal(mx.unique_values(a), np.sort(np.unique_values(x)))


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8])
def test_unique_of_many(dtype: type) -> None:
    x: np.ndarray = (np.random.default_rng(0).random(300_000) * 100_000).astype(dtype)
    want = np.unique(x, True, True, True)
    got = mx.unique(mx.array(x), return_index=True, return_inverse=True, return_counts=True)
    for ours, numpys in zip(got, want, strict=True):
        assert_equal(ours, numpys)


def test_size_is_no_boolean() -> None:
    with pytest.raises(TypeError, match="pass return_index, return_inverse and return_counts"):
        mx.unique(mx.array([1]), True)


@quick
@given(data=st.data(), invert=st.booleans())
def test_isin(data: st.DataObject, invert: bool) -> None:
    x = data.draw(repetitive())
    y = data.draw(repetitive(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=12)))
    # As in comparisons, what both promote to may not hold all of a larger type's values.
    found = [(mx.array(x) == mx.array(v)) for v in y.flatten()]
    want = np.logical_or.reduce([np.array(f) for f in found]) if found else np.zeros(x.shape, bool)
    assert_equal(mx.isin(mx.array(x), mx.array(y), invert=invert), want != invert)


def test_isin_of_many_and_of_scalars() -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.int32, np.uint8, np.int64):
        x, y = (rng.random(100_000) * 1e4).astype(dtype), (rng.random(3000) * 1e4).astype(dtype)
        assert_equal(mx.isin(mx.array(x), mx.array(y)), np.isin(x, y))
    assert mx.isin(3, mx.array([1, 3])).item() is True
    assert mx.isin(mx.array([1, 3]), 3).tolist() == [False, True]


@quick
@given(data=st.data(), unique=st.booleans())
def test_sets(data: st.DataObject, unique: bool) -> None:
    dtype = data.draw(st.sampled_from(("uint8", "int32", "float32", "bool")))
    x, y = data.draw(repetitive(dtype=dtype)), data.draw(repetitive(dtype=dtype))
    if unique:
        x, y = np.unique(x), np.unique(y)
    a, b = mx.array(x), mx.array(y)
    assert_equal(mx.intersect1d(a, b, unique), np.intersect1d(x, y, unique))
    for ours, numpys in zip(
        mx.intersect1d(a, b, unique, True), np.intersect1d(x, y, unique, True), strict=True
    ):
        assert_equal(ours, numpys)
    assert_equal(mx.setdiff1d(a, b, unique), np.setdiff1d(x, y, unique))
    assert_equal(mx.setxor1d(a, b, unique), np.setxor1d(x, y, unique))
    assert_equal(mx.union1d(a, b), np.union1d(x, y))


def test_with_a_size_they_can_be_compiled() -> None:
    x, y = mx.array([3, 1, 3]), mx.array([2, 3])
    assert mx.compile(lambda a: mx.unique(a, 3, fill_value=9))(x).tolist() == [1, 3, 9]
    assert mx.compile(lambda a, b: mx.union1d(a, b, size=3))(x, y).tolist() == [1, 2, 3]
    assert mx.compile(mx.isin)(x, y).tolist() == [True, False, True]
    assert mx.vmap(mx.isin, in_axes=(0, None))(x[None], y).tolist() == [[True, False, True]]


@pytest.mark.parametrize(
    "call",
    [
        mx.unique,
        mx.unique_all,
        mx.unique_values,
        lambda x: mx.intersect1d(x, x),
        lambda x: mx.setdiff1d(x, x),
        lambda x: mx.setxor1d(x, x),
        lambda x: mx.union1d(x, x),
    ],
)
def test_traced_functions_say_what_fits(call: Any) -> None:
    for trace in (mx.compile, mx.vmap):
        with pytest.raises(ValueError, match="compile or vmap traces it"):
            trace(call)(mx.array([[1, 2]]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.unique(mx.array([1]), 1, axis=0), ValueError, "size without axis"),
        (lambda: mx.unique(mx.array([1]), axis=1), IndexError, "axis 1 is out of bounds"),
        (lambda: mx.isin(mx.array([1]), mx.array([1]), kind="x"), ValueError, "kind must be one"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
