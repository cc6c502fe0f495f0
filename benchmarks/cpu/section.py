"""What the sections of the benchmark are asked, and what they find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """What is asked for.

    Attributes:
        threads: The number of threads of all sides.
        rows: A word; only operations whose names contain it are measured.
        quick: Whether to try everything once, at the least size.
    """

    threads: int
    rows: str
    quick: bool


@dataclass(frozen=True)
class Section:
    """What a section has found.

    Attributes:
        title: Its title.
        text: Its findings, as Markdown.
        height: The height of its plot in inches.
        draw: Draws the plot into axes of matplotlib.
    """

    title: str
    text: str
    height: float
    draw: Callable[[Any], None]
