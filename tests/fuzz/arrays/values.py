"""Elements of arrays at random, and what the types of MLX hold of them.

Elements are kept *wide*: floats of any width as float64 and complex numbers as complex128, which
hold each exactly; booleans and integers as themselves.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple, TypeAlias

import mlx_core_py as mx
import numpy as np
import numpy.typing as npt

Wide: TypeAlias = npt.NDArray[Any]

SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
HALVES = ("float16", "bfloat16")
FLOATS = (*HALVES, "float32", "float64")
EXACT = ("bool", *INTEGERS)
REAL = EXACT + FLOATS
DTYPES = (*REAL, "complex64")


class Format(NamedTuple):
    """A format of floats: its precision and range."""

    eps: float
    smallest: float
    tiny: float
    largest: float


FORMATS = {
    "float16": Format(2.0**-10, 2.0**-24, 2.0**-14, 65504.0),
    "bfloat16": Format(2.0**-7, 2.0**-133, 2.0**-126, 255.0 * 2.0**120),
    "float32": Format(2.0**-23, 2.0**-149, 2.0**-126, float(np.finfo(np.float32).max)),
    "float64": Format(2.0**-52, 2.0**-1074, 2.0**-1022, float(np.finfo(np.float64).max)),
}
FORMATS["complex64"] = FORMATS["float32"]


def is_float(dtype: str) -> bool:
    return dtype in FORMATS


def wide_type(dtype: str) -> type[np.generic]:
    """The NumPy type that holds elements of a type of MLX exactly."""
    if dtype == "complex64":
        return np.complex128
    if dtype in FLOATS:
        return np.float64
    return np.dtype(dtype).type


def rounded(values: Any, dtype: str) -> Wide:
    """The elements of a type that are nearest, wide again."""
    values = np.asarray(values)
    with np.errstate(all="ignore"):
        if dtype == "bfloat16":
            single = np.array(values.astype(np.float32), order="C")
            bits = single.view(np.uint32)
            even = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
            single = np.where(np.isnan(single), single, even.view(np.float32))
            return np.asarray(single.astype(np.float64).reshape(values.shape))
        if dtype == "complex64":
            return np.asarray(values.astype(np.complex64).astype(np.complex128))
        narrow = values.astype(np.dtype(dtype))
        return np.asarray(narrow.astype(wide_type(dtype)))


def to_mlx(values: Wide, dtype: str) -> mx.array:
    """An array of a type of MLX with these elements."""
    kept = {"complex64": np.complex64, "float64": np.float64}.get(dtype)
    if kept is None:
        kept = np.float32 if dtype in FLOATS else np.dtype(dtype).type
    return mx.array(values.astype(kept), dtype=type_of(dtype))


def to_wide(array: mx.array) -> Wide:
    """The elements of an array of MLX."""
    narrow = array.astype(mx.float32) if array.dtype == mx.bfloat16 else array
    return np.array(narrow).astype(wide_type(name_of(array)))


def type_of(dtype: str) -> mx.Dtype:
    """The type of MLX of a name."""
    found: mx.Dtype = getattr(mx, written(dtype))
    return found


def written(dtype: str) -> str:
    """The name of a type in `mlx.core`."""
    return "bool_" if dtype == "bool" else dtype


def name_of(array: mx.array) -> str:
    """The name of an array's type."""
    return str(array.dtype).rpartition(".")[2].rstrip("_")


def promoted(a: str, b: str) -> str:
    """The type of a result of operands of two types, by MLX's table."""
    if a == b:
        return a
    kinds = [next(i for i, k in enumerate(KINDS) if t in k) for t in (a, b)]
    if kinds[0] == kinds[1]:
        if {a, b} == set(HALVES):
            return "float32"
        kind = KINDS[kinds[0]]
        return kind[max(kind.index(a), kind.index(b))]
    low, high = (a, b) if kinds[0] < kinds[1] else (b, a)
    if low in UNSIGNED and high in SIGNED:
        at = UNSIGNED.index(low)
        if at == 3:
            return "float32"
        return SIGNED[max(at + 1, SIGNED.index(high))]
    if high == "complex64" or low == "bool" or high in FLOATS:
        return high
    raise AssertionError((a, b))


KINDS: tuple[tuple[str, ...], ...] = (("bool",), UNSIGNED, SIGNED, FLOATS, ("complex64",))


def floating(dtype: str) -> str:
    """The type in which functions of floats compute an argument of a type."""
    return dtype if is_float(dtype) else "float32"


