"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["size", "table"]


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
