"""One position of each of many sequences, which attend side by side.

Sequence by sequence, a layer of 16 sequences that decode would be a hundred small nodes, each of
which waits for the one before it. Where their caches are plain, they are three.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_lm_utils_py.rope import ScaledRoPE

from mlx_lm_py.cache import KVCache, RaggedCache

__all__ = ["attend_together", "can_attend_together", "takes_offsets"]


def __dir__() -> list[str]:
    return __all__


def takes_offsets(rope: nn.Module | None) -> bool:
    """Whether a module rotates each item of a batch from an offset of its own."""
    return rope is None or type(rope) in (nn.RoPE, ScaledRoPE)


def can_attend_together(
    cache: Any, keys: mx.array, window: int | None = None
) -> TypeGuard[RaggedCache]:
    """Whether sequences have one new position each, and caches that hold all positions as they are.

    Args:
        cache: The cache of a layer.
        keys: The new keys, of shape ``(1, kv_heads, sequences, width)``.
        window: How many of the latest positions are seen. Default: ``None``, all.

    Returns:
        Whether `attend_together` does what going over the sequences does. On a GPU it would attend
        to more than there is.
    """
    if not isinstance(cache, RaggedCache) or cache.ends[-1] != len(cache.caches):
        return False
    if len(cache.caches) == 1 or mx.default_device() != mx.cpu:
        return False
    return all(
        type(one) is KVCache
        and one.keys is not None
        and one.keys.dtype == keys.dtype
        and (window is None or one.offset + 1 <= window)
        for one in cache.caches
    )


def attend_together(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    cache: RaggedCache,
    rope: nn.Module | None,
    *,
    scale: float,
) -> mx.array:
    """Add a position to the cache of each sequence, and attend to all that it holds.

    Args:
        queries: Shape ``(1, heads, sequences, width)``, without positions.
        keys: Shape ``(1, kv_heads, sequences, width)``, without positions.
        values: Shape ``(1, kv_heads, sequences, value_width)``.
        cache: The caches, of which `can_attend_together` is true.
        rope: What gives positions, of which `takes_offsets` is true.
        scale: What scores are multiplied by.

    Returns:
        Shape ``(1, heads, sequences, value_width)``.
    """
    # Each sequence is an item of a batch.
    queries, keys, values = (x.swapaxes(0, 2) for x in (queries, keys, values))
    caches: list[Any] = cache.caches
    offsets = mx.array([one.offset for one in caches], mx.int64)
    if rope is not None:
        queries, keys = rope(queries, offset=offsets), rope(keys, offset=offsets)
    buffers = [one.room_for(keys[:1], values[:1]) for one in caches]
    attended, *held = mx.fast.attention_step(
        queries,
        keys,
        values,
        [*(pair[0] for pair in buffers), *(pair[1] for pair in buffers)],
        offsets,
        scale=scale,
    )
    for one, held_keys, held_values in zip(
        caches, held[: len(caches)], held[len(caches) :], strict=True
    ):
        one.hold(held_keys, held_values, 1)
    return attended.swapaxes(0, 2)
