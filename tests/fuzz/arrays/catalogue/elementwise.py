"""Functions and operators that work element by element."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np

from fuzz.arrays.bounds import computed, function_error, rounding_error, unit
from fuzz.arrays.calls import Call, Draw, Operation, Shape, UnfitError
from fuzz.arrays.values import (
    DTYPES,
    EXACT,
    FLOATS,
    FORMATS,
    INTEGERS,
    REAL,
    SIGNED,
    Wide,
    floating,
    is_float,
    promoted,
    rounded,
    written,
)

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _erfinv(x: Wide) -> Wide:
    def one(v: float) -> float:
        if not -1 < v < 1:
            return math.copysign(math.inf, v) if abs(v) == 1 else math.nan
        y = abs(v) * math.sqrt(math.pi) / 2
        if y < 1e-9:
            return math.copysign(y, v)
        y = -NormalDist().inv_cdf((1 - abs(v)) / 2) / math.sqrt(2)
        for _ in range(3):  # Newton's method, where nothing cancels
            off = math.erf(y) - abs(v) if y < 1 else (1 - abs(v)) - math.erfc(y)
            y -= off * math.sqrt(math.pi) / 2 * math.exp(y * y)
        return math.copysign(y, v)

    return np.asarray(np.vectorize(one, otypes=[np.float64])(x))


def _erf_smooth(x: Wide) -> Wide:
    if not np.iscomplexobj(x):
        return np.asarray(_erf(x))
    slope = 2 / np.sqrt(np.pi) * np.exp(-(x.real**2))
    return np.asarray(_erf(x.real) + 1j * slope * x.imag)


def _sigmoid(x: Wide) -> Wide:
    # No overflow on either side.
    half = np.tanh(x / 2) if np.iscomplexobj(x) else None
    if half is not None:
        return np.asarray((1 + half) / 2)
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + small), small / (1 + small)))


def _abs(x: Wide) -> Wide:
    return np.asarray(np.where(x.real < 0, -x, x)) if np.iscomplexobj(x) else np.abs(x)


# Name, exact function, where gradients are looked at (None: nowhere).
FUNCTIONS: dict[str, tuple[Callable[[Wide], Wide], str | None]] = {
    "exp": (np.exp, "plain"),
    "expm1": (np.expm1, "plain"),
    "log": (np.log, "positive"),
    "log2": (np.log2, "positive"),
    "log10": (np.log10, "positive"),
    "log1p": (np.log1p, "positive"),
    "sin": (np.sin, "plain"),
    "cos": (np.cos, "plain"),
    "tan": (np.tan, "unit"),
    "arcsin": (np.arcsin, "unit"),
    "arccos": (np.arccos, "unit"),
    "arctan": (np.arctan, "plain"),
    "sinh": (np.sinh, "plain"),
    "cosh": (np.cosh, "plain"),
    "tanh": (np.tanh, "plain"),
    "arcsinh": (np.arcsinh, "plain"),
    "arccosh": (np.arccosh, None),
    "arctanh": (np.arctanh, "unit"),
    "sqrt": (np.sqrt, "positive"),
    "rsqrt": (lambda x: 1 / np.sqrt(x), "positive"),
    "reciprocal": (lambda x: 1 / x, "positive"),
    "sigmoid": (_sigmoid, "plain"),
    "erf": (_erf_smooth, "plain"),
    "erfinv": (_erfinv, None),
    "degrees": (lambda x: x * (180 / np.pi), "plain"),
    "radians": (lambda x: x * (np.pi / 180), "plain"),
}


# MLX computes these in float32, whatever the type; and the derivatives of those.
SINGLE = ("erfinv",)
SINGLE_SLOPES = ("log2", "log10")


def function(name: str) -> Operation:
    exact, domain = FUNCTIONS[name]
    dtypes = tuple(t for t in REAL if t != "float64") if name in SINGLE else REAL

    def draw(d: Draw) -> Call:
        a = d.operand(dtypes, domain=domain if d.smooth and domain else "any")
        if d.smooth and name in SINGLE_SLOPES and a.dtype == "float64":
            raise UnfitError
        dtype = floating(a.dtype)

        # An integer becomes a float first, which is rounded.
        def of(x: Wide) -> Wide:
            return exact(x if is_float(a.dtype) else rounded(x, dtype))

        def error(value: Wide) -> Wide:
            if name in ("degrees", "radians"):
                # The factor is rounded to the type, and the product.
                return 2 * rounding_error(value, dtype)
            return function_error(value, dtype)

        return d.call(
            f"mx.{name}({{0}})",
            dtype,
            of,
            lambda value, x: error(value),
            smooth=domain is not None,
        )

    return draw


def _sign(x: Wide) -> Wide:
    return np.asarray(np.sign(x))


def _same(
    name: str, exact: Callable[[Wide], Any], dtypes: tuple[str, ...], smooth: bool
) -> Operation:
    """Functions that round nothing."""

    def draw(d: Draw) -> Call:
        a = d.operand(dtypes, domain="positive" if d.smooth else "any")
        return d.call(f"mx.{name}({{0}})", a.dtype, exact, smooth=smooth)

    return draw


def _square(d: Draw) -> Call:
    a = d.operand(DTYPES)
    if not is_float(a.dtype):
        if a.dtype == "bool":
            return d.call("mx.square({0})", "bool", lambda x: x)
        return d.call("mx.square({0})", a.dtype, lambda x: x * x)
    return d.call(
        "mx.square({0})",
        a.dtype,
        lambda x: x * x,
        lambda value, x: rounding_error(value, a.dtype) * (4 if a.dtype == "complex64" else 1),
        smooth=True,
    )


def predicate(name: str) -> Operation:
    def draw(d: Draw) -> Call:
        d.operand(DTYPES)
        return d.call(f"mx.{name}({{0}})", "bool", getattr(np, name))

    return draw


def _complex_part(name: str, exact: Callable[[Wide], Any]) -> Operation:
    def draw(d: Draw) -> Call:
        d.operand(("complex64",))
        dtype = "complex64" if name == "conj" else "float32"
        error = None
        if name == "abs":
            error = lambda value, x: function_error(value, "float32")  # noqa: E731
        return d.call(f"mx.{name}({{0}})", dtype, exact, error)

    return draw


def shapes_that_broadcast(d: Draw, shape: Shape) -> Shape:
    """Another shape that broadcasts with one to it."""
    if d.source.chance(0.5):
        return shape
    cut = d.choose.randint(0, len(shape))
    return tuple(1 if d.source.chance(0.3) else n for n in shape[cut:])


def _pair(d: Draw, dtypes: tuple[str, ...], domain: str = "any") -> tuple[str, Shape, Shape]:
    a = d.operand(dtypes, domain=domain)
    b = d.operand(dtypes, shape=shapes_that_broadcast(d, a.shape), domain=domain)
    return promoted(a.dtype, b.dtype), a.shape, b.shape


def _cast(x: Wide, dtype: str) -> Wide:
    """An operand as an operation sees it, which converts to the type that both share."""
    if np.iscomplexobj(x) and dtype != "complex64":
        return x  # a step along the imaginary axis
    return rounded(x, dtype)


def _written(d: Draw, name: str, symbol: str | None) -> str:
    if symbol and d.source.chance(0.5):
        return f"{{0}} {symbol} {{1}}"
    return f"mx.{name}({{0}}, {{1}})"


def arithmetic(name: str, symbol: str, exact: Callable[[Wide, Wide], Any]) -> Operation:
    """Operators that round once."""

    def draw(d: Draw) -> Call:
        dtypes = REAL if name != "subtract" else (*INTEGERS, *FLOATS)
        dtype, _, _ = _pair(d, dtypes)

        def of(a: Wide, b: Wide) -> Any:
            a, b = _cast(a, dtype), _cast(b, dtype)
            if dtype == "bool":
                return a | b if name == "add" else a & b
            return exact(a, b)

        def error(value: Wide, a: Wide, b: Wide) -> Any:
            return rounding_error(value, dtype) if is_float(dtype) else 0.0

        return d.call(_written(d, name, symbol), dtype, of, error, smooth=True)

    return draw


def _divide(d: Draw) -> Call:
    dtype, _, _ = _pair(d, REAL, "positive" if d.smooth else "any")
    result = floating(dtype)
    return d.call(
        _written(d, "divide", "/"),
        result,
        lambda a, b: _cast(a, result) / _cast(b, result),
        lambda value, a, b: rounding_error(value, result),
        smooth=True,
    )


def _integer_division(name: str, symbol: str) -> Operation:
    def draw(d: Draw) -> Call:
        dtype, _, _ = _pair(d, INTEGERS)

        def of(a: Wide, b: Wide) -> Any:
            a, b = np.broadcast_arrays(_cast(a, dtype), _cast(b, dtype))
            if not is_float(dtype):
                zero = b == 0
                safe = np.where(zero, np.ones_like(b), b)
                if name == "floor_divide":
                    return np.where(zero, np.zeros_like(a), a // safe)
                return np.where(zero, a, np.remainder(a, safe))
            return np.floor(a / b) if name == "floor_divide" else np.remainder(a, b)

        def error(value: Wide, a: Wide, b: Wide) -> Any:
            # Of floats (uint64 beside a signed type) the quotient is rounded before its floor.
            return np.full(value.shape, np.nan) if is_float(dtype) else 0.0

        return d.call(_written(d, name, symbol), dtype, of, error)

    return draw


def _float_remainder(d: Draw) -> Call:
    """The remainder has the sign of the divisor; halves and floats are exact but for rounding."""
    dtype, _, _ = _pair(d, FLOATS, "positive")

    def error(value: Wide, a: Wide, b: Wide) -> Any:
        # fmod is exact; one addition of b rounds.
        return rounding_error(np.abs(_cast(b, dtype)) + np.abs(value), dtype)

    return d.call(
        _written(d, "remainder", "%"),
        dtype,
        lambda a, b: np.remainder(_cast(a, dtype), _cast(b, dtype)),
        error,
    )


def _power(d: Draw) -> Call:
    if d.source.chance(0.4) and not d.smooth:
        a = d.operand(INTEGERS)
        d.operand(
            (a.dtype,), shape=shapes_that_broadcast(d, a.shape), domain=_exponents, fixed=True
        )
        return d.call(_written(d, "power", "**"), a.dtype, lambda x, y: np.power(x, y))
    a = d.operand(FLOATS, domain="positive" if d.smooth else "any")
    d.operand((a.dtype,), shape=shapes_that_broadcast(d, a.shape), domain="plain")
    return d.call(
        _written(d, "power", "**"),
        a.dtype,
        lambda x, y: np.power(x, y),
        lambda value, x, y: function_error(value, a.dtype),
        smooth=True,
    )


def _exponents(source: Any, shape: Shape, dtype: str) -> Wide:
    return np.asarray(source.numbers.integers(0, 9, shape).astype(dtype))


def _extreme(name: str) -> Operation:
    exact = np.maximum if name == "maximum" else np.minimum

    def smooth(a: Wide, b: Wide) -> Wide:
        chosen = a.real >= b.real if name == "maximum" else a.real <= b.real
        return np.asarray(np.where(chosen, a, b))

    def draw(d: Draw) -> Call:
        dtype, _, _ = _pair(d, REAL)

        def of(a: Wide, b: Wide) -> Any:
            a, b = _cast(a, dtype), _cast(b, dtype)
            return smooth(a, b) if np.iscomplexobj(a) or np.iscomplexobj(b) else exact(a, b)

        return d.call(f"mx.{name}({{0}}, {{1}})", dtype, of)

    return draw


def comparison(name: str, symbol: str) -> Operation:
    def draw(d: Draw) -> Call:
        dtype, _, _ = _pair(d, REAL)
        return d.call(
            _written(d, name, symbol),
            "bool",
            lambda a, b: getattr(np, name)(_cast(a, dtype), _cast(b, dtype)),
        )

    return draw


def logic(name: str) -> Operation:
    def draw(d: Draw) -> Call:
        dtypes = ("bool", *INTEGERS, *FLOATS)
        if name == "logical_not":
            d.operand(dtypes)
            return d.call("mx.logical_not({0})", "bool", np.logical_not)
        _pair(d, dtypes)
        return d.call(f"mx.{name}({{0}}, {{1}})", "bool", getattr(np, name))

    return draw


def bitwise(name: str, symbol: str) -> Operation:
    def draw(d: Draw) -> Call:
        dtypes = INTEGERS if "shift" in name else EXACT
        a = d.operand(dtypes)
        shape = shapes_that_broadcast(d, a.shape)
        if "shift" in name:
            d.operand((a.dtype,), shape=shape, domain=_shifts, fixed=True)
            dtype = a.dtype
        else:
            dtype = promoted(a.dtype, d.operand((a.dtype,), shape=shape).dtype)
        exact = getattr(np, name)
        return d.call(
            _written(d, name, symbol), dtype, lambda x, y: exact(_cast(x, dtype), _cast(y, dtype))
        )

    return draw


def _shifts(source: Any, shape: Shape, dtype: str) -> Wide:
    bits = np.iinfo(dtype).bits
    return np.asarray(source.numbers.integers(0, bits - 1, shape).astype(dtype))


def _invert(d: Draw) -> Call:
    a = d.operand(EXACT)
    return d.call("~{0}", a.dtype, np.invert)


def _where(d: Draw) -> Call:
    shape = d.source.shape(limit=d.limit)
    condition = d.operand(("bool",), shape=shapes_that_broadcast(d, shape))
    a = d.operand(DTYPES, shape=shape)
    b = d.operand(DTYPES, shape=shapes_that_broadcast(d, shape))
    assert condition.dtype == "bool"
    dtype = promoted(a.dtype, b.dtype)
    return d.call(
        "mx.where({0}, {1}, {2})",
        dtype,
        lambda c, x, y: np.where(c, _cast(x, dtype), _cast(y, dtype)),
    )


def _clip(d: Draw) -> Call:
    a = d.operand((*SIGNED, *FLOATS))
    low, high = sorted(d.choose.sample(range(-4, 5), 2))
    return d.call(
        f"mx.clip({{0}}, {low}, {high})",
        a.dtype,
        lambda x: np.minimum(np.maximum(x, low), high).astype(x.dtype),
    )


def _nan_to_num(d: Draw) -> Call:
    a = d.operand(FLOATS)
    largest = FORMATS[a.dtype].largest
    return d.call(
        "mx.nan_to_num({0})",
        a.dtype,
        lambda x: np.nan_to_num(x, nan=0.0, posinf=largest, neginf=-largest),
    )


def _round(d: Draw) -> Call:
    a = d.operand(FLOATS)
    return d.call("mx.round({0})", a.dtype, np.round)


def _astype(d: Draw) -> Call:
    """Between types where every element has a value in the other."""
    target = d.source.dtype(REAL)
    if is_float(target):
        d.operand(REAL)
    elif target == "bool":
        d.operand(DTYPES)
    else:
        d.operand(EXACT)
    code = f"{{0}}.astype(mx.{written(target)})"
    return d.call(code, target, lambda x: rounded(x, target) if target != "bool" else x != 0)


def _scalar(d: Draw) -> Call:
    """A Python number beside an array takes the array's type, unless that cannot hold its kind."""
    a = d.operand((*INTEGERS, *FLOATS))
    value: int | float = d.choose.choice([2, 1, 3, 0.5, 2.5, 1])
    dtype = a.dtype
    if isinstance(value, float):
        dtype = floating(dtype)
    number = (
        float(rounded(np.float64(value), dtype)) if is_float(dtype) else np.dtype(dtype).type(value)
    )
    symbol, exact = d.choose.choice(
        [("+", np.add), ("-", np.subtract), ("*", np.multiply), ("<", np.less)]
    )
    left = d.source.chance(0.5)
    code = f"{value} {symbol} {{0}}" if left else f"{{0}} {symbol} {value}"

    def of(x: Wide) -> Any:
        x = _cast(x, dtype)
        return exact(number, x) if left else exact(x, number)

    if symbol == "<":
        return d.call(code, "bool", of)
    return d.call(
        code,
        dtype,
        of,
        lambda v, x: rounding_error(v, dtype) if is_float(dtype) else 0.0,
        smooth=True,
    )


