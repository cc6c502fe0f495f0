"""The cache of a whole model: a list with the cache of each layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from typing import Protocol

from mlx_lm_py._checks import check_integer

from .base import AttentionCache, Cache, check_trim
from .kv import KVCache
from .lists import CacheList
from .rotating import RotatingKVCache

__all__ = [
    "HasLayers",
    "cache_length",
    "can_trim_prompt_cache",
    "make_prompt_cache",
    "quantize_prompt_cache",
    "reserve_prompt_cache",
    "trim_prompt_cache",
]


def __dir__() -> list[str]:
    return __all__


# How many of the first positions are kept where the number is bounded: they draw attention whatever
# they are (https://arxiv.org/abs/2309.17453).
KEEP = 4


class HasLayers(Protocol):
    """A model, as far as its cache is concerned.

    A model whose layers need other caches than `KVCache` says so in a method ``make_cache()``,
    which returns a new list of them.
    """

    @property
    def layers(self) -> Sequence[object]:
        """The layers, each of which needs a cache of its own."""
        ...


def make_prompt_cache(model: HasLayers, max_kv_size: int | None = None) -> list[Cache]:
    """Create an empty cache for a model.

    Args:
        model: The model.
        max_kv_size: How many positions a layer that would keep all keeps at most: the first four
            and the latest. What is said before is then forgotten. Default: ``None``, all.

    Returns:
        One cache for each layer: those of the model's ``make_cache()`` if it has one, else a
        `KVCache` each. Layers that see a window keep no more than that.

    Raises:
        TypeError: If ``max_kv_size`` is no integer.
        ValueError: If ``max_kv_size`` is not above the four positions that are kept.

    See: mlx-lm ``mlx_lm.models.cache.make_prompt_cache``, where models with a ``make_cache()`` of
        their own, such as those with windows, pass ``max_kv_size`` over.
    """
    if max_kv_size is not None:
        check_integer("max_kv_size", max_kv_size)
        if max_kv_size <= KEEP:
            raise ValueError(f"max_kv_size must be above {KEEP}, not {max_kv_size}")
    if hasattr(model, "make_cache"):
        made: list[Cache] = list(model.make_cache())
    else:
        made = [KVCache() for _ in model.layers]
    return made if max_kv_size is None else [_bounded(layer, max_kv_size) for layer in made]


def _bounded(cache: Cache, size: int) -> Cache:
    """The same cache if it keeps no more positions than ``size``, else one that does not."""
    if isinstance(cache, CacheList):
        return CacheList(*(_bounded(one, size) for one in cache.caches))
    if type(cache) is KVCache:
        return RotatingKVCache(size, keep=KEEP)
    if type(cache) is RotatingKVCache and cache.max_size > size:
        return RotatingKVCache(size, keep=cache.keep)
    return cache


def quantize_prompt_cache(
    cache: MutableSequence[Cache],
    bits: int,
    group_size: int = 64,
    start: int = 0,
    *,
    value_bits: int | None = None,
) -> None:
    """Turn the keys and values that the cache of a model holds into integers, where they are many.

    Layers that keep no keys stay as they are.

    Args:
        cache: The cache of a model, whose entries are replaced.
        bits: How many bits a number has.
        group_size: How many numbers share a scale. Default: 64.
        start: From how many positions on. Default: 0, empty ones too.
        value_bits: How many bits a number of a value has. Default: ``None``, as ``bits``.

    Raises:
        ValueError: If a number is out of its range, or does not fit the width of the heads.
    """
    for i, layer in enumerate(cache):
        if isinstance(layer, CacheList):
            parts = list(layer.caches)
            quantize_prompt_cache(parts, bits, group_size, start, value_bits=value_bits)
            layer.caches = tuple(parts)
        elif (type(layer) is KVCache or type(layer) is RotatingKVCache) and layer.offset >= start:
            cache[i] = layer.to_quantized(group_size, bits, value_bits=value_bits)


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


def can_trim_prompt_cache(cache: Sequence[Cache], n: int | None = None) -> bool:
    """Whether the cache of a model can forget its latest positions.

    Args:
        cache: The cache of a model.
        n: How many positions. Default: ``None``, any number.

    Returns:
        Whether all layers can.

    Example:
        >>> can_trim_prompt_cache([KVCache(), KVCache()])
        True

    See: mlx-lm ``mlx_lm.models.cache.can_trim_prompt_cache``.
    """
    if n is None:
        return all(layer.is_trimmable() for layer in cache)
    return all(layer.can_trim(n) for layer in cache)


def trim_prompt_cache(cache: Sequence[Cache], n: int) -> int:
    """Forget the latest positions in all layers.

    Args:
        cache: The cache of a model.
        n: How many positions.

    Returns:
        How many were there to forget; 0, and nothing is forgotten, if one layer cannot: as it keeps
        a state, or has dropped what would come into its window again.

    Raises:
        ValueError: If ``n`` is negative.
    """
    check_trim(n)
    if not can_trim_prompt_cache(cache, n):
        return 0
    return max((layer.trim(n) for layer in cache), default=0)
