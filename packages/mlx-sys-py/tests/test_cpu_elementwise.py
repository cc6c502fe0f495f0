"""Operations on single elements against NumPy and stock MLX, at each level the machine can run."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from cpu_arrays import (
    FLOATS,
    INTEGERS,
    LARGEST,
    PRECISION,
    SMALLEST,
    SPECIAL,
    TYPES,
    Values,
    both,
    check_same,
    floats,
    layouts,
    numpy,
    on_cpu,
    random_values,
    seeds,
    shapes,
    stock,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, ops, transforms

# Rounded as the definition says, so any two implementations agree.
pytestmark = [at_every_level, ours_only]

EXACT = {
    "abs": [*INTEGERS, *FLOATS, "float64"],
    "negative": [*INTEGERS, *FLOATS, "float64"],
    "square": [*INTEGERS, *FLOATS, "float64"],
    "sqrt": [*FLOATS, "float64"],
    "ceil": [*FLOATS, "float64"],
    "floor": [*FLOATS, "float64"],
    "round": [*FLOATS, "float64"],
    "sign": [*INTEGERS, *FLOATS, "float64"],
    "logical_not": ["bool_"],
    "bitwise_invert": INTEGERS,
    "add": TYPES,
    "subtract": [*INTEGERS, *FLOATS, "float64"],
    "multiply": TYPES,
    "divide": [*FLOATS, "float64"],
    "maximum": TYPES,
    "minimum": TYPES,
    "equal": TYPES,
    "not_equal": TYPES,
    "greater": TYPES,
    "greater_equal": TYPES,
    "less": TYPES,
    "less_equal": TYPES,
    "logical_and": ["bool_"],
    "logical_or": ["bool_"],
    "bitwise_and": ["bool_", *INTEGERS],
    "bitwise_or": ["bool_", *INTEGERS],
    "bitwise_xor": ["bool_", *INTEGERS],
    "floor_divide": [*INTEGERS, "float32", "float64"],
    "remainder": [*INTEGERS, *FLOATS, "float64"],
    "divmod": [*INTEGERS, "float32", "float64"],
    "power": INTEGERS,
}
DIVISIONS = ["floor_divide", "remainder", "divmod"]
BINARY = list(EXACT)[list(EXACT).index("add") :]

FUNCTIONS: dict[str, Callable[[Values], Values]] = {
    "arccos": np.arccos,
    "arccosh": np.arccosh,
    "arcsin": np.arcsin,
    "arcsinh": np.arcsinh,
    "arctan": np.arctan,
    "arctanh": np.arctanh,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": np.vectorize(math.erf, otypes=[float]),
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sin": np.sin,
    "sinh": np.sinh,
    "tan": np.tan,
    "tanh": np.tanh,
}


def like_divisor(rest: Any, divisor: Any) -> Any:
    """A remainder of official MLX, where a zero has the sign of the divisor."""
    if not stock.issubdtype(rest.dtype, stock.floating):
        return rest
    zero = stock.where(divisor < 0, stock.array(-0.0), stock.array(0.0)).astype(rest.dtype)
    return stock.where(rest == 0, zero, rest)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), seed=seeds, shape=shapes, name=st.sampled_from(list(EXACT)))
def test_exact(data: Any, seed: int, shape: tuple[int, ...], name: str) -> None:
    dtype = data.draw(st.sampled_from(EXACT[name]))
    rng = np.random.default_rng(seed)
    operands = [random_values(rng, shape, dtype) for _ in range(2 if name in BINARY else 1)]
    if name in DIVISIONS and dtype in INTEGERS:
        # By these, MLX's end the process; test_safety_division has them.
        operands[1][(operands[1] == 0) | (operands[1] + 1 == 0)] = 3
    pairs = [both(values, data.draw(layouts), dtype) for values in operands]
    ours, theirs = zip(*pairs, strict=True)
    results = getattr(ops, name)(*ours), on_cpu(getattr(stock, name), *theirs)
    if name == "divmod":
        (quotient, rest), (expected_quotient, expected_rest) = results
        check_same(quotient, expected_quotient)
        check_same(rest, on_cpu(like_divisor, expected_rest, theirs[1]))
    elif name == "sign" and dtype in (*FLOATS, "float64"):
        # That of NaN is 0 in official MLX.
        x = theirs[0]
        check_same(results[0], on_cpu(lambda: stock.where(stock.isnan(x), x, results[1])))
    elif name == "remainder":
        check_same(results[0], on_cpu(like_divisor, results[1], theirs[1]))
    else:
        check_same(*results)


@settings(max_examples=100, deadline=None)
@given(seed=seeds, dtype=st.sampled_from(INTEGERS), layout=layouts, left=st.booleans())
def test_shift(seed: int, dtype: str, layout: str, left: bool) -> None:
    rng = np.random.default_rng(seed)
    x = random_values(rng, (3, 50), dtype)
    # By more than there are bits, and less than none, too.
    y = rng.integers(-3 if dtype[0] == "i" else 0, 70, (3, 50)).astype(dtype)
    ours = (both(values, layout, dtype)[0] for values in (x, y))
    result = (ops.left_shift if left else ops.right_shift)(*ours)
    x, y = (numpy(both(values, layout, dtype)[0]) for values in (x, y))
    expected = (np.left_shift if left else np.right_shift)(x, y)
    np.testing.assert_array_equal(numpy(result), expected)


@settings(max_examples=80, deadline=None)
@given(seed=seeds, shape=shapes, dtype=st.sampled_from(TYPES), layout=layouts, other=layouts)
def test_where(seed: int, shape: tuple[int, ...], dtype: str, layout: str, other: str) -> None:
    rng = np.random.default_rng(seed)
    pairs = [
        both(random_values(rng, shape, "bool_"), other, "bool_"),
        both(random_values(rng, shape, dtype), layout, dtype),
        both(random_values(rng, shape, dtype), other, dtype),
    ]
    ours, theirs = zip(*pairs, strict=True)
    check_same(ops.where(*ours), on_cpu(stock.where, *theirs))


def test_an_operand_twice() -> None:
    a, b = np.array([True, False, False]), np.array([False, True, False])
    condition, other = array(a), array(b)
    np.testing.assert_array_equal(numpy(ops.where(condition, condition, other)), a | b)
    np.testing.assert_array_equal(numpy(ops.where(condition, other, condition)), a & b)
    np.testing.assert_array_equal(numpy(ops.where(condition, other, other)), b)


@settings(max_examples=200, deadline=None)
@given(
    seed=seeds,
    shape=shapes,
    source=st.sampled_from(TYPES),
    target=st.sampled_from(TYPES),
    layout=layouts,
)
def test_conversion(
    seed: int, shape: tuple[int, ...], source: str, target: str, layout: str
) -> None:
    values = random_values(np.random.default_rng(seed), shape, source)
    if target in INTEGERS and source not in INTEGERS and values.dtype.kind == "f":
        # What C++ leaves open out of range depends on the compiler that MLX was built with.
        limits = np.iinfo(target)
        in_range = (values > limits.min) & (values < limits.max // 2)
        values = np.where(in_range, values, 7)
    ours, theirs = both(values, layout, source)
    target_type = getattr(stock, target)
    check_same(
        ops.astype(ours, getattr(mx, target)), on_cpu(lambda a: a.astype(target_type), theirs)
    )


def check_rounded(result: array, expected: Values, dtype: str) -> None:
    expected = np.where(
        np.abs(expected) > LARGEST[dtype] * (1 + PRECISION[dtype]),
        np.copysign(np.inf, expected),
        expected,
    )
    np.testing.assert_allclose(
        numpy(result).astype(float),
        expected,
        rtol=PRECISION[dtype] + 3 * 2.0**-23,
        atol=SMALLEST[dtype],
    )


@settings(max_examples=300, deadline=None)
@given(
    seed=seeds,
    name=st.sampled_from(list(FUNCTIONS)),
    dtype=st.sampled_from(FLOATS),
    size=st.integers(1, 100),
    scale=st.sampled_from([1e-3, 1.0, 30.0, 3000.0]),
)
def test_function(seed: int, name: str, dtype: str, size: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(size) < 0.2, rng.choice(SPECIAL, size), rng.normal(0, scale, size))
    x = both(values, "plain", dtype)[0]
    with np.errstate(all="ignore"):
        expected = FUNCTIONS[name](numpy(x).astype(float))
    check_rounded(getattr(ops, name)(x), expected, dtype)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_large_angles(name: str) -> None:
    x = floats([8191.9, 8192.1, 1e5, -1e6, 1e9, 3e38, 2e4])
    check_rounded(getattr(ops, name)(array(x)), FUNCTIONS[name](x.astype(float)), "float32")


def test_inverse_error_function() -> None:
    x = floats([*np.linspace(-0.999999, 0.999999, 1001), 1 - 2.0**-24])
    y = numpy(ops.erfinv(array(x))).astype(float)
    # The derivative of erf says how far the argument is off.
    np.testing.assert_allclose([math.erf(v) for v in y], x, atol=0, rtol=1e-6, equal_nan=False)
    ends = numpy(ops.erfinv(array(floats([1, -1, 0, 1.5, np.nan]))))
    np.testing.assert_array_equal(ends, [np.inf, -np.inf, 0, np.nan, np.nan])


@settings(max_examples=60, deadline=None)
@given(seed=seeds, dtype=st.sampled_from(FLOATS), scale=st.sampled_from([1e-3, 1.0, 1e6]))
def test_angle_of_a_point(seed: int, dtype: str, scale: float) -> None:
    rng = np.random.default_rng(seed)
    pairs = [
        both(
            np.where(rng.random(200) < 0.3, rng.choice(SPECIAL, 200), rng.normal(0, s, 200)),
            "plain",
            dtype,
        )[0]
        for s in (1, scale)
    ]
    y, x = (numpy(a).astype(float) for a in pairs)
    check_rounded(ops.arctan2(*pairs), np.arctan2(y, x), dtype)


def test_remainders_of_large_quotients() -> None:
    x = floats([1e30, -1e30, 3e9, -3e9, 1e38, 5, -5, 5, 7, -0.0, np.inf, np.nan])
    y = floats([3, 3, 0.7, 0.7, 1e-38, np.inf, np.inf, -np.inf, 0, 2, 2, 2])
    ours, theirs = ops.remainder(array(x), array(y)), stock.array(x)
    divisor = stock.array(y)
    check_same(ours, on_cpu(lambda: like_divisor(stock.remainder(theirs, divisor), divisor)))


DOUBLES = {name: function for name, function in FUNCTIONS.items() if name not in ("rsqrt",)}


@settings(max_examples=100, deadline=None)
@given(seed=seeds, name=st.sampled_from(list(DOUBLES)), scale=st.sampled_from([0.3, 1.0, 30.0]))
def test_function_of_doubles(seed: int, name: str, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(60) < 0.2, rng.choice(SPECIAL, 60), rng.normal(0, scale, 60))
    x = both(values, "strided", "float64")[0]
    with np.errstate(all="ignore"):
        expected = FUNCTIONS[name](values)
    np.testing.assert_allclose(numpy(getattr(ops, name)(x)), expected, rtol=1e-14, atol=1e-300)


COMPLEX = [
    *("abs", "real", "imag", "conjugate", "negative", "square", "sqrt", "rsqrt", "round", "sign"),
    *("exp", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
    *("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "logical_not", "isnan"),
]
COMPLEX_BINARY = [
    *("add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "logaddexp"),
    *("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"),
]


@settings(max_examples=300, deadline=None)
@given(seed=seeds, name=st.sampled_from(COMPLEX + COMPLEX_BINARY), shape=shapes, layout=layouts)
def test_complex(seed: int, name: str, shape: tuple[int, ...], layout: str) -> None:
    rng = np.random.default_rng(seed)

    def operand() -> tuple[Any, Any]:
        parts = [random_values(rng, shape, "float32") for _ in range(2)]
        # Of equal numbers and of equal parts, too.
        parts = [np.where(rng.random(shape) < 0.2, np.float32(1), part) for part in parts]
        values = np.stack(parts, -1).astype(np.float32).view(np.complex64)[..., 0]
        return both(values, layout, "complex64")

    pairs = [operand() for _ in range(1 + (name in COMPLEX_BINARY))]
    ours, theirs = zip(*pairs, strict=True)
    result = getattr(ops, name)(*ours)
    stock_result = on_cpu(getattr(stock, name), *theirs)
    assert str(result.dtype).split(".")[-1] == str(stock_result.dtype).split(".")[-1]
    expected = numpy(stock_result)
    if name == "power":
        # As in NumPy; MLX has NaN where the base is 0 or infinite.
        expected = np.where(numpy(ours[1]) == 0, 1, expected)
    elif name == "sign":
        # MLX divides infinite numbers by their infinite absolute value.
        expected = np.where(np.isinf(numpy(ours[0])), numpy(result), expected)
    np.testing.assert_allclose(numpy(result), expected, rtol=1e-5, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    dtype=st.sampled_from(["bool_", "int32", "int64", "float32", "float64", "float16"]),
    layout=layouts,
)
def test_complex_conversion(seed: int, dtype: str, layout: str) -> None:
    values = random_values(np.random.default_rng(seed), (3, 40), dtype)
    ours, theirs = both(values, layout, dtype)
    result = ops.astype(ours, mx.complex64)
    expected = on_cpu(lambda a: a.astype(stock.complex64), theirs)
    check_same(ops.real(result), on_cpu(stock.real, expected))
    check_same(ops.imag(result), on_cpu(stock.imag, expected))
    for target in ("bool_", "float32"):
        there, their = (getattr(library, target) for library in (mx, stock))
        back = on_cpu(lambda a, their=their: a.astype(their), expected)
        check_same(ops.astype(result, there), back)


def test_complex_chain() -> None:
    x = np.random.default_rng(0).normal(size=(300, 41)).astype(np.float32)
    a, b = both(x, "plain", "float32")
    ours = ops.abs(ops.exp(ops.astype(a, mx.complex64) * array(1j)) + ops.sinh(a))
    theirs = on_cpu(lambda: stock.abs(stock.exp(b.astype(stock.complex64) * 1j) + stock.sinh(b)))
    np.testing.assert_allclose(numpy(ours), numpy(theirs), rtol=1e-5)


def test_power() -> None:
    special = [0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-40]
    x, y = (a.reshape(-1).astype(np.float32) for a in np.meshgrid(special, special))
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    result = numpy(ops.power(array(x), array(y)))
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=2.0**-149)
    rng = np.random.default_rng(0)
    x, y = floats(rng.uniform(0, 10, 10000)), floats(rng.normal(0, 8, 10000))
    expected = np.power(x.astype(float), y.astype(float))
    check_rounded(ops.power(array(x), array(y)), expected, "float32")


@settings(max_examples=100, deadline=None)
@given(seed=seeds, dtype=st.sampled_from([*FLOATS, "float64"]))
def test_logaddexp(seed: int, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    ours, _ = zip(
        *(both(random_values(rng, (60,), dtype), "plain", dtype) for _ in "xy"), strict=True
    )
    x, y = (numpy(a).astype(float) for a in ours)
    with np.errstate(all="ignore"):
        expected = np.logaddexp(x, y)
    rtol, atol = (1e-14, 1e-15) if dtype == "float64" else (PRECISION[dtype] + 1e-6, 2e-7)
    np.testing.assert_allclose(
        numpy(ops.logaddexp(*ours, stream=mx.cpu)), expected, rtol=rtol, atol=atol
    )


def mixed(library: Any, a: Any, b: Any, c: Any) -> Any:
    """A graph with a value used twice, constants, conversions and a broadcast row."""
    calls = ops if library is mx else library
    d = calls.maximum(a * 2 - b, c)
    e = calls.where(d > 0.5, d, calls.abs(a))
    f = calls.astype(e, library.float16) if library is mx else e.astype(library.float16)
    g = calls.astype(f, library.float32) if library is mx else f.astype(library.float32)
    return calls.square(g) + d * e


@settings(max_examples=100, deadline=None)
@given(seed=seeds, layout=layouts, other=layouts, shape=shapes)
def test_chain(seed: int, layout: str, other: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    pairs = [
        both(random_values(rng, shape, "float32"), kind, "float32") for kind in (layout, other)
    ]
    pairs.append(both(random_values(rng, shape[-1:], "float32"), "plain", "float32"))
    ours, theirs = zip(*pairs, strict=True)
    check_same(mixed(mx, *ours), on_cpu(mixed, stock, *theirs))


def test_what_is_held_is_computed() -> None:
    x = array(floats([1, 2, 3]))
    half = x * 0.5
    result = half + 1
    transforms.eval([result])
    np.testing.assert_array_equal(numpy(result), [1.5, 2, 2.5])
    np.testing.assert_array_equal(numpy(half), [0.5, 1, 1.5])
    shared = ops.exp(x)
    first, second = shared + 1, shared * 2
    del shared
    transforms.eval([first, second])
    np.testing.assert_allclose(numpy(first), np.exp([1, 2, 3]) + 1, rtol=1e-6)
    np.testing.assert_allclose(numpy(second), np.exp([1, 2, 3]) * 2, rtol=1e-6)


def test_long_chain() -> None:
    a = array(np.zeros(3, np.float32))
    for _ in range(20_000):
        a = a + 1
    np.testing.assert_array_equal(numpy(a), [20_000] * 3)


def test_wide_sum() -> None:
    parts = [array(floats([i, 1])) * 2 for i in range(100)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    del parts, part
    np.testing.assert_array_equal(numpy(total), [9900, 200])


def test_inputs_stay() -> None:
    x = array(np.arange(1000, dtype=np.float32))
    transforms.eval([x + 1, ops.exp(x[::-1]) * x])
    np.testing.assert_array_equal(numpy(x), np.arange(1000))


@pytest.mark.parametrize("size", [1 << 16, 300_001])
@pytest.mark.parametrize("dtype", FLOATS)
def test_threads(size: int, dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=(3, size))
    a, b = both(x, "plain", dtype)
    row, other = both(x[0], "plain", dtype)
    check_same((a + row) * a, on_cpu(lambda: (b + other) * b))
    check_same(ops.swapaxes(a, 0, 1) + 1, on_cpu(lambda: b.T + 1))


def test_gradient_through_what_was_evaluated() -> None:
    def loss(x: list[array]) -> list[array]:
        y = ops.exp(x[0]) * x[0]
        transforms.eval([y])
        return [ops.sum(ops.sigmoid(y) * y)]

    x = floats([0.1, -0.4, 1.2])
    (value,), (gradient,) = transforms.vjp(loss, [array(x)], [array(floats(1))])

    def reference(x: Any) -> Any:
        y = stock.exp(x) * x
        return stock.sum(stock.sigmoid(y) * y)

    expected, slope = stock.value_and_grad(reference)(stock.array(x))
    np.testing.assert_allclose(numpy(value), numpy(expected), rtol=1e-5)
    np.testing.assert_allclose(numpy(gradient), numpy(slope), rtol=1e-5)


COMPILED = """
from mlx_sys_py import array, ops, transforms
function = transforms.compile(lambda inputs: [ops.exp(inputs[0]) * 2 + inputs[0]])
assert function([array([0.0, 1.0])])[0].tolist()[0] == 2
"""


def test_compile_needs_no_compiler() -> None:
    environment = {**os.environ, "PATH": "/nonexistent", "TMPDIR": "/nonexistent"}
    subprocess.run([sys.executable, "-c", COMPILED], env=environment, check=True)


def test_rounding_up_to_where_floats_are_whole() -> None:
    limits = np.array([2.0**k for k in range(20, 25)], np.float32)
    x = np.concatenate([limits + d for d in np.arange(-2, 2.5, 0.5, dtype=np.float32)])
    x = np.concatenate([x, -x, np.array([0.5, -0.5, 1.5, 2.5, -0.0, np.inf, 3e9], np.float32)])
    np.testing.assert_array_equal(np.array(mx.ops.round(mx.array(x))), np.round(x))
    # Powers of negative numbers ask whether an exponent is whole.
    halves = np.array([2**22 + 0.5, 2**22 + 1, 2**22 + 2], np.float32)
    got = np.array(mx.ops.power(mx.array([-1.0, -1.0, -1.0]), mx.array(halves)))
    np.testing.assert_array_equal(got, [np.nan, -1, 1])