def _logaddexp(d: Draw) -> Call:
    a = d.operand(FLOATS)
    d.operand((a.dtype,), shape=shapes_that_broadcast(d, a.shape))

    def of(x: Wide, y: Wide) -> Any:
        if np.iscomplexobj(x) or np.iscomplexobj(y):
            return np.log(np.exp(x) + np.exp(y))
        return np.logaddexp(x, y)

    def error(value: Wide, x: Wide, y: Wide) -> Any:
        # max + log1p(exp(-difference)): the difference is rounded, which the exponential sees.
        gap = np.abs(x - y)
        inner = unit(computed(a.dtype)) * np.nan_to_num(gap * np.exp(-gap))
        size = np.maximum(
            np.abs(value), np.log(2.0) + np.maximum(np.abs(x), np.abs(y)) * np.isfinite(x + y)
        )
        return inner + function_error(size, a.dtype)

    return d.call("mx.logaddexp({0}, {1})", a.dtype, of, error, smooth=True)


def _arctan2(d: Draw) -> Call:
    a = d.operand(FLOATS)
    d.operand((a.dtype,), shape=shapes_that_broadcast(d, a.shape))
    return d.call(
        "mx.arctan2({0}, {1})",
        a.dtype,
        np.arctan2,
        lambda value, x, y: function_error(value, a.dtype),
    )


