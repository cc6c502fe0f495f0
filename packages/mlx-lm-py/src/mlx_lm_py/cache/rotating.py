"""The cache of a layer that attends to the latest positions."""

from __future__ import annotations

from copy import copy
from typing import Any, Literal, Self, cast

import mlx_core_py as mx

from .base import Part, check_trim, own
from .checks import as_parts, check_buffers, check_numbers
from .quantized import check_packed, check_quantization, quantize_part

__all__ = ["QuantizedRotatingKVCache", "RotatingKVCache"]


def __dir__() -> list[str]:
    return __all__


def _cut(part: Part, start: int, end: int) -> Part:
    if isinstance(part, tuple):
        return cast("Part", tuple(one[:, :, start:end] for one in part))
    return part[:, :, start:end]


def _joined(*parts: Part) -> Part:
    kept = [part for part in parts if _length(part)]
    if len(kept) == 1:
        return kept[0]
    if isinstance(kept[0], tuple):
        return cast(
            "Part", tuple(mx.concatenate(list(ones), axis=2) for ones in zip(*kept, strict=True))
        )
    return mx.concatenate(cast("list[mx.array]", kept), axis=2)


def _length(part: Part) -> int:
    return (part[0] if isinstance(part, tuple) else part).shape[2]


def _room(like: Part, length: int) -> Part:
    def zeros(one: mx.array) -> mx.array:
        return mx.zeros((*one.shape[:2], length, one.shape[3]), one.dtype)

    return cast("Part", tuple(map(zeros, like))) if isinstance(like, tuple) else zeros(like)


def _write(part: Part, start: int, new: Part) -> None:
    if isinstance(part, tuple):
        for one, other in zip(part, new, strict=True):
            one[:, :, start : start + 1] = other
    else:
        part[:, :, start : start + 1] = cast("mx.array", new)


