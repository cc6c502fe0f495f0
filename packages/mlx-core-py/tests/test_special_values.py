"""Special values of elementwise functions: those of the array API, real and complex.

The tables say what the standard says of each function, as values: an operand, or two, and the
result.
`ANY` stands for numbers of every kind.
"""

from __future__ import annotations

import cmath
import itertools
import math
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest

INF, NAN, PI = math.inf, math.nan, math.pi

# name: [(operand, result)]
UNARY: dict[str, list[tuple[float, float]]] = {
    "abs": [(NAN, NAN), (-0.0, 0.0), (-INF, INF)],
    "acos": [(NAN, NAN), (1.5, NAN), (-1.5, NAN), (1.0, 0.0)],
    "acosh": [(NAN, NAN), (0.5, NAN), (1.0, 0.0), (INF, INF)],
    "asin": [(NAN, NAN), (1.5, NAN), (-1.5, NAN), (0.0, 0.0), (-0.0, -0.0)],
    "asinh": [(NAN, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF)],
    "atan": [(NAN, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, PI / 2), (-INF, -PI / 2)],
    "atanh": [
        *[(NAN, NAN), (-1.5, NAN), (1.5, NAN), (-1.0, -INF), (1.0, INF)],
        *[(0.0, 0.0), (-0.0, -0.0)],
    ],
    "ceil": [(3.0, 3.0), (INF, INF), (-INF, -INF), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN)],
    "cos": [(NAN, NAN), (0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN)],
    "cosh": [(NAN, NAN), (0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF)],
    "exp": [(NAN, NAN), (0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0)],
    "expm1": [(NAN, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0)],
    "floor": [(3.0, 3.0), (INF, INF), (-INF, -INF), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN)],
    "log": [(NAN, NAN), (-1.0, NAN), (0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF)],
    "log1p": [
        *[(NAN, NAN), (-1.5, NAN), (-1.0, -INF), (-0.0, -0.0), (0.0, 0.0), (INF, INF)],
    ],
    "log2": [(NAN, NAN), (-1.0, NAN), (0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF)],
    "log10": [(NAN, NAN), (-1.0, NAN), (0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF)],
    "reciprocal": [(NAN, NAN), (0.0, INF), (-0.0, -INF), (INF, 0.0), (-INF, -0.0)],
    "round": [
        *[(3.0, 3.0), (16777216.0, 16777216.0), (8388609.0, 8388609.0), (3e30, 3e30)],
        *[(INF, INF), (-INF, -INF), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN), (0.5, 0.0)],
        *[(1.5, 2.0), (2.5, 2.0), (-0.5, -0.0)],
    ],
    "sign": [(-2.0, -1.0), (-0.0, 0.0), (0.0, 0.0), (2.0, 1.0), (NAN, NAN), (INF, 1.0)],
    "sin": [(NAN, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)],
    "sinh": [(NAN, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF)],
    "sqrt": [(NAN, NAN), (-1.0, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, INF)],
    "tan": [(NAN, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)],
    "tanh": [(NAN, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0)],
    "trunc": [
        *[(3.0, 3.0), (INF, INF), (-INF, -INF), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN)],
        *[(-0.5, -0.0)],
    ],
}

P, N = [0.5, 1.0, 3.0], [-0.5, -1.0, -3.0]  # positive and negative numbers
ANY = [*P, *N, 0.0, -0.0, INF, -INF, NAN]


def pairs(first: list[float], second: list[float], result: float) -> list[Any]:
    return [(a, b, result) for a, b in itertools.product(first, second)]


