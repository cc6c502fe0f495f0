"""What layers do with sequences that are read side by side.

This is the one place where a layer that looks at other positions learns of them: all else of a
model works on rows, whichever sequence they belong to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import Cache, RaggedCache

from .masks import Mask, mask_of

__all__ = ["EachSequence", "last_positions", "over_sequences"]


def __dir__() -> list[str]:
    return __all__


def last_positions(x: mx.array, cache: Cache | RaggedCache | None) -> mx.array:
    """The last position of each sequence.

    Args:
        x: Features of shape ``(batch, length, dim)``.
        cache: The cache of the layer.

    Returns:
        Features of shape ``(batch, 1, dim)``, or ``(1, sequences, dim)`` of a ragged batch.

    Example:
        >>> last_positions(mx.zeros((2, 5, 8)), None).shape
        (2, 1, 8)
    """
    return cache.last_positions(x) if isinstance(cache, RaggedCache) else x[:, -1:]


def over_sequences(
    step: Callable[..., mx.array],
    arrays: tuple[mx.array, ...],
    mask: Mask,
    cache: Any,
    *,
    window: int | None = None,
    chunk: int | None = None,
    axis: int,
    last_only: bool = False,
) -> mx.array:
    """Call a function for each sequence of a ragged batch, or once if there is none.

    Args:
        step: A function of the arrays, a mask and a cache.
        arrays: Arrays with an axis of positions.
        mask: The mask, as `mask_of` makes it. Each sequence of a ragged batch has its own.
        cache: The cache of the layer.
        window: How many of the latest positions are seen. Default: ``None``, all.
        chunk: Within how large pieces. Default: ``None``, there are none.
        axis: The axis of positions, of the arrays and of the result.
        last_only: Whether the first array has the last position of each sequence alone. Default:
            ``False``.

    Returns:
        The results, one sequence after the other.
    """
    if not isinstance(cache, RaggedCache):
        return step(*arrays, mask, cache)
    parts = [
        cache.split(array, axis, last_only=last_only and i == 0) for i, array in enumerate(arrays)
    ]
    masks = [
        mask_of(length, one, window, chunk)
        for length, one in zip(cache.lengths, cache.caches, strict=True)
    ]
    results = [step(*part) for part in zip(*parts, masks, cache.caches, strict=True)]
    return results[0] if len(results) == 1 else mx.concatenate(results, axis=axis)


class EachSequence(nn.Module):
    """A layer that goes over one sequence at a time, with what its own cache holds."""

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: Any = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Transform ``x`` of shape ``(batch, length, dim)`` after what the cache holds.

        If ``last_only``, only what becomes of the last position of each sequence is returned.
        """
        return over_sequences(partial(self._transform, last_only), (x,), mask, cache, axis=1)

    def _transform(self, last_only: bool, x: mx.array, mask: Mask, cache: Any) -> mx.array:
        raise NotImplementedError
