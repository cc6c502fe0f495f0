"""Parts of numbers, and the arithmetic that NumPy has and MLX lacks."""

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
from strategies import quick, to_numpy

# Of every kind: zeros, subnormal numbers, the largest, infinities, NaN.
FLOATS32 = hnp.arrays(
    np.float32, hnp.array_shapes(max_dims=2, max_side=40), elements=st.floats(width=32)
)
PAIRS = st.tuples(
    hnp.arrays(np.float32, 33, elements=st.floats(width=32)),
    hnp.arrays(np.float32, 33, elements=st.floats(width=32)),
)
TYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}


def same(got: mx.array, expected: np.ndarray) -> None:
    """Equal to the last bit, NaN and the signs of zeros included."""
    mine = to_numpy(got)
    assert mine.dtype == expected.dtype
    assert np.array_equal(mine, expected, equal_nan=True)
    numbers = ~np.isnan(expected)
    assert np.array_equal(np.signbit(mine[numbers]), np.signbit(expected[numbers]))


@quick
@given(x=FLOATS32)
def test_frexp(x: np.ndarray) -> None:
    mantissa, exponent = mx.frexp(mx.array(x))
    expected, powers = np.frexp(x)
    finite = np.isfinite(x)
    same(mantissa, expected)
    assert np.array_equal(np.array(exponent)[finite], powers[finite])


@quick
@given(x=FLOATS32)
def test_modf(x: np.ndarray) -> None:
    for got, expected in zip(mx.modf(mx.array(x)), np.modf(x), strict=True):
        same(got, expected)


@quick
@given(x=hnp.arrays(np.float32, 33, elements=st.floats(width=32)), n=hnp.arrays(np.int32, 33))
def test_ldexp(x: np.ndarray, n: np.ndarray) -> None:
    n = n % 700 - 350
    with np.errstate(all="ignore"):
        same(mx.ldexp(mx.array(x), mx.array(n)), np.ldexp(x, n))


def test_ldexp_rounds_once() -> None:
    # With the factors in another order, this would be rounded at 2^-136 first.
    x = np.float32(1 + 2**-9 + 2**-14 + 2**-20) * np.float32(2**-10)
    for n in (-130, -133, -139):
        assert mx.ldexp(mx.array(x), n).item() == np.ldexp(x, n)
    assert mx.ldexp(mx.array([1.5], mx.float16), mx.array([-20])).item() == np.ldexp(
        np.float16(1.5), -20
    )
    assert mx.ldexp(mx.array(1.0), mx.array(2**62)).item() == math.inf
    assert mx.ldexp(mx.array(1.0), mx.array(-(2**62))).item() == 0
    with pytest.raises(ValueError, match="takes integers only"):
        mx.ldexp(mx.array(1.0), mx.array(0.5))


@pytest.mark.parametrize("dtype", TYPES)
def test_nextafter(dtype: str) -> None:
    kind = TYPES[dtype]
    info: Any = np.finfo(kind)
    numbers = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        1.5,
        info.tiny,
        info.max,
        -info.max,
        math.inf,
        -math.inf,
        math.nan,
    ]
    x = np.array([a for a in numbers for _ in numbers], kind)
    y = np.array(numbers * len(numbers), kind)
    got = mx.nextafter(
        mx.array(x.tolist(), getattr(mx, dtype)),
        mx.array(y.tolist(), getattr(mx, dtype)),
        stream=mx.cpu,
    )
    with np.errstate(all="ignore"):
        expected = np.nextafter(x, y)
    assert np.array_equal(got.tolist(), expected.tolist(), equal_nan=True)


@quick
@given(pair=PAIRS)
def test_binary_of_all_numbers(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pair
    a, b = mx.array(x), mx.array(y)
    with np.errstate(all="ignore"):
        same(mx.copysign(a, b), np.copysign(x, y))
        same(mx.nextafter(a, b), np.nextafter(x, y))
        assert np.array_equal(to_numpy(mx.fmax(a, b)), np.fmax(x, y), equal_nan=True)
        assert np.array_equal(to_numpy(mx.fmin(a, b)), np.fmin(x, y), equal_nan=True)
        same(mx.fmod(a, b), np.fmod(x, y))
        hypot = np.hypot(x.astype(np.float64), y.astype(np.float64)).astype(np.float32)
        assert np.allclose(to_numpy(mx.hypot(a, b)), hypot, rtol=2e-7, atol=1e-45, equal_nan=True)
        assert np.array_equal(to_numpy(mx.signbit(a)), np.signbit(x))
        same(mx.spacing(a), np.spacing(x))


def test_hypot_of_doubles_does_not_overflow() -> None:
    x, y = mx.array([3e200, 3e-200, 0.0], mx.float64), mx.array([4e200, 4e-200, 0.0], mx.float64)
    assert mx.hypot(x, y, stream=mx.cpu).tolist() == pytest.approx([5e200, 5e-200, 0.0], rel=1e-15)


INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ["gcd", "lcm"])
def test_divisors(name: str, dtype: str) -> None:
    small = [0, 1, 2, 6, 8, 9, 12, 13]
    if not dtype.startswith("u"):
        small += [-1, -6, -8]
    x = np.array([a for a in small for _ in small], dtype)
    y = np.array(small * len(small), dtype)
    expected = getattr(np, name)(x.astype(np.int64), y.astype(np.int64))
    got = getattr(mx, name)(mx.array(x), mx.array(y))
    assert got.dtype == getattr(mx, dtype)
    fits = expected <= np.iinfo(dtype).max
    assert np.array(got)[fits].tolist() == expected[fits].tolist()