# name: [(operand, operand, result)]
BINARY: dict[str, list[tuple[float, float, float]]] = {
    "add": [
        *pairs([NAN], ANY, NAN), *pairs([INF], [-INF], NAN), *pairs([INF], [*P, *N, INF], INF),
        *pairs([-INF], [*P, *N, -INF], -INF), (-0.0, -0.0, -0.0), (-0.0, 0.0, 0.0), (0.0, 0.0, 0.0),
        (1.5, -1.5, 0.0),
    ],
    "subtract": [*pairs([INF], [INF], NAN), *pairs([INF], [-INF, *P], INF), (0.0, 0.0, 0.0)],
    "multiply": [
        *pairs([NAN], ANY, NAN), *pairs([INF, -INF], [0.0, -0.0], NAN), *pairs([INF], P, INF),
        *pairs([INF], N, -INF), *pairs([-0.0], P, -0.0), *pairs([-0.0], N, 0.0),
    ],
    "divide": [
        *pairs([NAN], ANY, NAN), *pairs([INF, -INF], [INF, -INF], NAN),
        *pairs([0.0, -0.0], [0.0, -0.0], NAN), *pairs([0.0], P, 0.0), *pairs([-0.0], P, -0.0),
        *pairs([0.0], N, -0.0), *pairs(P, [0.0], INF), *pairs(P, [-0.0], -INF),
        *pairs(N, [0.0], -INF), *pairs([INF], P, INF), *pairs([INF], N, -INF),
        *pairs(P, [INF], 0.0), *pairs(P, [-INF], -0.0), *pairs(N, [INF], -0.0),
        *pairs(N, [-INF], 0.0),
    ],
    "atan2": [
        *pairs([NAN], ANY, NAN), *pairs(P, [0.0, -0.0], PI / 2), *pairs([0.0], [*P, 0.0], 0.0),
        *pairs([0.0], [*N, -0.0, -INF], PI), *pairs([-0.0], [*P, 0.0, INF], -0.0),
        *pairs([-0.0], [*N, -0.0, -INF], -PI), *pairs(N, [0.0, -0.0], -PI / 2),
        *pairs(P, [INF], 0.0), *pairs(P, [-INF], PI), *pairs(N, [INF], -0.0),
        *pairs(N, [-INF], -PI), *pairs([INF], [*P, *N, 0.0], PI / 2),
        *pairs([-INF], [*P, *N, 0.0], -PI / 2), (INF, INF, PI / 4), (INF, -INF, 3 * PI / 4),
        (-INF, INF, -PI / 4), (-INF, -INF, -3 * PI / 4),
    ],
    "copysign": [
        *[(a, b, -abs(a)) for a in (*P, *N, INF, 0.0) for b in (*N, -0.0, -INF)],
        *[(a, b, abs(a)) for a in (*P, *N, -INF, -0.0) for b in (*P, 0.0, INF)],
        *pairs([NAN], [*P, *N, 0.0, -0.0], NAN),
    ],
    "hypot": [
        *pairs([INF, -INF], ANY, INF), *pairs(ANY, [INF, -INF], INF),
        *[(a, b, abs(a)) for a in (*P, *N, 0.0) for b in (0.0, -0.0)],
        *pairs([NAN], [*P, *N, NAN], NAN),
    ],
    "logaddexp": [
        *pairs([NAN], ANY, NAN), *pairs([INF], [*P, *N, INF, -INF], INF), (-INF, -INF, -INF),
    ],
    "nextafter": [
        *pairs([NAN], ANY, NAN), *pairs(ANY, [NAN], NAN), (-0.0, 0.0, 0.0), (0.0, -0.0, -0.0),
        (1.0, 1.0, 1.0), (INF, INF, INF),
    ],
    "power": [
        *[(a, b, 1.0) for a in ANY for b in (0.0, -0.0)], *pairs([NAN], [*P, *N], NAN),
        *pairs([2.0, -2.0], [INF], INF), *pairs([2.0, -2.0], [-INF], 0.0), (1.0, INF, 1.0),
        (1.0, -INF, 1.0), (1.0, NAN, 1.0), *pairs([0.5, -0.5], [INF], 0.0),
        *pairs([0.5, -0.5], [-INF], INF), *pairs([INF], P, INF), *pairs([INF], N, 0.0),
        (-INF, 3.0, -INF), (-INF, 2.0, INF), (-INF, -3.0, -0.0), (-INF, -2.0, 0.0),
        *pairs([0.0], P, 0.0), *pairs([0.0], N, INF), (-0.0, 3.0, -0.0), (-0.0, 2.0, 0.0),
        (-0.0, -3.0, -INF), (-0.0, -2.0, INF), (-1.5, 0.5, NAN),
    ],
    "remainder": [
        *pairs([NAN], ANY, NAN), *pairs(ANY, [NAN], NAN), *pairs([INF, -INF], ANY, NAN),
        *pairs([*P, *N, 0.0, -0.0], [0.0, -0.0], NAN), *pairs([0.0, -0.0], P, 0.0),
        *pairs([0.0, -0.0], N, -0.0), *[(a, INF, a) for a in P], *pairs(N, [INF], INF),
        *pairs(P, [-INF], -INF), *[(a, -INF, a) for a in N], (3.0, 1.0, 0.0), (-3.0, 1.0, 0.0),
        (3.0, -1.0, -0.0), (-3.0, -1.0, -0.0),
    ],
    "floor_divide": [
        *pairs([NAN], ANY, NAN), *pairs([INF, -INF], [INF, -INF], NAN),
        *pairs([0.0, -0.0], [0.0, -0.0], NAN), *pairs([0.0], P, 0.0), *pairs([0.0], N, -0.0),
        *pairs(P, [0.0], INF), *pairs(P, [-0.0], -INF), *pairs(P, [INF], 0.0),
    ],
    "maximum": [*pairs([NAN], ANY, NAN), *pairs(ANY, [NAN], NAN)],
    "minimum": [*pairs([NAN], ANY, NAN), *pairs(ANY, [NAN], NAN)],
    "fmax": [(NAN, 1.0, 1.0), (1.0, NAN, 1.0), (NAN, NAN, NAN), (-INF, NAN, -INF), (2.0, 3.0, 3.0)],
    "fmin": [(NAN, 1.0, 1.0), (1.0, NAN, 1.0), (NAN, NAN, NAN), (INF, NAN, INF), (2.0, 3.0, 2.0)],
    "fmod": [
        *pairs([NAN], ANY, NAN), *pairs([INF, -INF], ANY, NAN), *pairs(P, [0.0], NAN),
        *[(a, b, a) for a in (*P, *N, 0.0, -0.0) for b in (INF, -INF)], (-3.0, 1.0, -0.0),
        (3.0, -1.0, 0.0),
    ],
    "heaviside": [
        (NAN, 0.5, NAN), (-0.0, NAN, NAN), (0.0, 2.0, 2.0), (INF, NAN, 1.0), (-INF, 2.0, 0.0),
    ],
    "logaddexp2": [(NAN, 1.0, NAN), (INF, INF, INF), (-INF, -INF, -INF), (INF, -INF, INF)],
}  # fmt: skip
TYPES = (mx.float32, mx.float64, mx.float16, mx.bfloat16)
TOLERANCES = {mx.float32: 1e-6, mx.float64: 1e-6, mx.float16: 2e-3, mx.bfloat16: 2e-2}


