"""What rotary positions are like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Rope"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Rope:
    """Rotary positions.

    Attributes:
        dims: The number of leading dimensions of a head that are rotated.
        base: Of the geometric series of wavelengths.
        interleaved: Whether neighbours rotate together, rather than the two halves.
        scaling: The ``rope_scaling`` of the configuration.
        context: The ``max_position_embeddings`` of the configuration.
    """

    dims: int
    base: float = 10000.0
    interleaved: bool = False
    scaling: Mapping[str, Any] | None = None
    context: int | None = None
