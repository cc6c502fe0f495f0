"""Reductions that leave NaN out, against NumPy."""

from __future__ import annotations

import warnings
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import assert_close, assert_equal, integers, quick, with_axes, with_axis

SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, max_side=5)
GAPPY = hnp.arrays(
    np.float32, SHAPES, elements=st.sampled_from([np.nan, -2.5, -1.0, 0.0, 0.5, 3.0])
)


def numpys(name: str, *args: Any, **kwargs: Any) -> np.ndarray:
    """NumPy's answer, without its warnings of slices that are all NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(np, name)(*args, **kwargs)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax"]
)
@quick
@given(case=with_axes(GAPPY | integers(SHAPES)), keepdims=st.booleans())
def test_reduction(name: str, case: tuple[np.ndarray, Any], keepdims: bool) -> None:
    x, axis = case
    if axis == ():
        return
    wide = x.astype(np.float64) if x.dtype.kind == "f" else x
    dtype = {"dtype": np.int32} if name == "nanprod" and wide.dtype == np.int32 else {}
    want = numpys(name, wide, axis=axis, keepdims=keepdims, **dtype)
    assert_close(getattr(mx, name)(mx.array(x), axis, keepdims), want)
    compiled = mx.compile(lambda a: getattr(mx, name)(a, axis, keepdims))
    assert_close(compiled(mx.array(x)), want)


@pytest.mark.parametrize("name", ["nanvar", "nanstd"])
@quick
@given(x=GAPPY, ddof=st.integers(0, 2))
def test_degrees_of_freedom(name: str, x: np.ndarray, ddof: int) -> None:
    want = numpys(name, x.astype(np.float64), axis=0, ddof=ddof)
    assert_close(getattr(mx, name)(mx.array(x), 0, ddof=ddof), want)
    assert_close(getattr(mx, name)(mx.array(x), 0, correction=ddof), want)


@pytest.mark.parametrize("name", ["nanargmin", "nanargmax"])
@quick
@given(case=with_axis(GAPPY | integers(SHAPES)), keepdims=st.booleans())
def test_position(name: str, case: tuple[np.ndarray, int], keepdims: bool) -> None:
    x, axis = case
    if np.isnan(x).all(axis).any():
        with pytest.raises(ValueError, match="nothing but NaN"):
            getattr(mx, name)(mx.array(x), axis)
        return
    want = getattr(np, name)(x, axis, keepdims=keepdims)
    assert_equal(getattr(mx, name)(mx.array(x), axis, keepdims), want)
    assert_equal(getattr(mx, name)(mx.array(x)), getattr(np, name)(x))
    assert_equal(mx.vmap(getattr(mx, name))(mx.array(x[None])), [getattr(np, name)(x)])


def test_infinity_is_no_nan() -> None:
    x = mx.array([mx.nan, -mx.inf, mx.nan])
    assert mx.nanargmax(x).item() == 1
    assert mx.nanmax(x).item() == -mx.inf
    assert mx.nanargmin(mx.array([mx.nan, mx.inf])).item() == 1


@pytest.mark.parametrize("name", ["nancumsum", "nancumprod"])
@quick
@given(case=with_axis(GAPPY | integers(SHAPES, -1, 1)))
def test_running_totals(name: str, case: tuple[np.ndarray, int]) -> None:
    x, axis = case
    assert_close(getattr(mx, name)(mx.array(x), axis), getattr(np, name)(x, axis))
    assert_close(getattr(mx, name)(mx.array(x)), getattr(np, name)(x))


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16, mx.complex64])
def test_dtypes(dtype: mx.Dtype) -> None:
    x = mx.array([1.0, mx.nan, 3.0]).astype(dtype)
    for name in ("nansum", "nanprod", "nanmean", "nancumsum"):
        assert getattr(mx, name)(x).dtype == dtype
    assert mx.nanmean(x).item() == 2
    assert mx.nanvar(x).item() == 1
    real = mx.float32 if dtype == mx.complex64 else dtype
    assert mx.nanstd(x).dtype == real


def test_sums_of_half_precision_do_not_overflow() -> None:
    assert mx.nanmean(mx.full((4000,), 1000.0, mx.float16)).item() == 1000


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("nansum", [1, 0, 1]),
        ("nanmean", [0.5, 0, 0.5]),
        ("nanvar", [-1, 0, 1]),
        ("nanmax", [0, 0, 1]),
        ("nanprod", [3, 0, 1]),
    ],
)
def test_gradients(name: str, want: list[float]) -> None:
    assert_close(mx.grad(getattr(mx, name))(mx.array([1.0, mx.nan, 3.0])), want)
