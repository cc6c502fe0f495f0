"""What layers of one step leave for later ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import mlx_core_py as mx

from .masks import Mask

__all__ = ["Groups", "Held", "Step"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Held:
    """What a layer has attended to in a step, of one sequence.

    Attributes:
        keys: All keys that it saw, as its cache gives them.
        values: The values.
        mask: Which of them each new position sees.
        cache: The cache that they are from; ``None`` if there is none.
        end: The number of positions up to the last of them.
    """

    keys: Any
    values: Any
    mask: Mask
    cache: Any
    end: int


@dataclass(frozen=True)
class Groups:
    """What layers have made of groups of positions, of one sequence.

    Attributes:
        sums: One vector for each group, of shape ``(batch, count, width)``. Default: ``None``.
        keys: What they are chosen by, likewise. Default: ``None``.
        chosen: Which each new position attends to, of shape ``(batch, 1, length, count)``.
            Default: ``None``, none.
        candidates: Among which later layers choose, likewise. Default: ``None``, all.
    """

    sums: mx.array | None = None
    keys: mx.array | None = None
    chosen: mx.array | None = None
    candidates: mx.array | None = None


@dataclass
class Step:
    """What layers leave for later ones while tokens go through a model.

    Attributes:
        lent: What layers lend, by the name that they lend it under: that of each sequence.
        offsets: The number of positions before the new ones, of each sequence.
        embedded: What the first layer got. Default: ``None``.
        shortcut: What is added to the hidden state behind a later layer. Default: ``None``.
        chosen: Which keys a layer chose, of each sequence; ``None`` for all.
        loop: How often the hidden state has gone through all layers.
        blocks: What blocks of layers came to.
        first_values: What the first layer of a kind made of its input. Default: ``None``.
        groups: Groups of positions of each sequence.
        shares: Of several hidden states in what the next layer looks at. Default: ``None``, the
            first one alone.
    """

    lent: dict[str, list[Held]] = field(default_factory=dict)
    offsets: list[int] = field(default_factory=lambda: [0])
    embedded: mx.array | None = None
    shortcut: mx.array | None = None
    chosen: list[mx.array | None] = field(default_factory=list)
    loop: int = 0
    blocks: list[mx.array] = field(default_factory=list)
    first_values: mx.array | None = None
    groups: list[Groups] = field(default_factory=list)
    shares: mx.array | None = None

    def borrowed(self, name: str) -> Iterator[Held]:
        """What was lent under a name, sequence by sequence.

        Args:
            name: The name.

        Returns:
            An iterator.

        Raises:
            ValueError: If no earlier layer has lent anything.
        """
        if name not in self.lent:
            raise ValueError(f"no layer has lent keys and values of {name}")
        return iter(self.lent[name])
