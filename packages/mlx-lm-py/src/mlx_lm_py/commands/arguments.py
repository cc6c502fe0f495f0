"""Types of arguments, for commands to declare theirs with."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

__all__ = ["integer_in", "number_in"]


def __dir__() -> list[str]:
    return __all__


def integer_in(low: int, high: int) -> Callable[[str], int]:
    """Create the type of an integer argument.

    Args:
        low: The smallest value.
        high: The largest value.

    Returns:
        A function for the ``type`` of `argparse.ArgumentParser.add_argument`.

    Example:
        >>> integer_in(1, 9)("7")
        7
    """

    # argparse puts the name of the function in its messages.
    def integer(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not in {low}..{high}")
        return value

    return integer


def number_in(low: float, high: float) -> Callable[[str], float]:
    """Create the type of an argument that is a finite number.

    Args:
        low: The smallest value.
        high: The largest value.

    Returns:
        A function for the ``type`` of `argparse.ArgumentParser.add_argument`.

    Example:
        >>> number_in(0.0, 1.0)("0.5")
        0.5
    """

    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high or math.isinf(value):
            raise argparse.ArgumentTypeError(f"{text} is not in {low:g}..{high:g}")
        return value

    return number
