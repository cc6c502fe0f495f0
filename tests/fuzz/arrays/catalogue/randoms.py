"""Random numbers: the same ones in every way they are drawn, in their range, with their moments."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np

from fuzz.arrays.bounds import rounding_error
from fuzz.arrays.calls import Call, Draw, Operation, Shape
from fuzz.arrays.values import Source, Wide, to_wide

# Deviations that a mean may be off by: one of 10^10 means is further off.
DEVIATIONS = 6.5
FLOATS = ("float32", "float16", "bfloat16")


def _key(source: Source, shape: Shape, dtype: str) -> Wide:
    return source.numbers.integers(0, 2**32, shape).astype(np.uint32)


def _drawn(code: str, key: Wide) -> Wide:
    """What the same call gives when nothing is transformed."""
    return to_wide(eval(code.format("key"), {"mx": mx, "key": mx.array(key.astype(np.uint32))}))


def same(code: str, dtype: str) -> Operation:
    """The numbers of a key, which are the same under each transform."""

    def draw(d: Draw) -> Call:
        d.operand(("uint32",), shape=(2,), domain=_key)
        size = d.choose.choice([1, 2, 3, 7, 16, 33, 100])
        text = code.replace("SIZE", str(size)).replace("TYPE", dtype)
        return d.call(text, dtype, lambda key: _drawn(text, key), shapeless=False)

    return draw


def _uniform(d: Draw) -> Call:
    """Numbers from an interval that are shifted to one another."""
    d.operand(("uint32",), shape=(2,), domain=_key)
    dtype = d.choose.choice(FLOATS)
    low, high = d.choose.choice([(0.0, 1.0), (-2.0, 3.0), (5.0, 5.5)])
    code = (
        f"mx.random.uniform({low}, {high}, ({d.choose.choice([1, 5, 64])},), mx.{dtype}, key={{0}})"
    )

    def exact(key: Wide) -> Any:
        return _drawn(code, key)

    def error(value: Wide, key: Wide) -> Any:
        assert ((value >= low) & (value <= high)).all(), "out of range"
        return 0.0

    return d.call(code, dtype, exact, error, shapeless=False)


# Each with the mean and the variance of an element.
MOMENTS: tuple[tuple[str, float, float], ...] = (
    ("mx.random.uniform(-1.0, 3.0, SHAPE, key={0})", 1.0, 16 / 12),
    ("mx.random.normal(SHAPE, loc=2.0, scale=3.0, key={0})", 2.0, 9.0),
    ("mx.random.randint(-3, 8, SHAPE, key={0}).astype(mx.float32)", 2.0, 10.0),
    ("mx.random.bernoulli(0.25, SHAPE, key={0}).astype(mx.float32)", 0.25, 0.1875),
    ("mx.random.gumbel(SHAPE, key={0})", 0.5772156649015329, np.pi**2 / 6),
    ("mx.random.laplace(SHAPE, key={0})", 0.0, 2.0),
    ("mx.random.truncated_normal(-1.0, 1.0, SHAPE, key={0})", 0.0, 0.2911251),
    ("mx.random.categorical(mx.zeros((2000, 5)), key={0}).astype(mx.float32)", 2.0, 2.0),
    ("mx.random.permutation(2000, key={0})[:1000].astype(mx.float32)", 999.5, 2000.0**2 / 12),
)


def _moments(d: Draw) -> Call:
    """The mean of 2000 numbers, within deviations of that mean."""
    d.operand(("uint32",), shape=(2,), domain=_key)
    code, mean, variance = d.choose.choice(MOMENTS)
    code = code.replace("SHAPE", d.choose.choice(["(2000,)", "(2, 1000)", "(40, 5, 10)"]))
    count = 1000 if "permutation" in code else 2000

    def error(value: Wide, key: Wide) -> Any:
        return DEVIATIONS * np.sqrt(variance / count) + rounding_error(value, "float32")

    return d.call(f"{code}.mean()", "float32", lambda key: np.float64(mean), error, shapeless=False)


OPERATIONS: dict[str, Operation] = {
    "random_bits": same("mx.random.randint(0, 2**31 - 1, (SIZE,), mx.TYPE, key={0})", "int32"),
    "random_uniform": _uniform,
    "random_normal": same("mx.random.normal((SIZE,), mx.TYPE, key={0})", "float32"),
    "random_half_normal": same("mx.random.normal((SIZE, 3), mx.TYPE, key={0})", "float16"),
    "random_bernoulli": same("mx.random.bernoulli(0.5, (SIZE,), key={0})", "bool"),
    "random_split": same("mx.random.split({0}, SIZE)", "uint32"),
    "random_gumbel": same("mx.random.gumbel((SIZE,), mx.TYPE, key={0})", "bfloat16"),
    "random_categorical": same("mx.random.categorical(mx.zeros((SIZE, 5)), key={0})", "uint32"),
    "random_permutation": same("mx.random.permutation(SIZE, key={0})", "uint32"),
    "random_moments": _moments,
}