class RotatingKVCache:
    """Keys and values of the latest positions, and of some of the first.

    Single positions are written over the oldest ones, so that the order of keys is not that of
    positions; attention does not mind. Longer updates are put in order first, and hold as many
    positions more as the first of the new ones sees: until the next update, as many can be
    forgotten again.

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

    step = 256

    def __init__(self, max_size: int, keep: int = 0) -> None:
        if max_size < 1:
            raise ValueError(f"max_size must be at least 1, not {max_size}")
        if not 0 <= keep < max_size:
            raise ValueError(f"keep must be in 0..{max_size - 1}, not {keep}")
        self.offset: int = 0
        self.max_size: int = max_size
        self.keep: int = keep
        self.keys: Any = None
        self.values: Any = None
        self._idx = 0
        self._reserved = 0

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
        shape, others = keys.shape, values.shape
        if len(shape) != 4 or shape[:3] != others[:3]:
            raise ValueError(f"keys of shape {shape} and values of shape {others} do not agree")
        new_keys, new_values = self._encode(keys, values)
        self._check(self.keys, new_keys)
        self._check(self.values, new_values)
        if shape[2] == 1:
            return self._put(new_keys, new_values)
        return self._append(new_keys, new_values, shape[2])

    def _encode(self, keys: mx.array, values: mx.array) -> tuple[Part, Part]:
        return keys, values

    def _check(self, held: Part | None, new: Part) -> None:
        one = held[0] if isinstance(held, tuple) else held
        other = new[0] if isinstance(new, tuple) else new
        if one is not None and (*one.shape[:2], one.shape[3]) != (
            *other.shape[:2],
            other.shape[3],
        ):
            raise ValueError(
                f"an array of shape {other.shape} does not fit a cache of shape {one.shape}"
            )

    def _put(self, keys: Part, values: Part) -> tuple[Part, Part]:
        """Add one position, over the oldest one if there is no room."""
        held = 0 if self.keys is None else _length(self.keys)
        if held > self.max_size:
            self._set_in_order(self.max_size)
            held = self._idx
        if self._idx == held:
            if held < self.max_size:
                more = max(self.step, self._reserved - held)
                room = min(more, self.max_size - held)
                new = _room(keys, room), _room(values, room)
                if held:
                    new = _joined(self.keys, new[0]), _joined(self.values, new[1])
                self.keys, self.values = new
                held += room
            else:
                self._idx = self.keep
        _write(self.keys, self._idx, keys)
        _write(self.values, self._idx, values)
        self.offset += 1
        self._idx += 1
        if self.offset < held:
            return _cut(self.keys, 0, self.offset), _cut(self.values, 0, self.offset)
        return own(self.keys), own(self.values)

    def _append(self, keys: Part, values: Part, length: int) -> tuple[Part, Part]:
        """Add positions behind those that the first of them sees."""
        if self.keys is not None:
            self._set_in_order(self.max_size - 1)
            if self._idx:
                keys, values = _joined(self.keys, keys), _joined(self.values, values)
        # What is written into the buffers must not change what the caller has.
        self.keys, self.values = own(keys), own(values)
        self.offset += length
        self._idx = _length(keys)
        return keys, values

    def _set_in_order(self, most: int) -> None:
        """Put positions in order, and drop the oldest but the kept ones beyond ``most``."""
        self.keys, self.values = self._in_order(self.keys, most), self._in_order(self.values, most)
        self._idx = _length(self.keys)

    def _in_order(self, part: Part, most: int) -> Part:
        held = _length(part)
        if self._idx < held and self.offset >= held:
            pieces = [(0, self.keep), (self._idx, held), (self.keep, self._idx)]
            part = _joined(*(_cut(part, *piece) for piece in pieces))
            count = held
        else:
            count = self._idx
            part = _cut(part, 0, count)
        if count <= most:
            return part
        keep = min(self.keep, most)
        start = count - (most - keep)
        return _joined(_cut(part, 0, keep), _cut(part, start, count)) if most else _cut(part, 0, 0)

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

    @property
    def state(self) -> tuple[Any, ...]:
        """The buffers, and ``offset``, ``keep``, ``max_size`` and where the next one is written."""
        return self.keys, self.values, self.offset, self.keep, self.max_size, self._idx

    @state.setter
    def state(self, state: Any) -> None:
        self._restore(state)

    def _restore(self, state: Any) -> None:
        keys, values, offset, keep, max_size, idx = state
        check_numbers(offset=offset, keep=keep, max_size=max_size, idx=idx)
        held = check_buffers(keys, values)
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
        self.offset, self.keep, self.max_size, self._idx = offset, keep, max_size, idx
        self.keys, self.values = as_parts(keys), as_parts(values)

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """Make a cache of the ``state`` of one.

        Raises:
            ValueError: If the state cannot be that of such a cache.
        """
        cache = cls(1)
        cache.state = state
        return cache

    def reserve(self, length: int) -> None:
        """Have room for so many positions from the next growth on, as many as are kept at most.

        Args:
            length: Number of positions, those already held included.
        """
        self._reserved = max(self._reserved, length)

    def copy(self) -> Self:
        """A cache of its own with the same content, copied when one of both grows."""
        other = copy(self)
        other.keys, other.values = own(self.keys), own(self.values)
        return other

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

    @property
    def nbytes(self) -> int:
        """Number of bytes of the buffers."""
        parts = [part for part in (self.keys, self.values) if part is not None]
        arrays = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
        return sum(array.nbytes for array in arrays)

    def size(self) -> int:
        """Number of positions that the next one sees, itself included, at most."""
        return min(self.offset, self.max_size)

    def empty(self) -> bool:
        """Whether nothing has been added."""
        return self.keys is None

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
        if self.keys is None or self._idx != _length(self.keys):
            return False
        return self._idx - n >= min(self.offset - n, self.max_size - 1)

    def trim(self, n: int) -> int:
        """Forget the latest positions.

        Args:
            n: How many.

        Returns:
            How many were forgotten: 0 if not so many can be.

        Raises:
            ValueError: If ``n`` is negative.
        """
        check_trim(n)
        n = min(n, self.offset)
        if not self.can_trim(n):
            return 0
        self.offset -= n
        self._idx -= n
        if n and self.offset > self._idx:
            # Places behind would be taken for those that have been longest there.
            self.keys, self.values = _cut(self.keys, 0, self._idx), _cut(self.values, 0, self._idx)
        return n


class QuantizedRotatingKVCache(RotatingKVCache):
    """A `RotatingKVCache` of integers.

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
        check_quantization(group_size, bits, value_bits)
        self.group_size: int = group_size
        self.bits: int = bits
        self.value_bits: int = bits if value_bits is None else value_bits

    def _encode(self, keys: mx.array, values: mx.array) -> tuple[Part, Part]:
        return (
            quantize_part(keys, "keys", self.group_size, self.bits),
            quantize_part(values, "values", self.group_size, self.value_bits),
        )

    @property
    def state(self) -> tuple[Any, ...]:
        """That of `RotatingKVCache`, then ``group_size``, ``bits`` and ``value_bits``."""
        return (*super().state, self.group_size, self.bits, self.value_bits)

    @state.setter
    def state(self, state: Any) -> None:
        self._restore(state)

    def _restore(self, state: Any) -> None:
        *rest, group_size, bits, value_bits = state
        check_numbers(group_size=group_size, bits=bits, value_bits=value_bits)
        check_packed(rest[0], rest[1], group_size, bits, value_bits)
        super()._restore(rest)
        self.group_size, self.bits, self.value_bits = group_size, bits, value_bits

    def to_quantized(
        self, group_size: int = 64, bits: int = 4, *, value_bits: int | None = None
    ) -> QuantizedRotatingKVCache:
        """The cache itself."""
        return self
