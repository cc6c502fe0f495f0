"""One call of an operation: its operands, how it is written, and what it must give."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .bounds import Want
from .values import FLOATS, REAL, Source, Wide

Maker: TypeAlias = Callable[[Source, tuple[int, ...], str], Wide]
Shape: TypeAlias = tuple[int, ...]

# Types of the operands of calls whose gradients are looked at.
SMOOTH = ("float32", "float32", "float64", "float16", "bfloat16")


class UnfitError(Exception):
    """What is there already is no operand of an operation."""


@dataclass(frozen=True)
class Operand:
    """What an operation is called with: an array of these elements, unless there is one.

    `domain` is one of `Source.elements`, or makes the elements of one example.
    """

    shape: Shape
    dtype: str
    domain: str | Maker = "any"
    # The value of the program that is taken, if it is not a new one.
    taken: int | None = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """The mean of nothing, overflow: what comes of it is compared."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


@dataclass(frozen=True)
class Call:
    """A call as text, with `{0}` for the first operand, and its exact result and its error.

    `exact` takes the wide operands. Where `smooth`, it takes complex ones as well and is analytic,
    so that a step along the imaginary axis gives its derivative.
    """

    code: str
    operands: tuple[Operand, ...]
    dtype: str
    exact: Callable[..., Any]
    error: Callable[..., Any] | None = None
    smooth: bool = False
    # Whether the call can be made where shapes are not known, and under vmap.
    shapeless: bool = True
    mapped: bool = True
    # Whether it can be compiled: what it makes has a shape that does not depend on values.
    traced: bool = True

    def value(self, operands: list[Wide]) -> Wide:
        """The exact result."""
        with _without_warnings():
            return np.asarray(self.exact(*operands))

    def want(self, operands: list[Wide]) -> Want:
        value = self.value(operands)
        with _without_warnings():
            bound = 0.0 if self.error is None else self.error(value, *operands)
        return Want(value, self.dtype, bound)


class Draw:
    """Draws the operands of one call. `there` are values that the program has already."""

    def __init__(
        self,
        source: Source,
        there: list[Operand],
        first: int | None = None,
        smooth: bool = False,
        limit: int = 5000,
    ) -> None:
        self.source = source
        self.choose = source.choose
        self.there = there
        self.first = first
        self.smooth = smooth
        self.limit = limit
        self.operands: list[Operand] = []

    def operand(
        self,
        dtypes: tuple[str, ...] = REAL,
        *,
        shape: Shape | None = None,
        low: int = 0,
        high: int = 4,
        limit: int = 5000,
        domain: str | Maker = "any",
        fixed: bool = False,
    ) -> Operand:
        """The next operand: a value that is there, where one fits and is to be taken, or a new one.

        The domain of a value that is there is not known, so only one that takes "any" is `fixed`
        no further. Gradients are looked at near 1.
        """
        if self.smooth and not callable(domain) and set(dtypes) & set(FLOATS):
            dtypes = tuple(d for d in SMOOTH if d in dtypes)
            if domain in ("any", "finite"):
                domain = "plain"
        fits = [
            i
            for i, value in enumerate(self.there)
            if value.dtype in dtypes
            and (shape is None or value.shape == shape)
            and low <= value.ndim <= high
            and value.size <= limit
        ]
        wanted = self.first if not self.operands else None
        if wanted is not None and (wanted not in fits or callable(domain) or fixed):
            raise UnfitError
        if wanted is None and fits and not callable(domain) and not fixed:
            known = [i for i in fits if domain == "any" or self.there[i].domain == domain]
            if known and self.source.chance(0.5):
                wanted = self.choose.choice(known)
        if wanted is not None:
            there = self.there[wanted]
            if domain not in ("any", "finite", "plain") and there.domain != domain:
                raise UnfitError
            made = Operand(there.shape, there.dtype, there.domain, wanted)
        else:
            if shape is None:
                shape = self.source.shape(low, high, min(limit, self.limit))
            made = Operand(shape, self.source.dtype(dtypes), domain)
        self.operands.append(made)
        return made

    def call(
        self,
        code: str,
        dtype: str,
        exact: Callable[..., Any],
        error: Callable[..., Any] | None = None,
        **options: bool,
    ) -> Call:
        return Call(code, tuple(self.operands), dtype, exact, error, **options)


Operation: TypeAlias = Callable[[Draw], Call]
