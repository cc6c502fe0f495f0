"""What a section of the benchmark is asked, and what it has to offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


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


class Section(Protocol):
    """A module that measures, and shows what it has found.

    What it has found is a dictionary of what JSON can hold, so that it can be kept and shown later.
    Ratios and means are in it too: they come from the times before these are rounded.

    Attributes:
        TITLE: The title of the section.
    """

    TITLE: str

    def run(self, settings: Settings) -> Any:
        """Measure what is asked for."""
        ...

    def markdown(self, found: Any) -> str:
        """What was found, as tables."""
        ...

    def height(self, found: Any) -> float:
        """The height of the plot in inches."""
        ...

    def draw(self, axes: Any, found: Any) -> None:
        """Draw the plot into axes of matplotlib."""
        ...
