"""Attention masks: boolean, true where a query may see a key."""

from __future__ import annotations

from typing import Literal, Protocol

import mlx_core_py as mx

__all__ = ["HasOffset", "create_attention_mask", "create_causal_mask"]


def __dir__() -> list[str]:
    return __all__


class HasOffset(Protocol):
    """What a mask needs to know of a cache: how many positions it holds."""

    offset: int


def create_causal_mask(n: int, offset: int = 0, window_size: int | None = None) -> mx.array:
    """Create the mask with which each position sees itself and what came before it.

    Args:
        n: Number of queries.
        offset: Number of keys that precede the first query, as held by a cache. Default: 0.
        window_size: If given, a position sees only this many of the latest keys, its own
            included. Default: ``None``.

    Returns:
        Boolean array of shape ``(n, offset + n)``, true where query ``i`` may see key ``j``.

    Raises:
        ValueError: If ``n`` or ``window_size`` is below 1, or ``offset`` is negative.

    Example:
        >>> create_causal_mask(2, offset=1).tolist()
        [[True, True, False], [True, True, True]]
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    if offset < 0:
        raise ValueError(f"offset must not be negative, not {offset}")
    if window_size is not None and window_size < 1:
        raise ValueError(f"window_size must be at least 1, not {window_size}")
    keys = mx.arange(offset + n)[None, :]
    queries = mx.arange(offset, offset + n)[:, None]
    mask = queries >= keys
    if window_size is not None:
        mask = mask & (queries < keys + window_size)
    return mask


def create_attention_mask(
    h: mx.array, cache: HasOffset | None = None, window_size: int | None = None
) -> mx.array | Literal["causal"] | None:
    """Choose the cheapest mask for a step of a decoder.

    Args:
        h: Hidden states of shape ``(batch, length, width)``.
        cache: The cache of the layer, or of any layer with as many positions. Default: ``None``.
        window_size: Width of a sliding window, if the layer has one. Default: ``None``.

    Returns:
        ``None`` if every query may see every key, ``"causal"`` if
        `mx.fast.scaled_dot_product_attention` can make the mask itself, else a boolean array of
        shape ``(length, keys)``.

    Example:
        >>> create_attention_mask(mx.zeros((1, 4, 8)))
        'causal'
    """
    length = h.shape[1]
    offset = cache.offset if cache is not None else 0
    if window_size is not None and offset + length > window_size:
        return create_causal_mask(length, offset, window_size)
    return None if length == 1 else "causal"
