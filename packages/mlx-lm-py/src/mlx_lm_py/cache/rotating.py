"""The cache of a layer that attends to the latest positions."""

from __future__ import annotations

from typing import Any, Literal, Self

import mlx_core_py as mx

from mlx_lm_py._checks import check_integer

from .buffers import KeysAndValues, check_update
from .checks import check_buffers, check_numbers
from .parts import Part, check_fits, cut, joined, length_of, own, room, write
from .quantized import HoldsIntegers, check_packed

__all__ = ["QuantizedRotatingKVCache", "RotatingKVCache"]


def __dir__() -> list[str]:
    return __all__


class RotatingKVCache(KeysAndValues[Any]):
    """Keys and values of the latest positions, and of some of the first.

    Single positions are written over the oldest ones, so that the order of keys is not that of
    positions; attention does not mind. Longer updates are put in order first, and hold as many
    positions more as the first of the new ones sees: until the next update, as many can be
    forgotten again. Its ``state`` has the buffers, ``offset``, ``keep``, ``max_size`` and where the
    next position is written.

    Args:
        max_size: How many positions a position sees, itself and the kept ones included.
        keep: How many of the first positions are seen from everywhere. Default: 0.

    Attributes:
        offset: Number of positions seen.
        keys: The buffer of keys; ``None`` before the first update.
        values: That of values.
        max_size: How many positions a position sees.
        keep: How many of the first positions are kept.
        step: Number of positions by which the buffers grow.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If ``max_size`` is not positive, or ``keep`` negative or not below it.

    Example:
        >>> cache = RotatingKVCache(max_size=4)
        >>> for i in range(6):
        ...     keys, _ = cache.update_and_fetch(*[mx.full((1, 1, 1, 1), i)] * 2)
        >>> keys.flatten().tolist(), cache.offset
        ([4, 5, 2, 3], 6)

    See: mlx-lm ``mlx_lm.models.cache.RotatingKVCache``, in which the later positions of a longer
        update do not see those that are kept.
    """

    offset: int
    keys: Any
    values: Any

    def __init__(self, max_size: int, keep: int = 0) -> None:
        check_integer("max_size", max_size, 1)
        check_integer("keep", keep)
        if not 0 <= keep < max_size:
            raise ValueError(f"keep must be in 0..{max_size - 1}, not {keep}")
        super().__init__()
        self.max_size: int = max_size
        self.keep: int = keep
        self._idx = 0

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[Any, Any]:
        """Add positions and return those that any of them sees.

        Args:
            keys: Shape ``(batch, heads, length, width)``.
            values: Shape ``(batch, heads, length, width)``.

        Returns:
            Keys and values; the order is that of positions if ``length`` is above 1.

        Raises:
            ValueError: If the shapes do not agree with each other or with what is held.
        """
        length = check_update(keys, values)
        new_keys, new_values = self._encode(keys, values)
        check_fits(self.keys, new_keys)
        check_fits(self.values, new_values)
        if length == 1:
            return self._put(new_keys, new_values)
        return self._append(new_keys, new_values, length)

    def _encode(self, keys: mx.array, values: mx.array) -> tuple[Any, Any]:
        return keys, values

    def _put(self, keys: Part, values: Part) -> tuple[Part, Part]:
        """Add one position, over the oldest one if there is no room."""
        held = 0 if self.keys is None else length_of(self.keys)
        if held > self.max_size:
            self._set_in_order(self.max_size)
            held = self._idx
        if self._idx == held:
            if held < self.max_size:
                more = max(self.step, self._reserved - held)
                more = min(more, self.max_size - held)
                new = room(keys, more), room(values, more)
                if held:
                    new = joined(self.keys, new[0]), joined(self.values, new[1])
                self.keys, self.values = new
                held += more
            else:
                self._idx = self.keep
        write(self.keys, self._idx, self._idx + 1, keys)
        write(self.values, self._idx, self._idx + 1, values)
        self.offset += 1
        self._idx += 1
        if self.offset < held:
            return cut(self.keys, 0, self.offset), cut(self.values, 0, self.offset)
        return own(self.keys), own(self.values)

    def _append(self, keys: Part, values: Part, length: int) -> tuple[Part, Part]:
        """Add positions behind those that the first of them sees."""
        if self.keys is not None:
            self._set_in_order(self.max_size - 1)
            if self._idx:
                keys, values = joined(self.keys, keys), joined(self.values, values)
        # What is written into the buffers must not change what the caller has.
        self.keys, self.values = own(keys), own(values)
        self.offset += length
        self._idx = length_of(keys)
        return keys, values

    def _set_in_order(self, most: int) -> None:
        """Put positions in order, and drop the oldest but the kept ones beyond ``most``."""
        self.keys, self.values = self._in_order(self.keys, most), self._in_order(self.values, most)
        self._idx = length_of(self.keys)

    def _in_order(self, part: Part, most: int) -> Part:
        held = length_of(part)
        if self._idx < held and self.offset >= held:
            pieces = [(0, self.keep), (self._idx, held), (self.keep, self._idx)]
            part = joined(*(cut(part, *piece) for piece in pieces))
            count = held
        else:
            count = self._idx
            part = cut(part, 0, count)
        if count <= most:
            return part
        keep = min(self.keep, most)
        start = count - (most - keep)
        return joined(cut(part, 0, keep), cut(part, start, count)) if most else cut(part, 0, 0)

    def make_mask(
        self, length: int, return_array: bool = False, window_size: int | None = None
    ) -> mx.array | Literal["causal"] | None:
        """Which of the keys that the next update gives each of its positions sees.

        Args:
            length: The number of positions of the update.
            return_array: Whether to make an array where ``"causal"`` would do. Default: ``False``.
            window_size: How many of the latest positions are seen, where that is fewer than the
                cache holds. Default: ``None``, all that it holds.

        Returns:
            ``None`` if all keys are seen by all, ``"causal"`` if each position sees those before
            it, else an array of shape ``(length, keys)``.
        """
        window = self.max_size if window_size is None else min(window_size, self.max_size)
        if length == 1:
            return self._mask_of_one(window) if self.offset >= window < self.max_size else None
        before = min(self.offset, self.max_size - 1)
        if before + length <= window and not return_array:
            return "causal"
        places = mx.arange(before + length)
        positions = mx.where(places < self.keep, places, places + (self.offset - before))
        asking = mx.arange(self.offset, self.offset + length)[:, None]
        return (positions <= asking) & self._is_near(asking, positions, window)

    def _mask_of_one(self, window: int) -> mx.array:
        """Which places of the buffer a single position sees."""
        count = min(self.offset + 1, self.max_size)
        place = self.keep if self._idx >= self.max_size else self._idx
        places = mx.arange(count)
        # Those before the place of the new position are the latest, those behind it the oldest.
        ages = (place - places) % (count - self.keep)
        positions = mx.where(places < self.keep, places, self.offset - ages)
        return self._is_near(self.offset, positions, window)[None]

    def _is_near(self, asking: mx.array | int, positions: mx.array, window: int) -> mx.array:
        if window < self.max_size or not self.keep:
            return asking - positions < window
        return (asking - positions < window - self.keep) | (positions < self.keep)

    def _state(self) -> tuple[Any, ...]:
        return (*super()._state(), self.keep, self.max_size, self._idx)

    def _restore(self, state: Any) -> None:
        keys, values, offset, keep, max_size, idx = state
        check_numbers(offset=offset, keep=keep, max_size=max_size, idx=idx)
        held = check_buffers(keys, values, packed=self._is_packed)
        # A buffer that is not full is in order, and one that has dropped positions is full.
        dropped = offset - idx if idx == held else max(offset - held, 0)
        if not (
            keep < max_size
            and idx <= min(held, offset)
            and (idx == offset or held >= max_size - (idx == held))
            and (keep <= idx or not dropped)
        ):
            raise ValueError(
                f"a rotating cache cannot have seen {offset} positions, hold {held} of at most "
                f"{max_size}, keep {keep} and write at {idx}"
            )
        self._take(keys, values, offset)
        self.keep, self.max_size, self._idx = keep, max_size, idx

    @classmethod
    def _blank(cls) -> Self:
        return cls(1)

    def to_quantized(
        self, group_size: int = 64, bits: int = 4, *, value_bits: int | None = None
    ) -> QuantizedRotatingKVCache:
        """A cache that holds the same, as integers.

        Args:
            group_size: As of `QuantizedKVCache`. Default: 64.
            bits: As of `QuantizedKVCache`. Default: 4.
            value_bits: As of `QuantizedKVCache`. Default: ``None``.

        Returns:
            The cache.
        """
        cache = QuantizedRotatingKVCache(
            self.max_size, self.keep, group_size=group_size, bits=bits, value_bits=value_bits
        )
        cache.offset, cache._idx, cache._reserved = self.offset, self._idx, self._reserved
        if self.keys is not None:
            cache.keys, cache.values = cache._encode(self.keys, self.values)
        return cache

    def size(self) -> int:
        """Number of positions that the next one sees, itself included, at most."""
        return min(self.offset, self.max_size)

    def is_trimmable(self) -> bool:
        """Whether any number of positions can be forgotten: as long as none has been dropped."""
        return self.offset < self.max_size

    def can_trim(self, n: int) -> bool:
        """Whether the latest ``n`` positions can be forgotten.

        Where some have been dropped, as many as a longer update has just added: what these have
        put out of sight is there until the next one.
        """
        if n == 0 or self.is_trimmable():
            return True
        if self.keys is None or self._idx != length_of(self.keys):
            return False
        return self._idx - n >= min(self.offset - n, self.max_size - 1)

    def _forget(self, n: int) -> None:
        self.offset -= n
        self._idx -= n
        if n and self.offset > self._idx:
            # Places behind would be taken for those that have been longest there.
            self.keys, self.values = cut(self.keys, 0, self._idx), cut(self.values, 0, self._idx)


