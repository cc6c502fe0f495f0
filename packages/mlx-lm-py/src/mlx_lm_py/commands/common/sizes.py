"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["plus_minus", "size", "table"]


def __dir__() -> list[str]:
    return __all__


def size(number: float, unit: str = "B") -> str:
    """Write a number with a prefix of the SI.

    Args:
        number: The number.
        unit: Its unit. Default: ``"B"``, bytes.

    Returns:
        Three digits, or as many as the number has before the point.

    Example:
        >>> size(93_500_000), size(134_515_008, "")
        ('93.5 MB', '135 M')
    """
    prefixes = ["", "k", "M", "G", "T"]
    while number >= 999.5 and len(prefixes) > 1:
        number /= 1000
        del prefixes[0]
    prefix = prefixes[0]
    digits = f"{number:.3g}" if prefix else f"{number:.0f}"
    return f"{digits} {prefix}{unit}".rstrip()


def plus_minus(mean: float | None, error: float | None) -> str:
    """Write a figure with its error.

    Args:
        mean: The figure; ``None`` for one that is not finite.
        error: The error; ``None`` for one that is not known.

    Returns:
        The text.

    Example:
        >>> plus_minus(2.5, 0.25), plus_minus(None, None)
        ('2.5000 ± 0.2500', 'inf ± nan')
    """
    return f"{math.inf if mean is None else mean:.4f} ± {math.nan if error is None else error:.4f}"


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Put columns below each other.

    Args:
        rows: The rows, of the same length.
        right: The columns that stand to the right. Default: none.

    Returns:
        The lines.

    Example:
        >>> table([["a", "10"], ["bcd", "5"]], right=[1])
        ['a    10', 'bcd   5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
