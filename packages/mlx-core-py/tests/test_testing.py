"""What is drawn is what was asked for, and comparisons fail when they should, saying why."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from mlx_core_py import testing

quick = settings(max_examples=60, deadline=None)


@quick
@given(
    testing.dtypes(mx.floating), testing.dtypes(), testing.dtypes(mx.integer, exclude=(mx.int8,))
)
def test_dtypes(floating: mx.Dtype, any_type: mx.Dtype, integer: mx.Dtype) -> None:
    assert mx.issubdtype(floating, mx.floating)
    assert mx.float64 not in (floating, any_type)
    assert mx.issubdtype(integer, mx.integer)
    assert integer != mx.int8


def test_every_dtype_is_drawn() -> None:
    for dtype in (mx.bool_, mx.uint64, mx.bfloat16, mx.complex64):
        assert find(testing.dtypes(), dtype.__eq__) == dtype
    assert find(testing.dtypes(exclude=()), lambda drawn: drawn == mx.float64) == mx.float64
    with pytest.raises(ValueError, match="no data type"):
        testing.dtypes(mx.floating, exclude=(mx.float16, mx.bfloat16, mx.float32, mx.float64))


@quick
@given(testing.shapes(min_dims=1, max_dims=3, min_side=2, max_side=4), testing.shapes())
def test_shapes(narrow: tuple[int, ...], wide: tuple[int, ...]) -> None:
    assert 1 <= len(narrow) <= 3
    assert all(2 <= extent <= 4 for extent in narrow)
    assert len(wide) <= 4
    assert all(0 <= extent <= 5 for extent in wide)


@quick
@given(st.data(), st.integers(1, 4))
def test_broadcastable(data: st.DataObject, count: int) -> None:
    shapes = data.draw(testing.broadcastable_shapes(count))
    assert len(shapes) == count
    assert mx.broadcast_shapes(*shapes) == np.broadcast_shapes(*shapes)
    arrays = data.draw(testing.broadcastable_arrays(count, testing.dtypes()))
    np.broadcast_shapes(*(x.shape for x in arrays))


def test_broadcastable_shapes_differ_either_way() -> None:
    find(testing.broadcastable_shapes(), lambda pair: len(pair[0]) < len(pair[1]))
    find(testing.broadcastable_shapes(), lambda pair: len(pair[0]) > len(pair[1]))
    find(testing.broadcastable_shapes(), lambda pair: pair[0] == pair[1])
    find(testing.broadcastable_shapes(), lambda pair: 0 in pair[0] and 1 in pair[1])


@quick
@given(st.data(), st.integers(1, 4))
def test_axes(data: st.DataObject, ndim: int) -> None:
    x = np.zeros((2,) * ndim)
    axis = data.draw(testing.axes(ndim))
    assert isinstance(axis, int)
    x.sum(axis)
    x.sum(data.draw(testing.axes(ndim, several=True)))


def test_axes_of_every_kind_are_drawn() -> None:
    axes = testing.axes(3, several=True)
    for way in (
        lambda axis: axis is None,
        lambda axis: axis == -3,
        lambda axis: isinstance(axis, tuple) and len(axis) == 3 and min(axis) < 0,
        lambda axis: axis == (),
    ):
        find(axes, way)


@settings(max_examples=200, deadline=None)
@given(st.data(), testing.shapes(max_dims=3))
def test_indices(data: st.DataObject, shape: tuple[int, ...]) -> None:
    x = np.arange(math.prod(shape)).reshape(shape)
    index = data.draw(testing.indices(shape))
    parts = index if isinstance(index, tuple) else (index,)
    theirs = tuple(np.array(part) if isinstance(part, mx.array) else part for part in parts)
    testing.assert_array_equal(mx.array(x)[index], x[theirs], check_dtype=False)


def test_indices_of_every_kind_are_drawn() -> None:
    def holds(kind: type) -> Any:
        return lambda index: isinstance(index, tuple) and any(isinstance(i, kind) for i in index)

    for kind in (int, slice, type(...), type(None), mx.array):
        find(testing.indices((3, 4)), holds(kind))
    for forbidden, options in (
        (mx.array, {"allow_arrays": False}),
        (type(None), {"allow_newaxis": False}),
    ):
        with pytest.raises(NoSuchExample):
            find(testing.indices((3, 4), **options), holds(forbidden))


@quick
@given(st.data(), testing.dtypes(exclude=()))
def test_arrays(data: st.DataObject, dtype: mx.Dtype) -> None:
    x = data.draw(testing.arrays(dtype, (2, 3), min_value=-2.1, max_value=9.7))
    assert x.dtype == dtype
    assert x.shape == (2, 3)
    values = np.array(x.astype(mx.complex64) if dtype != mx.float64 else x)
    if dtype != mx.bool_:
        assert (values.real >= -2.1).all()
        assert (values.real <= 9.7).all()
    elif dtype == mx.complex64:
        assert (values.imag <= 9.7).all()


@quick
@given(st.data(), testing.dtypes(mx.floating, exclude=()), st.booleans())
def test_elements_are_exact(data: st.DataObject, dtype: mx.Dtype, special: bool) -> None:
    """What is drawn is a number of the type: nothing is rounded, to infinity or otherwise."""
    elements = data.draw(testing.arrays(dtype, 4, allow_special=special)).tolist()
    assert special or all(map(math.isfinite, elements))
    largest = mx.finfo(dtype).max
    assert all(abs(x) <= largest for x in elements if math.isfinite(x))


def test_special_elements_are_drawn() -> None:
    some = testing.arrays(mx.bfloat16, 1, allow_special=True)
    find(some, lambda x: math.isnan(x.item()))
    find(some, lambda x: math.isinf(x.item()))
    find(testing.arrays(mx.uint8, 2), lambda x: x.tolist() == [255, 255])
    find(testing.arrays(mx.float16, 1), lambda x: x.item() > 60000)
    find(testing.arrays(mx.bfloat16, 1), lambda x: x.item() > 3e38)
    find(testing.arrays(mx.float32, 1), lambda x: x.item() > 3.4e38)


def test_unique_and_given_elements() -> None:
    @quick
    @given(testing.arrays(mx.int8, 5, elements=st.integers(0, 9), unique=True))
    def check(x: mx.array) -> None:
        values = x.tolist()
        assert len(set(values)) == 5
        assert all(0 <= value <= 9 for value in values)

    check()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: testing.shapes(min_dims=3, max_dims=2), r"\[shapes\] 0 <= min_dims <= max_dims"),
        (lambda: testing.shapes(min_side=-1), "min_side"),
        (lambda: testing.broadcastable_shapes(0), "count must be 1"),
        (lambda: testing.axes(0), "ndim must be 1"),
        (lambda: testing.assert_allclose([1], [1], rtol=-1), "rtol must be 0"),
        (lambda: testing.assert_allclose([1], [1], atol=math.nan), "atol must be 0"),
        (lambda: testing.assert_array_equal([[1], [1, 2]], [1]), "actual must be an array"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# ---- comparisons


def equal(actual: Any, desired: Any, **options: Any) -> str:
    """What is said, or nothing if nothing differs."""
    try:
        testing.assert_array_equal(actual, desired, **options)
    except AssertionError as error:
        return str(error)
    return ""


def close(actual: Any, desired: Any, *tolerances: float, **options: Any) -> str:
    try:
        testing.assert_allclose(actual, desired, *tolerances, **options)
    except AssertionError as error:
        return str(error)
    return ""


def test_equal() -> None:
    x = mx.array([[1, 2], [3, 4]])
    for same in (x, [[1, 2], [3, 4]], ((1, 2), [3, 4]), np.array(x), [mx.array([1, 2]), [3, 4]]):
        assert not equal(x, same)
    assert not equal(mx.zeros((0, 3)), np.zeros((0, 3), np.float32))
    assert not equal(mx.array(2), 2)
    assert not equal(mx.full((3,), 2), 2)
    assert not equal(mx.array([1 + 2j]), [1 + 2j])
    assert not equal(mx.array([2**63 - 1]), [2**63 - 1])
    assert not equal(mx.array([math.inf, math.nan]), [math.inf, math.nan])


def test_what_differs_is_said() -> None:
    x = mx.arange(8).reshape(2, 4)
    assert "arrays differ: 8 of 8" in equal(x, x + 1)
    assert equal(x, x + 1).endswith("...")
    assert "[1, 3]: 7, not 9" in equal(x, [[0, 1, 2, 3], [4, 5, 6, 9]])
    assert "shapes differ" in equal(x, mx.arange(8))
    assert "(2, 4), int32" in equal(x, mx.arange(8))
    assert "shapes differ" in equal(mx.zeros((0, 3)), mx.zeros((3, 0)))
    assert "data types differ" in equal(x, x.astype(mx.int64))
    assert "data types differ" in equal(x, np.array(x).astype(np.int64))
    assert not equal(x, x.astype(mx.int64), check_dtype=False)
    assert equal(mx.array([math.nan]), [math.nan], equal_nan=False)
    assert equal(mx.array([math.nan]), [1.0])
    assert equal(mx.array([math.inf]), [-math.inf])
    assert equal(mx.array([2**53 + 1]), [2**53])
    assert equal(x, 3, message="the sums").startswith("the sums: arrays differ: 7 of 8")


def test_close() -> None:
    x = mx.array([1.0, 100.0])
    assert not close(x, [1.00001, 100.001], 2e-5)
    assert close(x, [1.0, 100.003], 2e-5)
    assert not close(x, [1.0, 100.003], 0, 4e-3)
    assert "0.00" in close(x, [1.0, 100.01])
    assert "absolute" in close(x, [1.0, 101.0])
    # Infinities are close to themselves only, whatever the tolerances.
    assert close(mx.array([1.0]), [math.inf], 1.0, 1.0)
    assert close(mx.array([math.inf]), [1.0], 1.0, 1.0)
    assert not close(mx.array([math.inf]), [math.inf])
    assert "not finite" in close(mx.array([math.inf]), [1.0])
    assert not close(mx.array([math.nan]), [math.nan])
    assert close(mx.array([math.nan]), [math.nan], equal_nan=False)
    assert not close(mx.array([1 + 1j]), [1 + 1.000001j])
    assert close(mx.array([1 + 1j]), [1 + 1.1j])
    assert "data types" in close(x, x.astype(mx.float16), check_dtype=True)


@pytest.mark.parametrize(
    ("dtype", "near", "far"),
    [
        (mx.float16, 1.002, 1.01),
        (mx.bfloat16, 1.01, 1.05),
        (mx.float32, 1.000005, 1.00005),
        (mx.float64, 1 + 1e-13, 1 + 1e-11),
    ],
)
def test_the_tolerance_is_that_of_the_less_precise_type(
    dtype: mx.Dtype, near: float, far: float
) -> None:
    one = mx.array([1.0], dtype)
    assert not close(one, [near])
    assert close(one, [far])
    assert not close(np.array([near]), one)


def test_only_numbers_are_compared() -> None:
    with pytest.raises(TypeError, match="desired must hold numbers, not str"):
        testing.assert_array_equal(mx.array([1]), ["1"])


def test_without_hypothesis() -> None:
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from mlx_core_py import testing\n"
        "testing.assert_array_equal([1], [1])\n"
        "for call in (testing.arrays, testing.shapes, testing.dtypes):\n"
        "    try: call()\n"
        "    except ImportError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0] == (
        'mlx_core_py.testing.arrays needs Hypothesis: pip install "mlx-core-py[testing]"'
    )
    assert len(lines) == 3


def test_hypothesis_is_loaded_when_it_is_needed() -> None:
    program = "import sys; from mlx_core_py import testing; assert 'hypothesis' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], timeout=120, check=True)