class QuantizedRotatingKVCache(HoldsIntegers, RotatingKVCache):
    """A `RotatingKVCache` of integers.

    Its ``state`` goes on with ``group_size``, ``bits`` and ``value_bits``.

    Args:
        max_size: As of `RotatingKVCache`.
        keep: As of `RotatingKVCache`. Default: 0.
        group_size: As of `QuantizedKVCache`. Default: 64.
        bits: As of `QuantizedKVCache`. Default: 8.
        value_bits: As of `QuantizedKVCache`. Default: ``None``, as ``bits``.

    Attributes:
        group_size: How many numbers share a scale.
        bits: How many bits a number of a key has.
        value_bits: How many bits a number of a value has.

    Raises:
        ValueError: If a number is out of its range.

    See: mlx-lm, whose `RotatingKVCache` cannot be quantized.
    """

    def __init__(
        self,
        max_size: int,
        keep: int = 0,
        *,
        group_size: int = 64,
        bits: int = 8,
        value_bits: int | None = None,
    ) -> None:
        super().__init__(max_size, keep)
        self._set_quantization(group_size, bits, value_bits)

    def _state(self) -> tuple[Any, ...]:
        return (*super()._state(), self.group_size, self.bits, self.value_bits)

    def _restore(self, state: Any) -> None:
        *rest, group_size, bits, value_bits = state
        check_packed(rest[0], rest[1], group_size, bits, value_bits)
        super()._restore(rest)
        self._set_quantization(group_size, bits, value_bits)

    def to_quantized(
        self, group_size: int = 64, bits: int = 4, *, value_bits: int | None = None
    ) -> QuantizedRotatingKVCache:
        """The cache itself."""
        return self
