"""The cache of a layer that attends to all positions."""

from __future__ import annotations

import mlx_core_py as mx

from .buffers import GrowingBuffers, check_update
from .quantized import QuantizedKVCache

__all__ = ["KVCache"]


def __dir__() -> list[str]:
    return __all__


class KVCache(GrowingBuffers[mx.array]):
    """Keys and values of one attention layer, in buffers that grow in steps.

    Its ``state`` has the buffers and the number of positions held.

    Attributes:
        offset: Number of positions held.
        keys: The buffer of keys, of shape ``(batch, heads, room, width)``; ``None`` before the
            first update.
        values: That of values.
        step: Number of positions by which the buffers grow.

    Example:
        >>> cache = KVCache()
        >>> keys, values = cache.update_and_fetch(mx.ones((1, 2, 3, 4)), mx.ones((1, 2, 3, 4)))
        >>> keys.shape, cache.offset
        ((1, 2, 3, 4), 3)

    See: mlx-lm ``mlx_lm.models.cache.KVCache``.
    """

    def _encode(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        return keys, values

    def room_for(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """The buffers with room for new positions, which are still to be written.

        Args:
            keys: Shape ``(batch, heads, length, width)``.
            values: Shape ``(batch, heads, length, width)``, of another width perhaps.

        Returns:
            The buffer of keys and that of values.

        Raises:
            ValueError: If the shapes do not agree with each other or with what is held.
        """
        end = self.offset + check_update(keys, values)
        return self._grow(self.keys, keys, end), self._grow(self.values, values, end)

    def hold(self, keys: mx.array, values: mx.array, count: int) -> None:
        """Hold buffers of `room_for` into which new positions have been written.

        Args:
            keys: The buffer of keys.
            values: That of values.
            count: How many positions are new.
        """
        self._take(keys, values, self.offset + count)

    def to_quantized(
        self, group_size: int = 64, bits: int = 4, *, value_bits: int | None = None
    ) -> QuantizedKVCache:
        """A cache that holds the same, as integers.

        Args:
            group_size: As of `QuantizedKVCache`. Default: 64.
            bits: As of `QuantizedKVCache`. Default: 4.
            value_bits: As of `QuantizedKVCache`. Default: ``None``.

        Returns:
            The cache.

        Raises:
            ValueError: If a number is out of its range, or does not fit the width of the heads.
        """
        cache = QuantizedKVCache(group_size, bits, value_bits=value_bits)
        cache.reserve(self._reserved)
        if self.keys is not None and self.values is not None:
            cache.keys, cache.values = cache._encode(self.keys, self.values)
            cache.offset = self.offset
        return cache
