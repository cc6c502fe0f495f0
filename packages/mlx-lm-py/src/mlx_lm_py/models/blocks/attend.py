"""Attention to what a cache holds, whatever the kind of cache: the one place that updates it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import mlx_core_py as mx
from mlx_lm_utils_py import create_causal_mask

from mlx_lm_py.cache import AttentionCache, RotatingKVCache
from mlx_lm_py.cache.parts import Packed

from .masks import Mask

__all__ = ["attend", "attend_quantized", "update", "update_and_attend"]


def __dir__() -> list[str]:
    return __all__


# Positions that attend together where a window hides what others see.
_PIECE = 128


def update_and_attend(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    cache: AttentionCache | None,
    mask: Mask = None,
    *,
    scale: float,
    window: int | None = None,
    softcap: float | None = None,
    sinks: mx.array | None = None,
) -> mx.array:
    """Add keys and values to a cache, and attend to all that it holds.

    Args:
        queries: Shape ``(batch, heads, length, width)``; the last ``length`` of the new positions.
        keys: Shape ``(batch, kv_heads, new, width)``.
        values: Shape ``(batch, kv_heads, new, value_width)``.
        cache: The cache; ``None`` if there is nothing but the new positions.
        mask: Which keys are seen, over those that `mask_of` speaks of. Default: ``None``, all.
        scale: What scores are multiplied by.
        window: How many of the latest positions are seen. Default: ``None``, all.
        softcap: Below what number scores are kept. Default: ``None``.
        sinks: A score for each head of attending to nothing. Default: ``None``.

    Returns:
        Shape ``(batch, heads, length, value_width)``.
    """
    held, values = update(keys, values, cache, window=window)
    return attend(
        queries,
        held,
        values,
        cache,
        mask,
        scale=scale,
        window=window,
        softcap=softcap,
        sinks=sinks,
    )


def update(
    keys: mx.array,
    values: mx.array,
    cache: AttentionCache | None,
    *,
    window: int | None = None,
) -> tuple[Any, Any]:
    """Add keys and values to a cache.

    Args:
        keys: Shape ``(batch, kv_heads, new, width)``.
        values: Shape ``(batch, kv_heads, new, value_width)``.
        cache: The cache; ``None`` if there is nothing but the new positions.
        window: How many of the latest positions are seen. Default: ``None``, all.

    Returns:
        Keys and values that one of the new positions sees.
    """
    if cache is None:
        return keys, values
    held, held_values = cache.update_and_fetch(keys, values)
    if window is None or isinstance(cache, RotatingKVCache):
        return held, held_values
    # What no position of this step sees is not computed.
    count = window + keys.shape[2] - 1
    return _latest(held, count), _latest(held_values, count)


def attend(
    queries: mx.array,
    held: Any,
    values: Any,
    cache: AttentionCache | None,
    mask: Mask = None,
    *,
    scale: float,
    window: int | None = None,
    softcap: float | None = None,
    sinks: mx.array | None = None,
) -> mx.array:
    """Attend to what an update of a cache gave.

    Args:
        queries: Shape ``(batch, heads, length, width)``.
        held: Keys, as `update` gives them.
        values: The values.
        cache: The cache that they are from.
        mask: Which keys are seen. Default: ``None``, all.
        scale: What scores are multiplied by.
        window: How many of the latest positions the mask lets a position see. Default: ``None``,
            that is not known.
        softcap: Below what number scores are kept. Default: ``None``.
        sinks: A score for each head of attending to nothing. Default: ``None``.

    Returns:
        Shape ``(batch, heads, length, value_width)``.
    """
    length, count = queries.shape[2], mask.shape[-1] if isinstance(mask, mx.array) else 0
    # Where the first positions are kept, keys are not in the order of the latest ones.
    near = None if getattr(cache, "keep", 0) else window
    if near is not None and length > _PIECE and count > near + _PIECE:
        return mx.concatenate(
            [
                attend(
                    queries[:, :, start:end],
                    _between(held, first, last),
                    _between(values, first, last),
                    cache,
                    part,
                    scale=scale,
                    softcap=softcap,
                    sinks=sinks,
                )
                for start, end, first, last, part in _pieces(mask, length, near)
            ],
            axis=2,
        )
    if isinstance(held, tuple):
        quantized: Any = cache
        return attend_quantized(
            queries,
            cast("Packed", held),
            cast("Packed", values),
            quantized.group_size,
            quantized.bits,
            quantized.value_bits,
            mask,
            scale=scale,
            softcap=softcap,
            sinks=sinks,
        )
    if softcap is not None:
        grouped = _grouped(queries, held.shape[1])
        scores = (grouped * scale) @ held[:, :, None].swapaxes(-1, -2)
        weights = _weights(scores, mask, softcap, sinks)
        summed: mx.array = weights @ values[:, :, None]
        return summed.reshape(*queries.shape[:3], -1)
    attended: mx.array = mx.fast.scaled_dot_product_attention(
        queries, held, values, scale=scale, mask=mask, sinks=sinks
    )
    return attended


def attend_quantized(
    queries: mx.array,
    keys: Packed,
    values: Packed,
    group_size: int,
    bits: int,
    value_bits: int,
    mask: Mask = None,
    *,
    scale: float,
    softcap: float | None = None,
    sinks: mx.array | None = None,
) -> mx.array:
    """Attend to keys and values that stay integers.

    Args:
        queries: Shape ``(batch, heads, length, width)``.
        keys: Integers, scales and biases of ``(batch, kv_heads, count, width)``.
        values: Those of ``(batch, kv_heads, count, value_width)``.
        group_size: How many numbers share a scale.
        bits: How many bits a number of a key has.
        value_bits: How many bits a number of a value has.
        mask: Which keys are seen, as `mx.fast.scaled_dot_product_attention` takes it. Default:
            ``None``, all.
        scale: What scores are multiplied by.
        softcap: Below what number scores are kept. Default: ``None``.
        sinks: A score for each head of attending to nothing. Default: ``None``.

    Returns:
        Shape ``(batch, heads, length, value_width)``.
    """
    batch, heads, length, _ = queries.shape
    kv_heads, count = keys[0].shape[1:3]
    # The queries that share a head of keys are rows of one product.
    rows = (queries * scale).reshape(batch, kv_heads, -1, queries.shape[-1])
    scores = mx.quantized_matmul(rows, *keys, transpose=True, group_size=group_size, bits=bits)
    scores = scores.reshape(batch, kv_heads, heads // kv_heads, length, count)
    weights = _weights(scores, mask, softcap, sinks).reshape(batch, kv_heads, -1, count)
    attended = mx.quantized_matmul(
        weights, *values, transpose=False, group_size=group_size, bits=value_bits
    )
    return attended.reshape(batch, heads, length, -1)


def _weights(
    scores: mx.array, mask: Mask, softcap: float | None, sinks: mx.array | None
) -> mx.array:
    """Weights from scores of shape ``(batch, kv_heads, queries of each, length, count)``."""
    kv_heads, shared, length, count = scores.shape[1:]
    if softcap is not None:
        scores = mx.tanh(scores / softcap) * softcap
    if isinstance(mask, str):
        mask = None if length == 1 else create_causal_mask(length, count - length)
    if mask is not None and mask.ndim == 4 and mask.shape[1] > 1:
        # Of each head.
        mask = mx.unflatten(mask, 1, (kv_heads, shared))
    if mask is not None:
        scores = mx.where(mask, scores, mx.array(-mx.inf, scores.dtype))
    if sinks is None:
        return mx.softmax(scores, axis=-1, precise=True)
    nothing = sinks.astype(scores.dtype).reshape(kv_heads, shared, 1, 1)
    nothing = mx.broadcast_to(nothing, (*scores.shape[:-1], 1))
    scores = mx.concatenate([scores, nothing], axis=-1)
    return mx.softmax(scores, axis=-1, precise=True)[..., :-1]


def _grouped(queries: mx.array, kv_heads: int) -> mx.array:
    batch, heads, length, width = queries.shape
    return queries.reshape(batch, kv_heads, heads // kv_heads, length, width)


def _pieces(mask: Mask, length: int, window: int) -> Iterator[tuple[int, int, int, int, mx.array]]:
    """Some positions after the others, the keys that any of them sees, and the mask over these."""
    assert isinstance(mask, mx.array)
    before = mask.shape[-1] - length
    for start in range(0, length, _PIECE):
        end = min(start + _PIECE, length)
        first, last = max(before + start + 1 - window, 0), before + end
        yield start, end, first, last, mask[..., start:end, first:last]


def _between(part: Any, first: int, last: int) -> Any:
    """Keys or values of some positions."""
    if isinstance(part, tuple):
        return tuple(_between(one, first, last) for one in part)
    return part[:, :, first:last]


def _latest(part: Any, count: int) -> Any:
    """The latest positions of keys or values."""
    if isinstance(part, tuple):
        return tuple(_latest(one, count) for one in part)
    return part[:, :, -count:] if part.shape[2] > count else part