def test_divisors_of_what_takes_most_steps() -> None:
    a, b = 1, 1
    while b < 2**62:
        a, b = b, a + b
    assert mx.gcd(mx.array(a, mx.int64), mx.array(b, mx.int64)).item() == 1
    with pytest.raises(ValueError, match="takes integers only"):
        mx.gcd(mx.array(1.0), 2)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_fmod_of_integers(dtype: str) -> None:
    x = np.array([7, 7, 100, 5, 0, 6], dtype)
    y = np.array([3, 4, 7, 9, 3, 3], dtype)
    if not dtype.startswith("u"):
        x, y = np.concatenate([x, -x, x, -x]), np.concatenate([y, y, -y, -y])
    assert mx.fmod(mx.array(x), mx.array(y)).tolist() == np.fmod(x, y).tolist()
    assert mx.fmod(mx.array(x), mx.array(0, getattr(mx, dtype))).tolist() == x.tolist()


def test_float_power() -> None:
    assert mx.float_power(mx.array([2, 3]), -1).tolist() == pytest.approx([0.5, 1 / 3])
    assert mx.float_power(mx.array([4.0], mx.float16), 0.5).dtype == mx.float16


def test_types_and_scalars() -> None:
    half = mx.array([1.0, -2.0], mx.float16)
    for name in (
        "copysign",
        "hypot",
        "nextafter",
        "fmax",
        "fmin",
        "fmod",
        "logaddexp2",
        "heaviside",
    ):
        function = getattr(mx, name)
        assert function(half, 1.0).dtype == mx.float16, name
        assert function(1.0, half).dtype == mx.float16, name
        assert function(half, mx.ones((3, 1))).shape == (3, 2), name
    assert mx.copysign(1, mx.array([-3])).tolist() == [-1.0]
    assert mx.fmax(mx.array([1]), 3).dtype == mx.int32
    for name in ("copysign", "hypot", "fmax", "cbrt", "signbit", "frexp", "modf"):
        operands = [mx.array([1j])] * (1 if name in ("cbrt", "signbit", "frexp", "modf") else 2)
        with pytest.raises(ValueError, match="complex"):
            getattr(mx, name)(*operands)


GRADIENTS: dict[str, tuple[Callable[..., mx.array], tuple[float, ...], tuple[float, ...]]] = {
    "cbrt": (mx.cbrt, (8.0,), (1 / 12,)),
    "copysign": (mx.copysign, (3.0, -2.0), (-1.0, 0.0)),
    "exp2": (mx.exp2, (3.0,), (8 * math.log(2),)),
    "expm1": (mx.expm1, (1.0,), (math.e,)),
    "fmax": (mx.fmax, (3.0, 2.0), (1.0, 0.0)),
    "fmax of NaN": (mx.fmax, (math.nan, 2.0), (0.0, 1.0)),
    "fmax of equals": (mx.fmax, (2.0, 2.0), (0.0, 1.0)),
    "fmin": (mx.fmin, (3.0, 2.0), (0.0, 1.0)),
    "fmod": (mx.fmod, (7.0, 4.0), (1.0, -1.0)),
    "hypot": (mx.hypot, (3.0, 4.0), (0.6, 0.8)),
    "hypot of zeros": (mx.hypot, (0.0, 0.0), (0.0, 0.0)),
    "ldexp": (lambda x: mx.ldexp(x, 3), (1.5,), (8.0,)),
    "logaddexp2": (mx.logaddexp2, (2.0, 2.0), (0.5, 0.5)),
    "modf": (lambda x: mx.modf(x)[0], (1.5,), (1.0,)),
    "nan_to_num": (mx.nan_to_num, (1.5,), (1.0,)),
    "sinc": (mx.sinc, (0.5,), (-4 / math.pi,)),
    "sinc at 0": (mx.sinc, (0.0,), (0.0,)),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name: str) -> None:
    function, operands, expected = GRADIENTS[name]
    arrays = [mx.array(a) for a in operands]
    got = [mx.grad(function, argnums=i)(*arrays).item() for i in range(len(arrays))]
    assert got == pytest.approx(list(expected), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    "name", ["copysign", "hypot", "fmax", "nextafter", "gcd", "fmod", "logaddexp2"]
)
def test_transforms(name: str) -> None:
    function = getattr(mx, name)
    x = mx.array([[3, -4, 12], [5, 8, -9]])
    y = mx.array([[4, 6, -5], [15, -12, 6]])
    if name != "gcd":
        x, y = x.astype(mx.float32), y.astype(mx.float32)
    expected = np.array(function(x, y))
    assert np.array_equal(np.array(mx.vmap(function)(x, y)), expected)
    assert np.array_equal(np.array(mx.vmap(function, (1, 0), 1)(x, y.T)), expected)
    assert np.array_equal(np.array(mx.compile(function)(x, y)), expected)
    if name == "nextafter":
        # MLX cannot tell the shape of what it views as another type.
        return
    shapeless = mx.compile(function, shapeless=True)
    shapeless(x[:, :1], y[:, :1])
    assert np.array_equal(np.array(shapeless(x, y)), expected)
