"""Which keys a position sees."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import mlx_core_py as mx
from mlx_lm_utils_py import create_causal_mask

from mlx_lm_py.cache import CacheList, ChunkedKVCache, RotatingKVCache
from mlx_lm_py.models.spec import Strides

__all__ = ["Mask", "make_mask", "mask_of", "strided"]


def __dir__() -> list[str]:
    return __all__


Mask: TypeAlias = mx.array | Literal["causal"] | None


def make_mask(length: int, offset: int, window: int | None, chunk: int | None = None) -> Mask:
    """The mask of a step, over the keys that any of its positions sees.

    Args:
        length: The number of positions.
        offset: The number of positions before them.
        window: How many of the latest positions are seen. Default: ``None``, all.
        chunk: How many positions there are in each of the pieces within which they are seen.
            Default: ``None``, there are no pieces.

    Returns:
        Nothing if all keys are seen by all, ``"causal"`` if each position sees those before it,
        else an array of shape ``(length, keys)``.

    Example:
        >>> make_mask(1, 9, None), make_mask(3, 9, 16), make_mask(2, 9, 2).shape
        (None, 'causal', (2, 3))
    """
    if chunk is not None and offset + length > chunk:
        asking, seen = mx.arange(offset, offset + length)[:, None], mx.arange(offset + length)
        return (seen <= asking) & (seen // chunk == asking // chunk)
    if window is None or offset + length <= window:
        return None if length == 1 else "causal"
    if length == 1:
        return None
    return create_causal_mask(length, min(offset, window - 1), window)


def mask_of(
    length: int,
    cache: Any,
    window: int | None,
    chunk: int | None = None,
    *,
    offset: int | None = None,
) -> Mask:
    """The mask of a step, over the keys that an update of a cache gives.

    Args:
        length: The number of positions.
        cache: The cache of the layer; ``None`` if there is none.
        window: How many of the latest positions are seen. Default: ``None``, all.
        chunk: Within how large pieces. Default: ``None``, there are none.
        offset: The number of positions before them. Default: ``None``, what the cache says.

    Returns:
        As `make_mask` does. A layer with a window that uses a cache which keeps all is asked to
        attend to the latest keys alone, of which `make_mask` speaks.

    Example:
        >>> mask_of(3, RotatingKVCache(2), None).tolist()
        [[True, False, False], [True, True, False], [False, True, True]]
    """
    while isinstance(cache, CacheList):
        cache = next((one for one in cache.caches if hasattr(one, "offset")), None)
    if isinstance(cache, RotatingKVCache):
        return cache.make_mask(length, window_size=window)
    if isinstance(cache, ChunkedKVCache):
        return cache.make_mask(length)
    before = getattr(cache, "offset", 0) if offset is None else offset
    return make_mask(length, before, window, chunk)


def strided(strides: Strides, heads: int, length: int, offset: int) -> Mask:
    """The mask of a step that sees the latest blocks of keys, and every so many of the earlier.

    Args:
        strides: Which these are.
        heads: The number of heads.
        length: The number of positions.
        offset: The number of positions before them.

    Returns:
        As `make_mask` does where the latest blocks are all there are; else an array of shape ``(1,
        heads, length, keys)``.

    Example:
        >>> strided(Strides(2, 1, 4), 2, 1, 8)[0].astype(mx.int8).tolist()
        [[[0, 0, 0, 0, 0, 0, 1, 1, 1]], [[0, 0, 1, 1, 0, 0, 0, 0, 1]]]
    """
    end = offset + length
    if end <= strides.size * strides.local:
        return make_mask(length, offset, None)
    asking, keys = mx.arange(offset, end)[:, None], mx.arange(end)
    blocks = keys // strides.size
    is_local = asking // strides.size - blocks < strides.local
    # Where there are fewer heads than blocks from one to the next, they share these evenly.
    apart = 0 if strides.alike else max(1, strides.stride // heads)
    firsts = (mx.arange(heads) * apart + 1)[:, None, None]
    is_chosen = (blocks + firsts) % strides.stride == 0
    return ((keys <= asking) & (is_local | is_chosen))[None]
