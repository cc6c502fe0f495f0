"""How the caches of sequences are kept: how long, as what numbers, and what is found of them."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass

from mlx_lm_py._checks import check_integer
from mlx_lm_py.cache import (
    Cache,
    Lease,
    PrefixCache,
    cache_length,
    make_prompt_cache,
    quantize_prompt_cache,
)
from mlx_lm_py.cache.quantized import check_quantization
from mlx_lm_py.models.protocols import LanguageModel

__all__ = ["KVOptions"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class KVOptions:
    """How caches are kept.

    Attributes:
        max_size: How many positions a layer that would keep all keeps; ``None`` for all.
        bits: Bits of the numbers of keys and values; ``None`` if they stay as they are.
        group_size: How many of them share a scale.
        start: From how many positions on they are quantized.

    Raises:
        TypeError: If a number is of the wrong type.
        ValueError: If one is out of its range.
    """

    max_size: int | None = None
    bits: int | None = None
    group_size: int = 64
    start: int = 0

    def __post_init__(self) -> None:
        check_integer("quantized_kv_start", self.start, 0)
        if self.bits is not None:
            check_quantization(self.group_size, self.bits, prefix="kv_")

    def new_cache(self, model: LanguageModel) -> list[Cache]:
        """Make an empty cache for a model.

        Args:
            model: The model.

        Returns:
            The cache.

        Raises:
            ValueError: If ``max_size`` is too small.
        """
        cache = make_prompt_cache(model, self.max_size)
        self.quantize(cache)
        return cache

    def quantize(self, cache: MutableSequence[Cache]) -> None:
        """Quantize the layers of a cache that have come to hold enough positions.

        Args:
            cache: The cache, whose entries are replaced.
        """
        if self.bits is not None:
            quantize_prompt_cache(cache, self.bits, self.group_size, self.start)

    def begin(
        self, prefix_cache: PrefixCache, model: LanguageModel, tokens: Sequence[int], room: int
    ) -> Lease:
        """Find what has been read of a prompt.

        Args:
            prefix_cache: Where to look.
            model: The model.
            tokens: The prompt.
            room: For how many positions there shall be room.

        Returns:
            What was found; an empty cache if nothing was.

        Raises:
            ValueError: If the prefix cache belongs to another model.
        """
        kinds = make_prompt_cache(model, self.max_size)
        if self.bits is not None:
            quantize_prompt_cache(kinds, self.bits, self.group_size)
        least = self.start if self.bits is not None else 0
        lease = prefix_cache.begin(model, tokens, kinds, least=least, room=room)
        if not lease.length:
            lease.cache = self.new_cache(model)
        return lease

    def stops(self, count: int, cache: Sequence[Cache], lease: Lease | None) -> list[int]:
        """Before which tokens of a prompt reading stops, as something is to be done there.

        What a position sees as integers then does not depend on the pieces that a prompt is read
        in.

        Args:
            count: Number of tokens of the prompt.
            cache: Its cache before it is read.
            lease: What was found of it; ``None`` without a prefix cache.

        Returns:
            Numbers of tokens, in ascending order.
        """
        cached = lease.length if lease is not None else 0
        found = set(lease.stops(count)) if lease is not None else set()
        if self.bits is not None:
            place = self.start - cache_length(cache) + cached
            if cached < place < count:
                found.add(place)
        return sorted(found)
