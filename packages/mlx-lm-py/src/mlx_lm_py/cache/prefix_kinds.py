"""What tells kinds of caches apart, and the leaves that hold all positions from others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .base import Cache
from .segments import holds_all, leaves
from .states import ArraysCache

__all__ = ["apart", "has_states", "kinds_of", "together"]


def __dir__() -> list[str]:
    return __all__


# What tells kinds of caches apart that hold different things of the same tokens.
_SETTINGS = ("max_size", "keep", "chunk_size", "group_size", "bits", "value_bits")


def kinds_of(cache: Sequence[Cache], least: int) -> str:
    """What tells apart what may be kept of the same tokens.

    Args:
        cache: The cache of a model.
        least: Fewer tokens are not kept.

    Returns:
        A text of JSON: ``least``, and for each leaf its class and numbers.
    """
    kinds = [
        [type(one).__name__, *(getattr(one, name, None) for name in _SETTINGS)]
        for one in leaves(cache)
    ]
    return json.dumps([least, kinds])


def _holding(key: str) -> list[bool]:
    return [holds_all(kind[0]) for kind in json.loads(key)[1]]


def has_states(key: str) -> bool:
    """Whether some leaves do not hold all positions."""
    return not all(_holding(key))


def apart(key: str, caches: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Take apart leaves that hold all positions and the others."""
    pairs = list(zip(_holding(key), caches, strict=True))
    return [one for holds, one in pairs if holds], [one for holds, one in pairs if not holds]


def together(key: str, parts: Sequence[Any], states: Sequence[Any]) -> list[Any]:
    """The leaves in their order; an empty one where there is none."""
    sources = {True: iter(parts), False: iter(states)}
    return [next(sources[holds], None) or ArraysCache(0) for holds in _holding(key)]