def _complex_arithmetic(d: Draw) -> Call:
    name, symbol, exact = d.choose.choice(
        [("add", "+", np.add), ("subtract", "-", np.subtract), ("multiply", "*", np.multiply)]
    )
    a = d.operand(("complex64",), domain="plain")
    b = d.operand(DTYPES, shape=shapes_that_broadcast(d, a.shape), domain="plain")
    dtype = promoted(a.dtype, b.dtype)

    def error(value: Wide, x: Wide, y: Wide) -> Any:
        # Each part of a product is two products and a sum, all rounded.
        size = np.abs(x) * np.abs(y) if name == "multiply" else np.abs(value)
        return 4 * unit("float32") * size + FORMATS["float32"].smallest

    return d.call(_written(d, name, symbol), dtype, lambda x, y: exact(x, _cast(y, dtype)), error)


def _complex_function(d: Draw) -> Call:
    name = d.choose.choice(["exp", "sin", "cos", "sqrt", "log", "tanh", "square", "negative"])
    d.operand(("complex64",), domain="plain")
    exact = getattr(np, name)

    def error(value: Wide, x: Wide) -> Any:
        # Normwise: the real functions behind it each have their ulps, and there are up to four.
        # The logarithm of what is near 1 is as far off as that is rounded.
        size = np.abs(value) + (1.0 if name == "log" else 0.0)
        return 4 * function_error(size, "complex64")

    return d.call(f"mx.{name}({{0}})", "complex64", exact, error)


