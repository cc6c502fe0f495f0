"""The cache of a layer that attends to all positions, as integers."""

from __future__ import annotations

from copy import copy
from typing import Any, Self, TypeAlias

import mlx_core_py as mx

from .base import check_trim, own
from .checks import as_parts, check_buffers, check_numbers

__all__ = [
    "Packed",
    "QuantizedKVCache",
    "check_packed",
    "check_quantization",
    "dequantized",
    "quantize_part",
]


def __dir__() -> list[str]:
    return __all__


Packed: TypeAlias = tuple[mx.array, mx.array, mx.array]
"""Integers packed in ``uint32``, and the scale and the bias of each group of them."""

_GROUP_SIZES = (32, 64, 128)
_BITS = (2, 3, 4, 5, 6, 8)


def check_quantization(group_size: int, bits: int, value_bits: int | None = None) -> None:
    """Raise a `ValueError` if keys and values cannot be quantized so."""
    if group_size not in _GROUP_SIZES:
        raise ValueError(f"group_size must be one of {_GROUP_SIZES}, not {group_size}")
    for name, number in (("bits", bits), ("value_bits", value_bits)):
        if number is not None and number not in _BITS:
            raise ValueError(f"{name} must be one of {_BITS}, not {number}")


def quantize_part(array: mx.array, name: str, group_size: int, bits: int) -> Packed:
    """Quantize keys or values along their width.

    Args:
        array: Shape ``(..., width)``.
        name: What they are called in the message of the exception.
        group_size: How many numbers share a scale.
        bits: How many bits a number has.

    Returns:
        Integers, scales and biases.

    Raises:
        ValueError: If the width is no multiple of ``group_size``.
    """
    if array.shape[-1] % group_size:
        raise ValueError(
            f"{name} of width {array.shape[-1]} cannot be quantized in groups of {group_size}"
        )
    packed, scales, biases = mx.quantize(array, group_size=group_size, bits=bits)
    return packed, scales, biases


def dequantized(cache: Any, keys: Any, values: Any) -> tuple[mx.array, mx.array]:
    """Keys and values of a cache as numbers, whether or not it holds integers."""
    if not isinstance(keys, tuple):
        return keys, values
    return (
        _dequantized(keys, cache.group_size, cache.bits),
        _dequantized(values, cache.group_size, cache.value_bits),
    )


def _dequantized(part: Packed, group_size: int, bits: int) -> mx.array:
    packed, scales, biases = part
    return mx.dequantize(packed, scales, biases, group_size=group_size, bits=bits)


def check_packed(keys: Any, values: Any, group_size: int, bits: int, value_bits: int) -> None:
    """Raise a `ValueError` if keys and values are not as they are when quantized so."""
    check_quantization(group_size, bits, value_bits)
    for part, width in ((keys, bits), (values, value_bits)):
        if part is None:
            continue
        if not isinstance(part, (list, tuple)) or len(part) != 3:
            raise ValueError("quantized keys and values are integers, scales and biases")
        packed, scales, biases = part
        if (
            not all(isinstance(one, mx.array) and one.ndim == 4 for one in part)
            or packed.dtype != mx.uint32
            or scales.shape != biases.shape
            or packed.shape[:3] != scales.shape[:3]
            or packed.shape[3] * 32 != scales.shape[3] * group_size * width
        ):
            raise ValueError(f"keys or values are not {width} bits each in groups of {group_size}")


