"""The caches of sequences that a model reads side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import mlx_core_py as mx

from .base import Cache

__all__ = ["RaggedCache", "ragged_prompt_cache"]


def __dir__() -> list[str]:
    return __all__


class RaggedCache:
    """The caches of one layer for a ragged batch: sequences of any lengths, without padding.

    Their tokens are one input of shape ``(1, total)``, one sequence after the other. What works on
    each position by itself (linear layers, norms, experts) does not see the difference; what looks
    at other positions goes over the sequences, each with its own cache.

    Args:
        caches: The cache of the layer for each sequence.
        lengths: The number of new tokens of each, at least one.

    Attributes:
        caches: The caches.
        lengths: The numbers of new tokens.
        ends: Where in the input each sequence ends.

    Raises:
        ValueError: If there are no sequences, or a length for each is missing or below 1.

    Example:
        >>> from mlx_lm_py.cache import KVCache
        >>> RaggedCache([KVCache(), KVCache()], [3, 1]).ends
        [3, 4]
    """

    def __init__(self, caches: Sequence[Cache], lengths: Sequence[int]) -> None:
        if not caches or len(caches) != len(lengths) or min(lengths) < 1:
            raise ValueError(
                f"lengths must be a number from 1 on for each of {len(caches)} caches, not {lengths}"
            )
        self.caches: list[Cache] = list(caches)
        self.lengths: list[int] = list(lengths)
        self.ends: list[int] = list(accumulate(lengths))

    @property
    def offsets(self) -> list[int]:
        """The number of positions that each cache holds; 0 for those that keep a state alone."""
        return [getattr(one, "offset", 0) for one in self.caches]

    def split(self, x: mx.array, axis: int, *, last_only: bool = False) -> list[mx.array]:
        """Take apart what belongs to each sequence.

        Args:
            x: An array with an axis of all new tokens.
            axis: That axis.
            last_only: Whether ``x`` has the last position of each sequence alone. Default:
                ``False``.

        Returns:
            An array for each sequence.
        """
        count = len(self.caches)
        if count == 1:
            return [x]
        if last_only or self.ends[-1] == count:
            return list(mx.split(x, count, axis=axis))
        return list(mx.split(x, self.ends[:-1], axis=axis))

    def last_positions(self, x: mx.array) -> mx.array:
        """The last position of each sequence in ``x`` of shape ``(1, total, dim)``."""
        if self.ends[-1] == len(self.caches):
            return x
        return x[:, mx.array([end - 1 for end in self.ends])]


def ragged_prompt_cache(
    caches: Sequence[Sequence[Cache]], lengths: Sequence[int]
) -> list[RaggedCache]:
    """Put the caches of sequences side by side, layer by layer.

    Args:
        caches: The cache of each sequence, as `make_prompt_cache` makes it.
        lengths: The number of new tokens of each.

    Returns:
        A cache to call the model with, on tokens of shape ``(1, sum(lengths))``. If ``last_only``,
        the logits are of shape ``(1, sequences, vocabulary)``.

    Raises:
        ValueError: If there are no sequences, or a length for each is missing or below 1.
    """
    return [RaggedCache(layer, lengths) for layer in zip(*caches, strict=True)]
