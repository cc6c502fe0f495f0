"""The error model: how far from the exact result a result may be.

A bound is the sum of what rounding can do on the way, to first order: the unit roundoff of the
type that is computed in, times the number of roundings, times the magnitude of what is rounded,
and the rounding of the result. The text of each function names its terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .values import FORMATS, HALVES, Wide, is_float, rounded

# Units in the last place by which a function of a library of elementary functions may be off.
# `docs/design/cpu/kernels.md` promises 3.2 for the ones that are computed here.
FUNCTION_ULPS = 4.0


def unit(dtype: str) -> float:
    """The unit roundoff: half of the distance from 1 to the next float."""
    return FORMATS[dtype].eps / 2


def computed(dtype: str) -> str:
    """The type in which operands of a type are computed: halves are widened."""
    return "float32" if dtype in HALVES else dtype


@dataclass(frozen=True)
class Want:
    """An exact result, wide, and how far off one of a type may be, element by element.

    Where the bound is NaN, nothing is promised.
    """

    value: Wide
    dtype: str
    bound: Wide | float = 0.0


def function_error(value: Wide, dtype: str, ulps: float = FUNCTION_ULPS) -> Wide:
    """Of a function computed to some ulps and rounded once."""
    inner = computed(dtype)
    size = np.abs(value)
    error = ulps * (2 * unit(inner) * size + FORMATS[inner].smallest)
    if inner != dtype:
        error = error + unit(dtype) * size + FORMATS[dtype].smallest / 2
    return np.asarray(error)


def sum_error(terms: Any, count: int, value: Wide, dtype: str) -> Wide:
    """Of a sum of `count` terms whose magnitudes add up to `terms`, in any order.

    Higham, Accuracy and Stability of Numerical Algorithms, 4.2: `(n - 1) u` times that sum; each
    term was rounded itself. The result is rounded once more where it is narrower.
    """
    inner = computed(dtype)
    terms = np.asarray(terms)
    error = (count + 1) * unit(inner) * terms + FORMATS[inner].smallest * (count + 1)
    # Where sums of some of the terms may leave the range, infinity and NaN may come of it.
    error = np.where(terms >= FORMATS[inner].largest, np.nan, error)
    return np.asarray(error + rounding_error(value, dtype))


def rounding_error(value: Wide, dtype: str) -> Wide:
    """Of one rounding to a type."""
    return np.asarray(unit(dtype) * np.abs(value) + FORMATS[dtype].smallest / 2)


def difference(got: Wide, got_dtype: str, want: Want) -> str | None:
    """What is wrong with a result, in words; None if nothing is."""
    if got_dtype != want.dtype:
        return f"is of type {got_dtype}, not {want.dtype}"
    if got.shape != want.value.shape:
        return f"is of shape {got.shape}, not {want.value.shape}"
    with np.errstate(all="ignore"):
        right = _right(got, want)
    if right.all():
        return None
    at = tuple(int(i) for i in np.argwhere(~right)[0])
    bound = np.broadcast_to(want.bound, got.shape)[at]
    return (
        f"has {got[at]!r} at {at}, not {want.value[at]!r} (off by more than {bound:.3g}; "
        f"{np.count_nonzero(~right)} of {got.size} elements)"
    )


def _right(got: Wide, want: Want) -> Wide:
    if not is_float(want.dtype):
        free = np.isnan(np.broadcast_to(np.asarray(want.bound, np.float64), got.shape))
        return np.asarray((got == want.value) | free)
    if np.iscomplexobj(want.value):
        nan = np.isnan(want.value)
        infinite = np.isinf(want.value)
        close = np.abs(got - want.value) <= want.bound
        special = (nan & np.isnan(got)) | (infinite & (np.isinf(got) | np.isnan(got)))
        # A part that leaves the range of the type makes anything of the number.
        large = np.abs(want.value) + want.bound >= FORMATS[want.dtype].largest / 2
        return np.asarray(close | special | (got == want.value) | np.isnan(want.bound) | large)
    value = np.asarray(want.value, np.float64)
    bound = np.asarray(want.bound, np.float64)
    cast = rounded(value, want.dtype)
    right = (got == cast) | (np.isnan(got) & np.isnan(value)) | np.isnan(bound)
    right |= np.abs(got - value) <= bound
    # Where rounding may lead beyond the largest float, infinity is as good.
    reached = np.abs(value) + bound >= FORMATS[want.dtype].largest
    right |= np.isfinite(value) & reached & (got == np.copysign(np.inf, value))
    right |= (
        np.isinf(cast)
        & np.isfinite(value)
        & (np.abs(got - np.sign(value) * FORMATS[want.dtype].largest) <= bound)
    )
    return np.asarray(right)