class QuantizedKVCache:
    """Keys and values of one attention layer as integers, in buffers that grow in steps.

    Attention works on the integers themselves; they are not turned into numbers first.

    Args:
        group_size: How many numbers share a scale: 32, 64 or 128. Default: 64.
        bits: How many bits a number has. Default: 8.
        value_bits: The same for values, which bear fewer than keys do. Default: ``None``, as
            ``bits``.

    Attributes:
        offset: Number of positions held.
        keys: Integers, scales and biases of keys; ``None`` before the first update.
        values: Those of values.
        group_size: How many numbers share a scale.
        bits: How many bits a number of a key has.
        value_bits: How many bits a number of a value has.
        step: Number of positions by which the buffers grow.

    Raises:
        ValueError: If a number is none of those.

    Example:
        >>> cache = QuantizedKVCache(bits=4)
        >>> keys, _ = cache.update_and_fetch(mx.ones((1, 2, 3, 64)), mx.ones((1, 2, 3, 64)))
        >>> [part.shape for part in keys]
        [(1, 2, 3, 8), (1, 2, 3, 1), (1, 2, 3, 1)]

    See: mlx-lm ``mlx_lm.models.cache.QuantizedKVCache``, which has no ``value_bits``.
    """

    step = 256

    def __init__(
        self, group_size: int = 64, bits: int = 8, *, value_bits: int | None = None
    ) -> None:
        check_quantization(group_size, bits, value_bits)
        self.offset: int = 0
        self.group_size: int = group_size
        self.bits: int = bits
        self.value_bits: int = bits if value_bits is None else value_bits
        self._reserved = 0
        self.keys: Packed | None = None
        self.values: Packed | None = None

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[Packed, Packed]:
        """Add positions and return all that are held.

        Args:
            keys: Shape ``(batch, heads, length, width)``, the width a multiple of ``group_size``.
            values: Shape ``(batch, heads, length, width)``, likewise.

        Returns:
            Keys and values of all positions, the new ones last: integers, scales and biases each.

        Raises:
            ValueError: If the shapes do not agree with each other, with ``group_size`` or with
                what is held.
        """
        shape, others = keys.shape, values.shape
        if len(shape) != 4 or shape[:3] != others[:3]:
            raise ValueError(f"keys of shape {shape} and values of shape {others} do not agree")
        new_keys = quantize_part(keys, "keys", self.group_size, self.bits)
        new_values = quantize_part(values, "values", self.group_size, self.value_bits)
        start, end = self.offset, self.offset + shape[2]
        self.keys = self._grow(self.keys, new_keys, end)
        self.values = self._grow(self.values, new_values, end)
        for buffers, new in ((self.keys, new_keys), (self.values, new_values)):
            for buffer, part in zip(buffers, new, strict=True):
                buffer[:, :, start:end] = part
        self.offset = end
        return _until(self.keys, end), _until(self.values, end)

    def reserve(self, length: int) -> None:
        """Have room for so many positions from the next growth on.

        Args:
            length: Number of positions, those already held included.
        """
        self._reserved = max(self._reserved, length)

    def _grow(self, buffers: Packed | None, new: Packed, end: int) -> Packed:
        held = 0
        if buffers is not None:
            held = buffers[0].shape[2]
            for buffer, part in zip(buffers, new, strict=True):
                if (*buffer.shape[:2], buffer.shape[3]) != (*part.shape[:2], part.shape[3]):
                    raise ValueError(
                        f"an array of shape {part.shape} does not fit a cache of shape "
                        f"{buffer.shape}"
                    )
            if end <= held:
                return buffers
        length = -(-max(end, self._reserved) // self.step) * self.step
        batch, heads = new[0].shape[:2]
        rooms = [mx.zeros((batch, heads, length - held, part.shape[3]), part.dtype) for part in new]
        if buffers is not None:
            rooms = [
                mx.concatenate([buffer, room], axis=2)
                for buffer, room in zip(buffers, rooms, strict=True)
            ]
        return rooms[0], rooms[1], rooms[2]

    @property
    def state(self) -> tuple[Any, ...]:
        """The buffers, the number of positions held, ``group_size`` and ``bits``.

        ``value_bits`` follow where they are others.
        """
        state = (self.keys, self.values, self.offset, self.group_size, self.bits)
        return state if self.value_bits == self.bits else (*state, self.value_bits)

    @state.setter
    def state(self, state: Any) -> None:
        keys, values, offset, group_size, bits, *more = state
        value_bits = more[0] if more else bits
        check_numbers(offset=offset, group_size=group_size, bits=bits, value_bits=value_bits)
        check_packed(keys, values, group_size, bits, value_bits)
        if offset > check_buffers(keys, values):
            raise ValueError(f"a cache cannot hold {offset} positions in its buffers")
        self.offset, self.group_size, self.bits = offset, group_size, bits
        self.value_bits = value_bits
        self.keys, self.values = as_parts(keys), as_parts(values)

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

    @property
    def nbytes(self) -> int:
        """Number of bytes of the buffers."""
        return sum(part.nbytes for buffers in (self.keys, self.values) for part in buffers or ())

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


def _until(part: Packed, end: int) -> Packed:
    return part[0][:, :, :end], part[1][:, :, :end], part[2][:, :, :end]
