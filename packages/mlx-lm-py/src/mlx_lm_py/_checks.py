"""Checks of options that are numbers or functions, whoever takes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

__all__ = ["check_function", "check_integer", "check_list", "check_number"]


def __dir__() -> list[str]:
    return __all__


def check_integer(name: str, value: Any, least: int | None = None, most: int | None = None) -> None:
    """Check that an option is a count.

    Args:
        name: What the exception calls it.
        value: The option.
        least: The smallest number that it may be. Default: ``None``, any.
        most: The greatest. Default: ``None``, any.

    Raises:
        TypeError: If it is no integer; a boolean is none.
        ValueError: If it is beyond the bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    if least is not None and value < least:
        wanted = "not be negative" if least == 0 else f"be at least {least}"
        raise ValueError(f"{name} must {wanted}, not {value}")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}, not {value}")


def check_number(
    name: str,
    value: Any,
    least: float = -math.inf,
    most: float = math.inf,
    *,
    above: float = -math.inf,
) -> None:
    """Check that an option is a finite number within bounds.

    Args:
        name: What the exception calls it.
        value: The option.
        least: The smallest number that it may be. Default: any.
        most: The greatest. Default: any.
        above: A number that it must be greater than. Default: none.

    Raises:
        TypeError: If it is no number; a boolean is none.
        ValueError: If it is beyond the bounds, infinite or NaN.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    number: Any = value
    if math.isfinite(number) and least <= number <= most and number > above:
        return
    wanted = "be finite"
    if most < math.inf:
        wanted = f"be in {least:g}..{most:g}"
    elif least == 0:
        wanted = "not be negative"
    elif above > -math.inf:
        wanted = f"be greater than {above:g}" if above else "be positive"
    raise ValueError(f"{name} must {wanted}, not {value}")


def check_function(name: str, value: Any) -> None:
    """Raise a `TypeError` if an option is no function."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, not {type(value).__name__}")


def check_list(name: str, value: Any) -> None:
    """Raise a `TypeError` if an option has no entries by number, or is a text."""
    has_entries = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    if isinstance(value, (str, bytes, Mapping)) or not has_entries:
        raise TypeError(f"{name} must be a list, not {type(value).__name__}")
