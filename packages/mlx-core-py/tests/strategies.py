"""Hypothesis strategies for arrays, shapes and axes, and the comparison with NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx_core_py as mx
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mlx_core_py import testing

quick = settings(max_examples=25, deadline=None)

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5)
SHAPES_WITH_EMPTY = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "bfloat16", "float32")

# Relative error that a result may have, a few units in the last place of the type.
TOLERANCE = {"float16": 4e-3, "bfloat16": 4e-2, "float32": 2e-5}


def floats(
    shapes: st.SearchStrategy[tuple[int, ...]] | tuple[int, ...] = SHAPES,
    low: float = -4.0,
    high: float = 4.0,
) -> st.SearchStrategy[np.ndarray]:
    """`float32` arrays with elements between two bounds."""
    low, high = float(np.float32(low)), float(np.float32(high))
    elements = st.floats(low, high, width=32, allow_subnormal=False)
    return hnp.arrays(np.float32, shapes, elements=elements)


def distinct(
    shapes: st.SearchStrategy[tuple[int, ...]] | tuple[int, ...] = SHAPES,
) -> st.SearchStrategy[np.ndarray]:
    """`int32` arrays in which no element occurs twice, so that an order is the only one."""
    return hnp.arrays(np.int32, shapes, elements=st.integers(-(10**6), 10**6), unique=True)


def integers(
    shapes: st.SearchStrategy[tuple[int, ...]] | tuple[int, ...] = SHAPES,
    low: int = -9,
    high: int = 9,
    dtype: str = "int32",
) -> st.SearchStrategy[np.ndarray]:
    """Integer arrays with elements between two bounds."""
    return hnp.arrays(np.dtype(dtype), shapes, elements=st.integers(low, high))


@st.composite
def with_axis(draw: st.DrawFn, arrays: st.SearchStrategy[np.ndarray]) -> tuple[np.ndarray, int]:
    """An array and one of its axes."""
    x = draw(arrays)
    return x, draw(testing.axes(x.ndim))


@st.composite
def with_axes(draw: st.DrawFn, arrays: st.SearchStrategy[np.ndarray]) -> tuple[np.ndarray, Any]:
    """An array and the axes of a reduction of it."""
    x = draw(arrays)
    return x, draw(testing.axes(x.ndim, several=True))


@st.composite
def broadcastable(
    draw: st.DrawFn, count: int = 2, low: float = -4.0, high: float = 4.0
) -> tuple[np.ndarray, ...]:
    """`float32` arrays whose shapes broadcast."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=4))
    return tuple(draw(floats(shape, low, high)) for shape in shapes.input_shapes)


def to_numpy(x: mx.array) -> np.ndarray:
    """The array in NumPy, `bfloat16` widened to what NumPy has."""
    return np.array(x.astype(mx.float32) if x.dtype == mx.bfloat16 else x)


def assert_equal(got: mx.array, want: np.ndarray | Sequence[Any] | float) -> None:
    """Same shape and the very same elements."""
    want = np.asarray(want)
    assert got.shape == want.shape
    np.testing.assert_array_equal(to_numpy(got), want)


def assert_close(
    got: mx.array,
    want: np.ndarray | Sequence[Any] | float,
    rtol: float = TOLERANCE["float32"],
    atol: float = 1e-5,
) -> None:
    """Same shape and elements that differ by rounding only."""
    want = np.asarray(want)
    assert got.shape == want.shape
    np.testing.assert_allclose(to_numpy(got), want, rtol=rtol, atol=atol)
