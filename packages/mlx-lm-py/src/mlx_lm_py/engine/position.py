"""Integers that know how they grow from one step of generation to the next."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["Position", "Trace", "UnrecordableError"]


def __dir__() -> list[str]:
    return __all__


class UnrecordableError(Exception):
    """A step depends on a position in a way that may change with the next one."""


class Trace:
    """What a step that is traced has asked its positions.

    Attributes:
        steps: For how many steps, this one included, all comparisons go on as they went; infinity
            if they always do.
    """

    def __init__(self) -> None:
        self.steps: float = math.inf

    def position(self, value: int, rate: int) -> int:
        """A number that is ``value`` in this step, and ``rate`` more in each further one."""
        if rate == 0:
            return int(value)
        result = Position(value)
        result.rate, result.trace = rate, self
        return result


class Position(int):
    """An integer that grows by the same amount with each step.

    Sums are such integers, too. A comparison is answered, and its trace learns for how many steps
    the answer holds. What else a program does with integers raises an `UnrecordableError`; where C
    reads the number, its use has to be compared from step to step.
    """

    rate: int
    trace: Trace

    def __add__(self, other: int) -> int:
        if isinstance(other, int):
            return self._with(int.__add__(self, other), self.rate + _rate(other))
        return NotImplemented

    def __radd__(self, other: int) -> int:
        return self + other

    def __sub__(self, other: int) -> int:
        if isinstance(other, int):
            return self._with(int.__sub__(self, other), self.rate - _rate(other))
        return NotImplemented

    def __rsub__(self, other: int) -> int:
        if isinstance(other, int):
            return self._with(int.__rsub__(self, other), _rate(other) - self.rate)
        return NotImplemented

    def __neg__(self) -> int:
        return self._with(int.__neg__(self), -self.rate)

    def __pos__(self) -> int:
        return self

    def __mul__(self, other: int) -> int:
        if isinstance(other, Position) or not isinstance(other, int):
            _refuse(self, other)
        return self._with(int.__mul__(self, other), self.rate * other)

    def __rmul__(self, other: int) -> int:
        return self * other

    def __lt__(self, other: float) -> bool:
        return self._compare(operator.lt, other)

    def __le__(self, other: float) -> bool:
        return self._compare(operator.le, other)

    def __gt__(self, other: float) -> bool:
        return self._compare(operator.gt, other)

    def __ge__(self, other: float) -> bool:
        return self._compare(operator.ge, other)

    def __eq__(self, other: object) -> bool:
        return self._compare(operator.eq, other) if isinstance(other, (int, float)) else False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __bool__(self) -> bool:
        return not self._compare(operator.eq, 0)

    def __hash__(self) -> int:
        _refuse(self)

    def _with(self, value: int, rate: int) -> int:
        return self.trace.position(value, rate)

    def _compare(self, compare: Callable[[Any, Any], bool], other: float) -> bool:
        # Plain numbers, since those of this class would ask again.
        ours = int.__add__(self, 0)
        theirs = int.__add__(other, 0) if isinstance(other, int) else other
        rate = self.rate - _rate(other)
        answer = compare(ours, theirs)
        if rate and math.isfinite(theirs):
            # The answer may change where the numbers are equal, and in the next step.
            crossing = math.ceil((theirs - ours) / rate)
            for steps in (crossing - 1, crossing, crossing + 1):
                if steps >= 1 and compare(ours + rate * steps, theirs) != answer:
                    self.trace.steps = min(self.trace.steps, steps)
                    break
        return answer


def _rate(number: float) -> int:
    return number.rate if isinstance(number, Position) else 0


def _refuse(*_: object) -> NoReturn:
    raise UnrecordableError("a step does arithmetic with a position that is no sum")


for _name in (
    *("floordiv", "rfloordiv", "truediv", "rtruediv", "mod", "rmod", "divmod", "rdivmod"),
    *("pow", "rpow", "lshift", "rlshift", "rshift", "rrshift", "and", "rand", "or", "ror"),
    *("xor", "rxor", "invert", "abs", "int", "float", "round", "trunc", "floor", "ceil"),
):
    setattr(Position, f"__{_name}__", _refuse)
