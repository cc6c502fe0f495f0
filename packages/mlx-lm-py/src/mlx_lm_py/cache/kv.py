"""The cache of a layer that attends to all positions."""

from __future__ import annotations

from copy import copy
from typing import Any, Self

import mlx_core_py as mx

from .base import check_trim, own
from .checks import check_buffers, check_numbers
from .quantized import QuantizedKVCache, quantize_part

__all__ = ["KVCache"]


def __dir__() -> list[str]:
    return __all__


class KVCache:
    """Keys and values of one attention layer, in buffers that grow in steps.

    Writing in place of joining arrays makes a token cost what it adds, not what is there already.

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

    step = 256

    def __init__(self) -> None:
        self.offset: int = 0
        self._reserved = 0
        self.keys: mx.array | None = None
        self.values: mx.array | None = None

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Add positions and return all that are held.

        Args:
            keys: Shape ``(batch, heads, length, width)``.
            values: Shape ``(batch, heads, length, width)``.

        Returns:
            Keys and values of all positions, the new ones last.

        Raises:
            ValueError: If the shapes do not agree with each other or with what is held.
        """
        shape, others = keys.shape, values.shape
        if len(shape) != 4 or shape[:3] != others[:3]:
            raise ValueError(f"keys of shape {shape} and values of shape {others} do not agree")
        start, end = self.offset, self.offset + shape[2]
        self.keys = all_keys = self._grow(self.keys, keys, end)
        self.values = all_values = self._grow(self.values, values, end)
        all_keys[:, :, start:end] = keys
        all_values[:, :, start:end] = values
        self.offset = end
        return all_keys[:, :, :end], all_values[:, :, :end]

    def reserve(self, length: int) -> None:
        """Have room for so many positions from the next growth on.

        Buffers that grow again and again leave gaps in memory that none of them fits.

        Args:
            length: Number of positions, those already held included.
        """
        self._reserved = max(self._reserved, length)

    def _grow(self, buffer: mx.array | None, new: mx.array, end: int) -> mx.array:
        batch, heads, _, width = new.shape
        held = 0
        if buffer is not None:
            held_batch, held_heads, held, held_width = buffer.shape
            if (held_batch, held_heads, held_width) != (batch, heads, width):
                raise ValueError(
                    f"an array of shape {new.shape} does not fit a cache of shape {buffer.shape}"
                )
            if end <= held:
                return buffer
        length = -(-max(end, self._reserved) // self.step) * self.step
        room = mx.zeros((batch, heads, length - held, width), new.dtype)
        return room if buffer is None else mx.concatenate([buffer, room], axis=2)

    @property
    def state(self) -> tuple[mx.array | None, mx.array | None, int]:
        """The buffers and the number of positions held."""
        return self.keys, self.values, self.offset

    @state.setter
    def state(self, state: Any) -> None:
        keys, values, offset = state
        check_numbers(offset=offset)
        if offset > check_buffers(keys, values):
            raise ValueError(f"a cache cannot hold {offset} positions in its buffers")
        self.keys, self.values, self.offset = keys, values, offset

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """Make a cache of the ``state`` of one.

        Raises:
            ValueError: If the state cannot be that of such a cache.
        """
        cache = cls()
        cache.state = state
        return cache

    def copy(self) -> Self:
        """A cache of its own with the same content, copied when one of both grows."""
        other = copy(self)
        other.keys, other.values = own(self.keys), own(self.values)
        return other

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
        """
        cache = QuantizedKVCache(group_size, bits, value_bits=value_bits)
        cache.reserve(self._reserved)
        if self.keys is not None and self.values is not None:
            cache.keys = quantize_part(self.keys, "keys", group_size, bits)
            cache.values = quantize_part(self.values, "values", group_size, cache.value_bits)
            cache.offset = self.offset
        return cache

    @property
    def nbytes(self) -> int:
        """Number of bytes of the buffers."""
        return sum(array.nbytes for array in (self.keys, self.values) if array is not None)

    def size(self) -> int:
        """Number of positions held."""
        return self.offset

    def empty(self) -> bool:
        """Whether nothing has been added."""
        return self.keys is None

    def is_trimmable(self) -> bool:
        """Whether any number of positions can be forgotten: always."""
        return True

    def can_trim(self, n: int) -> bool:
        """Whether the latest ``n`` positions can be forgotten: always."""
        return True

    def trim(self, n: int) -> int:
        """Forget the latest positions.

        Args:
            n: How many.

        Returns:
            How many were there to forget.

        Raises:
            ValueError: If ``n`` is negative.
        """
        check_trim(n)
        n = min(n, self.offset)
        self.offset -= n
        return n
