"""Caches taken apart by positions, and put together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import mlx_core_py as mx

from .base import Cache
from .buffers import KeysAndValues
from .kv import KVCache
from .lists import CacheList
from .parts import P, each
from .parts import cut as positions
from .quantized import QuantizedKVCache

__all__ = ["cut", "holds_all", "joined", "leaves", "rebuilt"]


def __dir__() -> list[str]:
    return __all__


# These hold every position, each in a place of its own.
_WHOLE = (KVCache, QuantizedKVCache)


def leaves(cache: Sequence[Cache]) -> list[Any]:
    """The caches of a model, those within others one by one.

    Args:
        cache: The cache of a model.

    Returns:
        The caches that hold arrays themselves.
    """
    found: list[Any] = []
    for layer in cache:
        found += leaves(layer.caches) if isinstance(layer, CacheList) else [layer]
    return found


def rebuilt(like: Sequence[Cache], parts: Iterator[Any]) -> list[Any]:
    """Put caches into the places that `leaves` has taken them from.

    Args:
        like: The cache of a model.
        parts: A cache for each leaf.

    Returns:
        The cache of a model with these.
    """
    return [
        CacheList(*rebuilt(layer.caches, parts)) if isinstance(layer, CacheList) else next(parts)
        for layer in like
    ]


def holds_all(name: str) -> bool:
    """Whether caches of a class hold all positions, so that some can be cut out.

    Args:
        name: The name of the class.

    Returns:
        Whether they do.
    """
    return name in {kind.__name__ for kind in _WHOLE}


def cut(cache: Any, start: int, end: int) -> Any:
    """Copy some positions of a cache that holds all.

    Args:
        cache: A `KVCache` or a `QuantizedKVCache`.
        start: The first position.
        end: The one after the last.

    Returns:
        A cache of the same class with these positions and no room for others.
    """

    def part(held: P) -> P:
        return each(mx.contiguous, positions(held, start, end))

    made: KeysAndValues[Any] = cache.filled(part(cache.keys), part(cache.values), end - start)
    return made


def joined(caches: Sequence[Any], length: int, room: int) -> Any:
    """Copy the first positions of several caches into one.

    Args:
        caches: Caches as `cut` makes them, one after the other.
        length: How many positions, of all of them together.
        room: For how many positions there shall be room.

    Returns:
        A cache of their class that holds them.
    """
    step = caches[0].step
    total = -(-max(length, room) // step) * step

    def part(name: str) -> Any:
        return each(
            lambda *arrays: _concatenated(arrays, length, total),
            *(getattr(cache, name) for cache in caches),
        )

    made = caches[0].filled(part("keys"), part("values"), length)
    made.reserve(room)
    return made


def _concatenated(arrays: Sequence[mx.array], length: int, total: int) -> mx.array:
    pieces, left = [], length
    for array in arrays:
        pieces.append(array[:, :, :left] if left < array.shape[2] else array)
        left -= pieces[-1].shape[2]
    batch, heads, _, width = pieces[0].shape
    if total > length:
        pieces.append(mx.zeros((batch, heads, total - length, width), pieces[0].dtype))
    return mx.concatenate(pieces, axis=2)
