"""The cache of a whole model: a list with the cache of each layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from .base import AttentionCache, Cache
from .kv import KVCache
from .lists import CacheList

__all__ = [
    "HasLayers",
    "cache_length",
    "make_prompt_cache",
    "reserve_prompt_cache",
    "trim_prompt_cache",
]


def __dir__() -> list[str]:
    return __all__


class HasLayers(Protocol):
    """A model, as far as its cache is concerned.

    A model whose layers need other caches than `KVCache` says so in a method ``make_cache()``,
    which returns a new list of them.
    """

    @property
    def layers(self) -> Sequence[object]:
        """The layers, each of which needs a cache of its own."""
        ...


def make_prompt_cache(model: HasLayers) -> list[Cache]:
    """Create an empty cache for a model.

    Args:
        model: The model.

    Returns:
        One cache for each layer: those of the model's ``make_cache()`` if it has one, else a
        `KVCache` each.
    """
    if hasattr(model, "make_cache"):
        return list(model.make_cache())
    return [KVCache() for _ in model.layers]


def cache_length(cache: Sequence[Cache]) -> int:
    """Count the positions that the cache of a model holds.

    Layers that do not attend keep no positions and are passed over, wherever they are.

    Args:
        cache: The cache of a model.

    Returns:
        The number of positions; 0 if no layer attends.

    Example:
        >>> cache_length([KVCache(), KVCache()])
        0
    """
    # A step asks this: to hold a layer against the protocol takes longer than all else here.
    return max((getattr(layer, "offset", 0) for layer in cache), default=0)


def _attending(cache: Iterable[Cache]) -> Iterator[AttentionCache]:
    """The caches of attention, those within others included."""
    for layer in cache:
        if isinstance(layer, CacheList):
            yield from _attending(layer.caches)
        elif isinstance(layer, AttentionCache):
            yield layer


def reserve_prompt_cache(cache: Sequence[Cache], n: int) -> None:
    """Have room for more positions in all layers that attend, from the next growth on.

    Args:
        cache: The cache of a model.
        n: How many positions will be added.
    """
    for layer in _attending(cache):
        layer.reserve(layer.offset + n)


def trim_prompt_cache(cache: Sequence[Cache], n: int) -> int:
    """Forget the latest positions in all layers.

    Args:
        cache: The cache of a model.
        n: How many positions.

    Returns:
        How many were there to forget; 0, and nothing is forgotten, if a layer keeps a state that
        cannot be trimmed.
    """
    if not all(getattr(layer, "trimmable", True) for layer in cache):
        return 0
    return max((layer.trim(n) for layer in cache), default=0)
