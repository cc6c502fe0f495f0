"""Elementwise operations against NumPy, and the type promotion they share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import (
    FLOATS,
    INTEGERS,
    SHAPES_WITH_EMPTY,
    TOLERANCE,
    assert_close,
    assert_equal,
    broadcastable,
    floats,
    integers,
    quick,
    to_numpy,
)

Ufunc = Callable[..., np.ndarray]

UNARY: dict[str, tuple[Ufunc, float, float]] = {
    "abs": (np.abs, -9, 9),
    "arccos": (np.arccos, -0.99, 0.99),
    "arccosh": (np.arccosh, 1.01, 9),
    "arcsin": (np.arcsin, -0.99, 0.99),
    "arcsinh": (np.arcsinh, -9, 9),
    "arctan": (np.arctan, -9, 9),
    "arctanh": (np.arctanh, -0.99, 0.99),
    "cbrt": (np.cbrt, -9, 9),
    "ceil": (np.ceil, -9, 9),
    "cos": (np.cos, -9, 9),
    "cosh": (np.cosh, -5, 5),
    "degrees": (np.degrees, -9, 9),
    "erf": (np.vectorize(math.erf, otypes=[float]), -3, 3),
    "exp": (np.exp, -9, 9),
    "exp2": (np.exp2, -9, 9),
    "expm1": (np.expm1, -5, 5),
    "floor": (np.floor, -9, 9),
    "log": (np.log, 0.01, 9),
    "log10": (np.log10, 0.01, 9),
    "log1p": (np.log1p, -0.9, 9),
    "log2": (np.log2, 0.01, 9),
    "negative": (np.negative, -9, 9),
    "positive": (np.positive, -9, 9),
    "radians": (np.radians, -360, 360),
    "reciprocal": (np.reciprocal, 0.1, 9),
    "rint": (np.rint, -9, 9),
    "round": (np.round, -9, 9),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 0.1, 9),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -9, 9),
    "sign": (np.sign, -9, 9),
    "sin": (np.sin, -9, 9),
    "sinc": (np.sinc, -9, 9),
    "sinh": (np.sinh, -5, 5),
    "sqrt": (np.sqrt, 0, 9),
    "square": (np.square, -9, 9),
    "stop_gradient": (np.positive, -9, 9),
    "tan": (np.tan, -1.4, 1.4),
    "tanh": (np.tanh, -9, 9),
    "trunc": (np.trunc, -9, 9),
}
METHODS = (
    *("abs", "cos", "exp", "log", "log10", "log1p", "log2", "reciprocal", "round", "rsqrt"),
    *("sin", "sqrt", "square"),
)

BINARY: dict[str, Ufunc] = {
    "add": np.add,
    "arctan2": np.arctan2,
    "copysign": np.copysign,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "heaviside": np.heaviside,
    "hypot": np.hypot,
    "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "multiply": np.multiply,
    "subtract": np.subtract,
}
INTEGER_BINARY: dict[str, Ufunc] = {
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
}
COMPARISONS: dict[str, Ufunc] = {
    "equal": np.equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "not_equal": np.not_equal,
}
ALIASES = {
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift",
    "conj": "conjugate",
    "deg2rad": "radians",
    "fix": "trunc",
    "pow": "power",
    "rad2deg": "degrees",
}
SPECIAL = hnp.arrays(
    np.float32, SHAPES_WITH_EMPTY, elements=st.sampled_from([0.0, -1.5, np.nan, np.inf, -np.inf])
)


@pytest.mark.parametrize("name", UNARY)
@quick
@given(unit=floats(SHAPES_WITH_EMPTY, 0, 1))
def test_unary(name: str, unit: np.ndarray) -> None:
    oracle, low, high = UNARY[name]
    x = np.float32(low) + np.float32(high - low) * unit
    assert_close(getattr(mx, name)(mx.array(x)), oracle(x.astype(np.float64)), atol=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_method_is_the_function(name: str) -> None:
    x = mx.array([0.25, 1.0, 2.5])
    assert_equal(getattr(x, name)(), to_numpy(getattr(mx, name)(x)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["exp", "sin", "sqrt", "tanh", "sigmoid"])
def test_unary_keeps_floating_types(name: str, dtype: str) -> None:
    x = np.linspace(0.1, 2, 50)
    got = getattr(mx, name)(mx.array(x).astype(getattr(mx, dtype)))
    assert got.dtype == getattr(mx, dtype)
    assert_close(got, UNARY[name][0](x), rtol=2 * TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", INTEGERS)
def test_unary_makes_floats_of_integers(dtype: str) -> None:
    got = mx.exp(mx.array([0, 1], getattr(mx, dtype)))
    assert got.dtype == mx.float32
    assert_close(got, [1.0, math.e])


@quick
@given(x=floats(low=-0.99, high=0.99))
def test_erfinv_is_the_inverse_of_erf(x: np.ndarray) -> None:
    assert_close(mx.erf(mx.erfinv(mx.array(x))), x, atol=1e-4)


@pytest.mark.parametrize("name", BINARY)
@quick
@given(pair=broadcastable())
def test_binary(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    want = BINARY[name](a.astype(np.float64), b.astype(np.float64))
    assert_close(getattr(mx, name)(mx.array(a), mx.array(b)), want)


@quick
@given(pair=broadcastable(low=0.25, high=3))
def test_divide_and_power(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = (x.astype(np.float64) for x in pair)
    assert_close(mx.divide(mx.array(pair[0]), mx.array(pair[1])), a / b)
    assert_close(mx.power(mx.array(pair[0]), mx.array(pair[1])), a**b, rtol=1e-4)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint32"])
@pytest.mark.parametrize("name", INTEGER_BINARY)
@quick
@given(data=st.data())
def test_integer_binary(name: str, dtype: str, data: st.DataObject) -> None:
    low = 0 if dtype.startswith("u") else -100
    a = data.draw(integers((3, 4), low, 100, dtype))
    b = data.draw(integers((4,), 1, 100, dtype))
    got = getattr(mx, name)(mx.array(a), mx.array(b))
    assert got.dtype == getattr(mx, dtype)
    assert_equal(got, INTEGER_BINARY[name](a, b))


@quick
@given(a=integers(low=-99, high=99), b=st.integers(1, 20))
def test_divmod_is_quotient_and_remainder(a: np.ndarray, b: int) -> None:
    quotient, remainder = mx.divmod(mx.array(a), b)
    assert_equal(quotient * b + remainder, a)
    assert_equal(remainder, a % b)


@quick
@given(a=integers(low=0, high=1000), places=st.integers(0, 10))
def test_shifts_and_inversion(a: np.ndarray, places: int) -> None:
    assert_equal(mx.left_shift(mx.array(a), places), a << places)
    assert_equal(mx.right_shift(mx.array(a), places), a >> places)
    assert_equal(mx.bitwise_invert(mx.array(a)), ~a)


@pytest.mark.parametrize("name", COMPARISONS)
@quick
@given(
    pair=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3).flatmap(
        lambda shapes: st.tuples(*(integers(shape, -1, 1) for shape in shapes.input_shapes))
    )
)
def test_comparisons(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    got = getattr(mx, name)(mx.array(pair[0]), mx.array(pair[1]))
    assert got.dtype == mx.bool_
    assert_equal(got, COMPARISONS[name](*pair))


@quick
@given(x=SPECIAL)
def test_kinds_of_numbers(x: np.ndarray) -> None:
    a = mx.array(x)
    for name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "logical_not"):
        assert_equal(getattr(mx, name)(a), getattr(np, name)(x))
    assert_close(mx.nan_to_num(a, 7, 8, 9), np.nan_to_num(x, nan=7, posinf=8, neginf=9))


@quick
@given(x=SPECIAL, y=SPECIAL)
def test_closeness_of_special_numbers(x: np.ndarray, y: np.ndarray) -> None:
    n = min(x.size, y.size)
    x, y = x.ravel()[:n], y.ravel()[:n]
    for equal_nan in (False, True):
        want = np.isclose(x, y, equal_nan=equal_nan)
        assert_equal(mx.isclose(mx.array(x), mx.array(y), equal_nan=equal_nan), want)
        got = mx.allclose(mx.array(x), mx.array(y), equal_nan=equal_nan)
        assert got.item() == want.all()
        got = mx.array_equal(mx.array(x), mx.array(y), equal_nan=equal_nan)
        assert got.item() == np.array_equal(x, y, equal_nan=equal_nan)


@quick
@given(x=floats(), low=st.floats(-3, 0, width=32), high=st.floats(0, 3, width=32))
def test_clip(x: np.ndarray, low: float, high: float) -> None:
    a = mx.array(x)
    assert_equal(mx.clip(a, low, high), np.clip(x, np.float32(low), np.float32(high)))
    assert_equal(mx.clip(a, None, high), np.minimum(x, np.float32(high)))
    assert_equal(mx.clip(a, mx.array(low), None), np.maximum(x, np.float32(low)))


@quick
@given(triple=broadcastable(3))
def test_where(triple: tuple[np.ndarray, ...]) -> None:
    c, x, y = triple
    assert_equal(mx.where(mx.array(c) > 0, mx.array(x), mx.array(y)), np.where(c > 0, x, y))


@quick
@given(re=floats((2, 3)), im=floats((2, 3)))
def test_complex_parts(re: np.ndarray, im: np.ndarray) -> None:
    z = (re + 1j * im).astype(np.complex64)
    a = mx.array(z)
    assert_equal(mx.real(a), re)
    assert_equal(mx.imag(a), im)
    assert_equal(mx.conjugate(a), z.conj())
    assert_close(mx.abs(a), np.abs(z))
    assert_close(mx.exp(a), np.exp(z), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_scalars_are_weak(dtype: str) -> None:
    x = mx.array([1, 2], getattr(mx, dtype))
    assert mx.add(x, 2).dtype == x.dtype
    assert mx.multiply(True, x).dtype == x.dtype
    assert mx.maximum(x, 1.5).dtype == (x.dtype if dtype in FLOATS else mx.float32)
    assert mx.where(x > 1, x, 0).dtype == x.dtype


@pytest.mark.parametrize(
    ("left", "right", "want"),
    [
        ("int8", "uint8", "int16"),
        ("int32", "uint32", "int64"),
        ("int64", "float16", "float16"),
        ("float16", "bfloat16", "float32"),
        ("bool_", "int8", "int8"),
        ("float32", "complex64", "complex64"),
    ],
)
def test_arrays_promote_each_other(left: str, right: str, want: str) -> None:
    a, b = mx.ones(1, getattr(mx, left)), mx.ones(1, getattr(mx, right))
    assert mx.add(a, b).dtype == mx.add(b, a).dtype == getattr(mx, want)


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_compute_the_same(alias: str) -> None:
    binary = ALIASES[alias] in ("arctan2", "left_shift", "right_shift", "power")
    x = mx.array([1, 3]) if "shift" in alias else mx.array([0.5, 1.0])
    arguments = (x, x) if binary else (x,)
    want = to_numpy(getattr(mx, ALIASES[alias])(*arguments))
    assert_equal(getattr(mx, alias)(*arguments), want)


@pytest.mark.parametrize("name", BINARY)
def test_shapes_that_do_not_broadcast(name: str) -> None:
    with pytest.raises(ValueError):
        getattr(mx, name)(mx.zeros((2, 3)), mx.zeros((4,)))


@pytest.mark.parametrize("value", [object(), {"a": 1}])
def test_things_that_are_no_arrays(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        mx.exp(value)
    with pytest.raises((TypeError, ValueError)):
        mx.add(mx.zeros(2), value)
