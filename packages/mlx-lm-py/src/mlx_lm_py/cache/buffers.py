"""What caches of keys and values have in common, be they numbers or integers."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar, Generic, Self

import mlx_core_py as mx

from .base import BaseCache, check_trim
from .checks import as_parts, check_buffers, check_numbers
from .parts import P, check_fits, cut, joined, length_of, room, write

__all__ = ["GrowingBuffers", "KeysAndValues", "check_update"]


def __dir__() -> list[str]:
    return __all__


def check_update(keys: mx.array, values: mx.array) -> int:
    """Check that keys and values of new positions agree.

    Args:
        keys: Shape ``(batch, heads, length, width)``.
        values: Shape ``(batch, heads, length, width)``, of another width perhaps.

    Returns:
        ``length``.

    Raises:
        ValueError: If they do not agree.
    """
    shape, others = keys.shape, values.shape
    if len(shape) != 4 or shape[:3] != others[:3]:
        raise ValueError(f"keys of shape {shape} and values of shape {others} do not agree")
    return shape[2]


class KeysAndValues(BaseCache, Generic[P]):
    """Buffers of keys and values of one attention layer.

    Attributes:
        offset: Number of positions seen.
        keys: The buffer of keys; ``None`` before the first update.
        values: That of values.
        step: Number of positions by which the buffers grow.
    """

    step = 256
    _is_packed: ClassVar[bool] = False

    keys: P | None
    values: P | None

    def __init__(self) -> None:
        self.offset: int = 0
        self.keys = self.values = None
        self._reserved = 0

    def _encode(self, keys: mx.array, values: mx.array) -> tuple[P, P]:
        """Keys and values in the form in which they are held."""
        raise NotImplementedError

    def _state(self) -> tuple[Any, ...]:
        return self.keys, self.values, self.offset

    def _take(self, keys: Any, values: Any, offset: int) -> None:
        self.keys, self.values, self.offset = as_parts(keys), as_parts(values), offset

    def filled(self, keys: P, values: P, offset: int) -> Self:
        """A cache of the same kind and settings that holds other positions.

        Args:
            keys: The buffer of keys.
            values: That of values.
            offset: How many positions it has seen.

        Returns:
            The cache, for which no room is reserved.
        """
        other = copy(self)
        other.keys, other.values, other.offset, other._reserved = keys, values, offset, 0
        return other

    def reserve(self, length: int) -> None:
        """Have room for so many positions from the next growth on.

        Buffers that grow again and again leave gaps in memory that none of them fits.

        Args:
            length: Number of positions, those already held included.
        """
        self._reserved = max(self._reserved, length)

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
            How many were forgotten, those that were there at most: 0 if not so many can be.

        Raises:
            ValueError: If ``n`` is negative.
        """
        check_trim(n)
        n = min(n, self.offset)
        if not self.can_trim(n):
            return 0
        self._forget(n)
        return n

    def _forget(self, n: int) -> None:
        self.offset -= n


class GrowingBuffers(KeysAndValues[P]):
    """Keys and values of all positions, each in a place of its own.

    Writing in place of joining arrays makes a token cost what it adds, not what is there already.
    """

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[P, P]:
        """Add positions and return all that are held.

        Args:
            keys: Shape ``(batch, heads, length, width)``.
            values: Shape ``(batch, heads, length, width)``.

        Returns:
            Keys and values of all positions, the new ones last.

        Raises:
            ValueError: If the shapes do not agree with each other or with what is held.
        """
        start, end = self.offset, self.offset + check_update(keys, values)
        new_keys, new_values = self._encode(keys, values)
        all_keys = self._grow(self.keys, new_keys, end)
        all_values = self._grow(self.values, new_values, end)
        write(all_keys, start, end, new_keys)
        write(all_values, start, end, new_values)
        self._take(all_keys, all_values, end)
        return cut(all_keys, 0, end), cut(all_values, 0, end)

    def _grow(self, buffer: P | None, new: P, end: int) -> P:
        check_fits(buffer, new)
        held = 0 if buffer is None else length_of(buffer)
        if buffer is not None and end <= held:
            return buffer
        total = -(-max(end, self._reserved) // self.step) * self.step
        more = room(new, total - held)
        return more if buffer is None else joined(buffer, more)

    def _restore(self, state: Any) -> None:
        keys, values, offset = state
        check_numbers(offset=offset)
        if offset > check_buffers(keys, values, packed=self._is_packed):
            raise ValueError(f"a cache cannot hold {offset} positions in its buffers")
        self._take(keys, values, offset)
