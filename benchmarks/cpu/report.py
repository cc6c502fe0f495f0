"""How figures are shown: numbers, tables, colours."""

from __future__ import annotations

from collections.abc import Sequence

# The colours of the sides, the same in all plots.
COLORS = {
    "ours": "#0072b2",
    "torch": "#d55e00",
    "stock": "#999999",
    "numpy": "#009e73",
    "llama": "#e69f00",
    "openvino": "#cc79a7",
}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def seconds(value: float) -> str:
    """A time in a unit that suits it."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def ratio(value: float | None) -> str:
    """A ratio, or a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