OPERATIONS: dict[str, Operation] = {
    **{name: function(name) for name in FUNCTIONS},
    "abs": _same("abs", _abs, (*INTEGERS, *FLOATS), True),
    "sign": _same("sign", _sign, (*INTEGERS, *FLOATS), False),
    "negative": _same("negative", np.negative, (*INTEGERS, *FLOATS), True),
    "floor": _same("floor", np.floor, FLOATS, False),
    "ceil": _same("ceil", np.ceil, FLOATS, False),
    "trunc": _same("trunc", np.trunc, FLOATS, False),
    "stop_gradient": _same("stop_gradient", lambda x: x, DTYPES, False),
    "square": _square,
    "round": _round,
    **{name: predicate(name) for name in ("isnan", "isinf", "isfinite")},
    "isposinf": lambda d: _of_reals(d, "isposinf", lambda x: x == np.inf),
    "isneginf": lambda d: _of_reals(d, "isneginf", lambda x: x == -np.inf),
    "real": _complex_part("real", np.real),
    "imag": _complex_part("imag", np.imag),
    "conj": _complex_part("conj", np.conj),
    "complex_abs": _complex_part("abs", np.abs),
    "complex_arithmetic": _complex_arithmetic,
    "complex_function": _complex_function,
    "add": arithmetic("add", "+", np.add),
    "subtract": arithmetic("subtract", "-", np.subtract),
    "multiply": arithmetic("multiply", "*", np.multiply),
    "divide": _divide,
    "floor_divide": _integer_division("floor_divide", "//"),
    "remainder": _integer_division("remainder", "%"),
    "float_remainder": _float_remainder,
    "power": _power,
    "maximum": _extreme("maximum"),
    "minimum": _extreme("minimum"),
    "logaddexp": _logaddexp,
    "arctan2": _arctan2,
    "equal": comparison("equal", "=="),
    "not_equal": comparison("not_equal", "!="),
    "less": comparison("less", "<"),
    "less_equal": comparison("less_equal", "<="),
    "greater": comparison("greater", ">"),
    "greater_equal": comparison("greater_equal", ">="),
    **{name: logic(name) for name in ("logical_not", "logical_and", "logical_or", "logical_xor")},
    "bitwise_and": bitwise("bitwise_and", "&"),
    "bitwise_or": bitwise("bitwise_or", "|"),
    "bitwise_xor": bitwise("bitwise_xor", "^"),
    "left_shift": bitwise("left_shift", "<<"),
    "right_shift": bitwise("right_shift", ">>"),
    "bitwise_invert": _invert,
    "where": _where,
    "clip": _clip,
    "nan_to_num": _nan_to_num,
    "astype": _astype,
    "scalar": _scalar,
}


def _of_reals(d: Draw, name: str, exact: Callable[[Wide], Any]) -> Call:
    d.operand((*INTEGERS, *FLOATS))
    return d.call(f"mx.{name}({{0}})", "bool", exact)