class Source:
    """What is drawn from a seed: numbers, choices, elements of arrays."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.choose = random.Random(seed)
        self.numbers = np.random.default_rng(self.choose.getrandbits(64))

    def chance(self, p: float) -> bool:
        return self.choose.random() < p

    def size(self) -> int:
        """A length of an axis: small, or next to the borders of vectors and blocks."""
        pick = self.choose.random()
        if pick < 0.06:
            return 0
        if pick < 0.6:
            return self.choose.randint(1, 6)
        border = self.choose.choice([8, 16, 32, 64, 128, 256, 512, 1024, 4096])
        return border + self.choose.choice([-1, 0, 1])

    def shape(self, low: int = 0, high: int = 4, limit: int = 5000) -> tuple[int, ...]:
        """A shape of some axes and not more than so many elements."""
        ndim = self.choose.choice([n for n in (0, 1, 1, 2, 2, 3, 4) if low <= n <= high])
        lengths = [self.size() for _ in range(ndim)]
        while np.prod([max(n, 1) for n in lengths]) > limit:
            at = int(np.argmax(lengths))
            lengths[at] = max(1, lengths[at] // self.choose.choice([2, 3, 7]))
        return tuple(lengths)

    def axis(self, ndim: int) -> int:
        return self.choose.randrange(-ndim, ndim)

    def axes(self, ndim: int) -> int | tuple[int, ...] | None:
        """An axis of a reduction: none, one or several."""
        if ndim == 0 or self.chance(0.25):
            return None
        if self.chance(0.6):
            return self.axis(ndim)
        picked = self.choose.sample(range(ndim), self.choose.randint(1, ndim))
        return tuple(a - ndim if self.chance(0.3) else a for a in picked)

    def dtype(self, among: tuple[str, ...] = REAL) -> str:
        common = [d for d in ("float32", "float32", "float16", "bfloat16", "int32") if d in among]
        return self.choose.choice(common if common and self.chance(0.5) else among)

    def elements(self, shape: tuple[int, ...], dtype: str, domain: str = "any") -> Wide:
        """Elements of a type.

        Domains: "any", which has the values that algorithms stumble over; "finite", without
        infinity and NaN; "plain", near 1; "positive", from 1/4 to 4; "unit", between -1 and 1.
        """
        if dtype == "bool":
            return self.numbers.random(shape) < 0.5
        if dtype in INTEGERS:
            return self._integers(shape, dtype, domain)
        values = np.array(self._floats(shape, dtype, domain), wide_type(dtype))
        if dtype == "complex64":
            values.imag = self._floats(shape, dtype, domain)
        return rounded(values, dtype)

    def _integers(self, shape: tuple[int, ...], dtype: str, domain: str) -> Wide:
        limits = np.iinfo(dtype)
        if domain in ("plain", "unit", "positive") or self.chance(0.6):
            low = 1 if domain == "positive" else max(-9, int(limits.min))
            return self.numbers.integers(low, 10, shape).astype(dtype)
        values = self.numbers.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        extreme = np.array([limits.min, limits.max, 0, 1, limits.max - 1, limits.min + 1], dtype)
        return np.where(
            self.numbers.random(shape) < 0.3, self.numbers.choice(extreme, shape), values
        )

    def _floats(self, shape: tuple[int, ...], dtype: str, domain: str) -> Wide:
        normal = self.numbers.standard_normal(shape)
        match domain:
            case "unit":
                return np.clip(normal / 2, -0.99, 0.99)
            case "positive":
                return np.exp2(self.numbers.uniform(-2, 2, shape))
            case "plain":
                return normal
        kind = self.choose.random()
        if kind < 0.3:
            return normal * self.choose.choice([1e-3, 1.0, 10.0])
        if kind < 0.4:
            return self.numbers.integers(-4, 5, shape) / self.choose.choice([1.0, 2.0])
        form = FORMATS[dtype]
        if kind < 0.65:
            exponents = self.numbers.uniform(np.log2(form.tiny) - 8, np.log2(form.largest), shape)
            return np.copysign(np.exp2(exponents), normal)
        special = [0.0, 1.0, form.smallest, form.tiny, form.largest, 0.5, 2.5, 88.0, 1e4, form.eps]
        if domain == "any":
            special += [np.inf, np.nan]
        drawn = np.copysign(self.numbers.choice(np.array(special), shape), normal)
        return np.where(self.numbers.random(shape) < 0.4, drawn, normal)
