"""Types of arguments, for commands to declare theirs with."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from typing import Any

__all__ = ["integer_in", "integers", "json_object", "nonempty", "number_in"]


def __dir__() -> list[str]:
    return __all__


_MOST = 2**31 - 1


def integer_in(low: int, high: int = _MOST) -> Callable[[str], int]:
    """Create the type of an integer argument.

    Args:
        low: The smallest value.
        high: The largest value. Default: ``2**31 - 1``.

    Returns:
        A function for the ``type`` of `argparse.ArgumentParser.add_argument`.

    Example:
        >>> integer_in(1, 9)("7")
        7
    """

    # argparse puts the name of the function in its messages.
    def integer(text: str) -> int:
        value = int(text)
        _check(value, text, low, high, bounded=high != _MOST)
        return value

    return integer


def integers(low: int, high: int = _MOST) -> Callable[[str], list[int]]:
    """Create the type of an argument that is one or more integers with commas between.

    Args:
        low: The smallest value.
        high: The largest value. Default: ``2**31 - 1``.

    Returns:
        A function for the ``type`` of `argparse.ArgumentParser.add_argument`.

    Example:
        >>> integers(1)("128,512")
        [128, 512]
    """
    one = integer_in(low, high)

    def integer(text: str) -> list[int]:
        return [one(part) for part in text.split(",")]

    return integer


def number_in(low: float, high: float = math.inf) -> Callable[[str], float]:
    """Create the type of an argument that is a finite number.

    Args:
        low: The smallest value.
        high: The largest value. Default: none.

    Returns:
        A function for the ``type`` of `argparse.ArgumentParser.add_argument`.

    Example:
        >>> number_in(0.0, 1.0)("0.5")
        0.5
    """

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text} is not a finite number")
        _check(value, text, low, high, bounded=not math.isinf(high))
        return value

    return number


def _check(value: float, text: str, low: float, high: float, *, bounded: bool) -> None:
    if low <= value <= high:
        return
    # A limit that nobody means to reach says nothing to somebody who was below the other one.
    if bounded:
        raise argparse.ArgumentTypeError(f"{text} is not in {_shown(low)}..{_shown(high)}")
    raise argparse.ArgumentTypeError(
        f"{text} is less than {_shown(low)}" if value < low else f"{text} is too much"
    )


def _shown(limit: float) -> str:
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


def nonempty(text: str) -> str:
    """Read an argument that is a text.

    Args:
        text: The argument.

    Returns:
        The text.

    Raises:
        argparse.ArgumentTypeError: If it is empty.

    Example:
        >>> nonempty("END")
        'END'
    """
    if not text:
        raise argparse.ArgumentTypeError("an empty text is everywhere")
    return text


def json_object(text: str) -> dict[str, Any]:
    """Read an argument that is a JSON object.

    Args:
        text: The argument.

    Returns:
        The object.

    Raises:
        argparse.ArgumentTypeError: If it is something else.

    Example:
        >>> json_object('{"enable_thinking": false}')
        {'enable_thinking': False}
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object, such as '{{\"a\": 1}}'")
    return value
