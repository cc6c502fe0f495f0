"""Packed weights of every format, and what they stand for, made with NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]

FP4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
FP4 = np.concatenate([FP4, -FP4])


def e4m3(codes: Values) -> Values:
    """Floats of eight bits: none is infinite, and the highest code is NaN."""
    exponent, mantissa = codes >> 3 & 15, codes & 7
    magnitude = np.where(
        exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0)
    )
    magnitude[codes & 127 == 127] = np.nan
    return np.where(codes >> 7, -magnitude, magnitude)


@dataclass(frozen=True)
class Format:
    mode: str
    bits: int
    group_size: int

    @property
    def arguments(self) -> dict[str, Any]:
        return {"mode": self.mode, "bits": self.bits, "group_size": self.group_size}

    def __str__(self) -> str:
        return f"{self.mode}-{self.bits}-{self.group_size}"


AFFINE = [
    Format("affine", bits, group) for bits in (1, 2, 3, 4, 5, 6, 8) for group in (32, 64, 128)
]
FLOAT_FORMATS = [Format("mxfp4", 4, 32), Format("mxfp8", 8, 32), Format("nvfp4", 4, 16)]
FORMATS = AFFINE + FLOAT_FORMATS


@dataclass
class Packed:
    """Random weights: words, scales and biases to make arrays of, the integers and the values."""

    words: Values
    integers: Values
    scales: Values
    biases: Values | None
    values: Values


def random_weights(rng: np.random.Generator, shape: tuple[int, ...], form: Format) -> Packed:
    bits, group = form.bits, form.group_size
    q = rng.integers(0, 2**bits, shape)
    if form.mode == "mxfp8":
        q[q & 127 == 127] = 0
    # The bits of a row, the lowest of each weight first, are those of its words.
    stream = (q[..., None] >> np.arange(bits) & 1).reshape(*shape[:-1], -1, 32).astype(np.uint32)
    words = (stream << np.arange(32, dtype=np.uint32)).sum(-1, dtype=np.uint32)
    grouped = q.reshape(*shape[:-1], -1, group)
    if form.mode == "affine":
        # Multiples of a power of two, so that any type of float holds them.
        scales = rng.integers(-64, 64, grouped.shape[:-1]) * 2.0 ** -(bits + 5)
        biases = rng.integers(-64, 64, grouped.shape[:-1]) * 2.0**-6
        values = grouped * scales[..., None] + biases[..., None]
        return Packed(words, q, scales, biases, values.reshape(shape))
    if form.mode == "nvfp4":
        codes = rng.integers(0, 64, grouped.shape[:-1])
        scales = e4m3(codes)
    else:
        codes = rng.integers(110, 126, grouped.shape[:-1])
        scales = 2.0 ** (codes - 127)
    values = (e4m3(grouped) if bits == 8 else FP4[grouped]) * scales[..., None]
    return Packed(words, q, codes.astype(np.uint8), None, values.reshape(shape))
