"""What a normalization is like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Norm"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Norm:
    """A normalization.

    Attributes:
        eps: Added to the variance.
        kind: By the root of the mean of squares, also of what has been multiplied by the weight
            (``"scaled"``), or by mean and deviation.
        weight: Whether there is one.
        bias: Whether there is one; of ``"layer"`` alone.
        offset: What the weight of the checkpoint is short of; Gemma keeps it less one.
    """

    eps: float
    kind: Literal["rms", "scaled", "layer"] = "rms"
    weight: bool = True
    bias: bool = False
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.eps < 0:
            raise ValueError(f"the 'eps' of a norm must not be negative, not {self.eps}")