def check(got: float, expected: float, tolerance: float, what: str) -> None:
    if math.isnan(expected):
        assert math.isnan(got), what
    elif expected == 0 or math.isinf(expected):
        assert got == expected, what
        assert math.copysign(1, got) == math.copysign(1, expected), what
    else:
        assert math.isclose(got, expected, rel_tol=tolerance), what


def values(name: str, dtype: mx.Dtype, *operands: list[float]) -> list[float]:
    arrays = [mx.array(operand, dtype) for operand in operands]
    result: list[float] = getattr(mx, name)(*arrays, stream=mx.cpu).tolist()
    return result


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, dtype: mx.Dtype) -> None:
    rows = [
        row for row in UNARY[name] if abs(row[0]) < 1000 or abs(row[0]) == INF or row[0] != row[0]
    ]
    if dtype in (mx.float32, mx.float64):
        rows = UNARY[name]
    for (x, expected), got in zip(rows, values(name, dtype, [x for x, _ in rows]), strict=True):
        check(got, expected, TOLERANCES[dtype], f"{name}({x}) is {got}, not {expected}")


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str, dtype: mx.Dtype) -> None:
    rows = BINARY[name]
    results = values(name, dtype, [row[0] for row in rows], [row[1] for row in rows])
    for (x, y, expected), got in zip(rows, results, strict=True):
        check(got, expected, TOLERANCES[dtype], f"{name}({x}, {y}) is {got}, not {expected}")


def test_operators_follow() -> None:
    zero = mx.array([-0.0]) % mx.array([3.0])
    assert math.copysign(1, zero.item()) == 1
    zero = mx.array([0.0])
    zero %= mx.array([-3.0])
    assert math.copysign(1, zero.item()) == -1


PARTS = [0.0, -0.0, 1.0, -1.0, 2.5, INF, -INF, NAN]
COMPLEX = [complex(a, b) for a in PARTS for b in PARTS]
# NumPy's functions are those of C, whose special values are the standard's.
LIKE_NUMPY = {
    "exp": "exp", "log": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asin": "arcsin", "acos": "arccos",
    "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "log2": "log2", "log10": "log10",
}  # fmt: skip


