"""Discrete Fourier transforms."""

from __future__ import annotations

from typing import Any

import numpy as np

from fuzz.arrays.bounds import unit
from fuzz.arrays.calls import Call, Draw, Operation, UnfitError
from fuzz.arrays.values import FORMATS, Wide


def _error(value: Wide, x: Wide, inverse: bool, count: int) -> Any:
    """Higham, 24.1: normwise, with a small factor for each of the log2(n) stages.

    Lengths with large prime factors go through a transform of a power of two beyond twice the
    length (Bluestein), there and back.
    """
    stages = 3 * (np.log2(max(count, 2)) + 3)
    # An element of the result is at most sqrt(n) times the norm; the inverse divides by n.
    norm = np.sqrt(np.sum(np.abs(x) ** 2) * count) / (count if inverse else 1)
    safe = norm * count < FORMATS["float32"].largest
    return 8 * unit("float32") * stages * norm + FORMATS["float32"].smallest if safe else np.nan


def transform(name: str) -> Operation:
    real = name.startswith("r")
    inverse = "i" in name[:2]
    exact_of = getattr(np.fft, name)

    def draw(d: Draw) -> Call:
        dtypes = ("float32",) if real else ("complex64",)
        several = name.endswith(("2", "n"))
        a = d.operand(dtypes, low=2 if several else 1, high=3, domain="plain", limit=4000)
        if 0 in a.shape or (name.startswith("ir") and a.shape[-1] < 2):
            raise UnfitError
        axis = -1 if several else d.source.axis(a.ndim)
        options = "" if several else f", axis={axis}"
        if not several and name.startswith("ir") and a.shape[axis] < 2:
            raise UnfitError

        def exact(x: Wide) -> Any:
            return exact_of(x) if several else exact_of(x, axis=axis)

        def error(value: Wide, x: Wide) -> Any:
            axes = range(x.ndim) if name.endswith("n") else range(-2, 0) if several else [axis]
            count = int(np.prod([max(value.shape[i], x.shape[i]) for i in axes]))
            return _error(value, x, inverse, count)

        dtype = "float32" if name.startswith("ir") else "complex64"
        return d.call(f"mx.fft.{name}({{0}}{options})", dtype, exact, error, shapeless=False)

    return draw


def _shift(d: Draw) -> Call:
    name = d.choose.choice(["fftshift", "ifftshift"])
    a = d.operand(("float32", "complex64", "int32"), low=1)
    axis = d.source.axis(a.ndim)
    return d.call(
        f"mx.fft.{name}({{0}}, axes=({axis},))",
        a.dtype,
        lambda x: getattr(np.fft, name)(x, axes=(axis,)),
        shapeless=False,
    )


NAMES = ("fft", "ifft", "rfft", "irfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn", "rfftn")
OPERATIONS: dict[str, Operation] = {**{name: transform(name) for name in NAMES}, "fftshift": _shift}
