"""Several hidden states between layers."""

from __future__ import annotations

from dataclasses import dataclass

from mlx_lm_utils_py.config import check_range

__all__ = ["Hyper", "Streams"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Streams:
    """Several hidden states, of which a layer transforms one (https://arxiv.org/abs/2301.13310).

    Attributes:
        count: The number of them.
        active: Which one.
        rank: The width of a shortcut beside attention (https://arxiv.org/abs/2411.07501).
        scaled: Whether the one is multiplied by learned numbers before the gate of what the layer
            gets of the tokens looks at it.
    """

    count: int
    active: int
    rank: int
    scaled: bool = True

    def __post_init__(self) -> None:
        check_range("altup_num_inputs", self.count, high=64)
        check_range("altup_active_idx", self.active, low=0, high=self.count - 1)
        check_range("laurel_rank", self.rank)


@dataclass(frozen=True)
class Hyper:
    """Several hidden states, which each part of a layer sums up, and mixes with what it makes.

    How they are mixed is made of them, and keeps their sum (https://arxiv.org/abs/2512.24880).

    Attributes:
        count: The number of them.
        rounds: How often rows and columns of what mixes them are made to sum to one.
        eps: What the sums are greater by.
    """

    count: int
    rounds: int
    eps: float

    def __post_init__(self) -> None:
        check_range("hc_mult", self.count, high=64)
        check_range("hc_sinkhorn_iters", self.rounds, high=1000)
        if self.eps < 0:
            raise ValueError("'hc_eps' in the configuration must not be negative")
