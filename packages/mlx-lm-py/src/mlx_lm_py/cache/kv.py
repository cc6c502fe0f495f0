"""The cache of a layer that attends to all positions."""

from __future__ import annotations

from copy import copy

import mlx_core_py as mx

__all__ = ["KVCache"]


def __dir__() -> list[str]:
    return __all__


class KVCache:
    """Keys and values of one attention layer, in buffers that grow in steps.

    Writing in place of joining arrays makes a token cost what it adds, not what is there already.

    Attributes:
        offset: Number of positions held.
        step: Number of positions by which the buffers grow.

    Example:
        >>> cache = KVCache()
        >>> keys, values = cache.update_and_fetch(mx.ones((1, 2, 3, 4)), mx.ones((1, 2, 3, 4)))
        >>> keys.shape, cache.offset
        ((1, 2, 3, 4), 3)
    """

    step = 256

    def __init__(self) -> None:
        self.offset: int = 0
        self._reserved = 0
        self._keys: mx.array | None = None
        self._values: mx.array | None = None

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
        self._keys = all_keys = self._grow(self._keys, keys, end)
        self._values = all_values = self._grow(self._values, values, end)
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
    def state(self) -> list[mx.array]:
        """The arrays that hold the cache, for `mx.eval`; empty before the first update."""
        return [array for array in (self._keys, self._values) if array is not None]

    def copy(self) -> KVCache:
        """A cache of its own with the same content, copied when one of both grows."""
        return copy(self)

    @property
    def nbytes(self) -> int:
        """Number of bytes of the buffers."""
        return sum(array.nbytes for array in self.state)

    def trim(self, n: int) -> int:
        """Forget the latest positions.

        Args:
            n: How many.

        Returns:
            How many were there to forget.

        Raises:
            ValueError: If ``n`` is negative.
        """
        if n < 0:
            raise ValueError(f"n must not be negative, not {n}")
        n = min(n, self.offset)
        self.offset -= n
        return n