@pytest.mark.parametrize("name", LIKE_NUMPY)
def test_complex(name: str) -> None:
    with np.errstate(all="ignore"):
        expected = getattr(np, LIKE_NUMPY[name])(np.array(COMPLEX, np.complex128))
    results = getattr(mx, name)(mx.array(COMPLEX, mx.complex64), stream=mx.cpu).tolist()
    for z, want, got in zip(COMPLEX, expected.tolist(), results, strict=True):
        what = f"{name}({z}) is {got}, not {want}"
        # Where a part is infinite, the standard leaves the sign of a zero beside it open.
        for mine, theirs in ((got.real, want.real), (got.imag, want.imag)):
            if not cmath.isfinite(z) and theirs == 0:
                assert mine == 0, what
            elif abs(theirs) < 1e-6:
                assert abs(mine) < 1e-6, what
            else:
                check(mine, theirs, 1e-5, what)


def test_expm1_of_complex_numbers() -> None:
    rows = [
        (complex(0, 0), complex(0, 0)), (complex(-0.0, 0), complex(-0.0, 0)),
        (complex(1, INF), complex(NAN, NAN)), (complex(1, NAN), complex(NAN, NAN)),
        (complex(INF, 0), complex(INF, 0)), (complex(-INF, INF), complex(-1, 0)),
        (complex(INF, INF), complex(INF, NAN)), (complex(-INF, NAN), complex(-1, 0)),
        (complex(INF, NAN), complex(INF, NAN)), (complex(NAN, 0), complex(NAN, 0)),
        (complex(NAN, 1), complex(NAN, NAN)), (complex(NAN, NAN), complex(NAN, NAN)),
        (complex(1e-6, 1e-6), complex(1e-6, 1.000001e-6)),
        (complex(1, 2), cmath.exp(1 + 2j) - 1), (complex(-3, -5), cmath.exp(-3 - 5j) - 1),
    ]  # fmt: skip
    results = mx.expm1(mx.array([z for z, _ in rows], mx.complex64)).tolist()
    for (z, want), got in zip(rows, results, strict=True):
        for mine, theirs in ((got.real, want.real), (got.imag, want.imag)):
            if math.isinf(theirs) and math.isnan(want.imag):
                assert math.isinf(mine), (z, got)
            else:
                check(mine + 0.0, theirs + 0.0, 1e-5, f"expm1({z}) is {got}, not {want}")


def test_sign_of_complex_numbers() -> None:
    zeros = mx.sign(mx.array([complex(a, b) for a in (0.0, -0.0) for b in (0.0, -0.0)])).tolist()
    assert [(math.copysign(1, z.real), math.copysign(1, z.imag)) for z in zeros] == [(1, 1)] * 4
    (got,) = mx.sign(mx.array([3 + 4j])).tolist()
    assert got == pytest.approx(0.6 + 0.8j)
    assert np.isnan(mx.sign(mx.array([complex(NAN, 1)])).tolist()[0])


def test_signbit() -> None:
    negative_nan = mx.array(np.copysign(np.float32(np.nan), np.float32(-1)))
    positive_nan = mx.array(np.copysign(np.float32(np.nan), np.float32(1)))
    for dtype in TYPES:
        x = mx.array([0.0, -0.0, INF, -INF, 2.0, -2.0], dtype)
        got = mx.signbit(x, stream=mx.cpu).tolist()
        assert got == [False, True, False, True, False, True]
    assert mx.signbit(negative_nan).item()
    assert not mx.signbit(positive_nan).item()
    assert mx.signbit(mx.array([1, 0, -1])).tolist() == [False, False, True]


def test_clip() -> None:
    x = mx.array([NAN, -1.0, 5.0])
    assert np.array_equal(mx.clip(x, 0, 3).tolist(), [NAN, 0, 3], equal_nan=True)
    assert np.array_equal(mx.clip(x, min=0, max=3).tolist(), [NAN, 0, 3], equal_nan=True)
    assert np.array_equal(mx.clip(x, max=3).tolist(), [NAN, -1, 3], equal_nan=True)
    assert np.isnan(mx.clip(x, NAN, 3).tolist()).all()
    assert np.array_equal(mx.clip(x).tolist(), x.tolist(), equal_nan=True)
    assert np.array_equal(mx.clip(x, None, None).tolist(), x.tolist(), equal_nan=True)
    with pytest.raises(TypeError, match="one lower bound"):
        mx.clip(x, 0, a_min=0)
    with pytest.raises(TypeError, match="one upper bound"):
        mx.clip(x, None, 0, a_max=0)


def test_rounding_what_has_no_decimals() -> None:
    assert mx.round(mx.array([1e38, 1.26]), 1).tolist() == pytest.approx([1e38, 1.3])
    assert mx.round(mx.array(60000.0, mx.float16), 2).item() == 60000
