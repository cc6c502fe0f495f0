"""The cache of a layer that attends within chunks of positions."""

from __future__ import annotations

from typing import Any, Literal, Self

import mlx_core_py as mx

from mlx_lm_py._checks import check_integer

from .checks import check_numbers
from .kv import KVCache
from .quantized import QuantizedKVCache

__all__ = ["ChunkedKVCache"]


def __dir__() -> list[str]:
    return __all__


class ChunkedKVCache(KVCache):
    """Keys and values of one attention layer that sees no further than a chunk back.

    Its ``state`` has the buffers, ``offset``, ``chunk_size`` and ``start_position``.

    Args:
        chunk_size: Number of positions of a chunk.

    Attributes:
        chunk_size: Number of positions of a chunk.
        start_position: The position of the first key that is held.

    Raises:
        TypeError: If ``chunk_size`` is no integer.
        ValueError: If it is not positive.

    Example:
        >>> cache = ChunkedKVCache(2)
        >>> _ = cache.update_and_fetch(*[mx.zeros((1, 1, 5, 4))] * 2)
        >>> cache.maybe_trim_front()
        >>> cache.offset, cache.start_position
        (5, 3)

    See: mlx-lm ``mlx_lm.models.cache.ChunkedKVCache``.
    """

    def __init__(self, chunk_size: int) -> None:
        super().__init__()
        check_integer("chunk_size", chunk_size, 1)
        self.chunk_size: int = chunk_size
        self.start_position: int = 0

    def maybe_trim_front(self) -> None:
        """Forget all but the latest ``chunk_size`` positions. A model calls this before a step."""
        held = self.offset - self.start_position
        if self.keys is None or self.values is None or held <= self.chunk_size:
            return
        start = held - self.chunk_size
        self.start_position += start
        self._take(self.keys[:, :, start:held], self.values[:, :, start:held], self.offset)

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Add positions and return all that are held.

        Args:
            keys: As of `KVCache.update_and_fetch`.
            values: As of `KVCache.update_and_fetch`.

        Returns:
            Keys and values of all positions from ``start_position`` on.

        Raises:
            ValueError: As `KVCache.update_and_fetch` does.
        """
        # The buffers begin with the position that is the first one held.
        self.offset -= self.start_position
        try:
            return super().update_and_fetch(keys, values)
        finally:
            self.offset += self.start_position

    def make_mask(
        self, length: int, return_array: bool = False
    ) -> mx.array | Literal["causal"] | None:
        """Which keys each position of the next update sees: those before it in its own chunk.

        Args:
            length: The number of positions of the update.
            return_array: Whether to make an array where less would do. Default: ``False``.

        Returns:
            ``None`` if all keys are seen by all, ``"causal"`` if each position sees those before
            it, else an array of shape ``(length, keys)``.
        """
        end = self.offset + length
        one_chunk = self.start_position // self.chunk_size == (end - 1) // self.chunk_size
        if one_chunk and not return_array:
            return None if length == 1 else "causal"
        keys = mx.arange(self.start_position, end)
        asking = mx.arange(self.offset, end)[:, None]
        return (keys <= asking) & (keys // self.chunk_size == asking // self.chunk_size)

    def _state(self) -> tuple[Any, ...]:
        return (*super()._state(), self.chunk_size, self.start_position)

    def _restore(self, state: Any) -> None:
        *rest, chunk_size, start = state
        keys, values, offset = rest
        check_numbers(offset=offset, chunk_size=chunk_size, start_position=start)
        if start > offset or chunk_size < 1:
            raise ValueError(f"a cache cannot hold positions {start} to {offset} in its buffers")
        super()._restore((keys, values, offset - start))
        self.offset: int = offset
        self.chunk_size, self.start_position = chunk_size, start

    @classmethod
    def _blank(cls) -> Self:
        return cls(1)

    def to_quantized(
        self, group_size: int = 64, bits: int = 4, *, value_bits: int | None = None
    ) -> QuantizedKVCache:
        """Not possible: this always raises a `ValueError`."""
        raise ValueError("a cache of chunks cannot be quantized")

    def size(self) -> int:
        """Number of positions held."""
        return self.offset - self.start_position

    def is_trimmable(self) -> bool:
        """Whether any number of positions can be forgotten: as long as none has been dropped."""
        return self.start_position == 0

    def can_trim(self, n: int) -> bool:
        """Whether the latest ``n`` positions can be forgotten, and their chunk is there then."""
        rest = max(self.offset - n, 0)
        return self.start_position <= rest // self.chunk_size * self.chunk_size
