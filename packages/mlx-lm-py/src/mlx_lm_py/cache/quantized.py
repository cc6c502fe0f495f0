"""The cache of a layer that attends to all positions, as integers."""

from __future__ import annotations

from typing import Any, ClassVar

import mlx_core_py as mx

from mlx_lm_py._checks import check_integer

from .buffers import GrowingBuffers
from .checks import check_numbers
from .parts import Packed

__all__ = [
    "HoldsIntegers",
    "QuantizedKVCache",
    "check_packed",
    "check_quantization",
    "dequantized",
    "quantize_part",
]


def __dir__() -> list[str]:
    return __all__


_GROUP_SIZES = (32, 64, 128)
_BITS = (2, 3, 4, 5, 6, 8)


def check_quantization(
    group_size: int, bits: int, value_bits: int | None = None, *, prefix: str = ""
) -> None:
    """Check that keys and values can be quantized so.

    Args:
        group_size: How many numbers share a scale.
        bits: How many bits a number has.
        value_bits: The same for values. Default: ``None``, as ``bits``.
        prefix: What the names of these numbers begin with where they come from. Default: none.

    Raises:
        TypeError: If one of them is no integer.
        ValueError: If one of them is none of those that there are.
    """
    for name, number, known in (
        ("group_size", group_size, _GROUP_SIZES),
        ("bits", bits, _BITS),
        ("value_bits", bits if value_bits is None else value_bits, _BITS),
    ):
        check_integer(prefix + name, number)
        if number not in known:
            raise ValueError(f"{prefix}{name} must be one of {known}, not {number}")


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
    check_numbers(group_size=group_size, bits=bits, value_bits=value_bits)
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


class HoldsIntegers:
    """What caches of keys and values have that hold them as integers.

    Attributes:
        group_size: How many numbers share a scale.
        bits: How many bits a number of a key has.
        value_bits: How many bits a number of a value has.
    """

    _is_packed: ClassVar[bool] = True

    def _set_quantization(self, group_size: int, bits: int, value_bits: int | None) -> None:
        check_quantization(group_size, bits, value_bits)
        self.group_size: int = group_size
        self.bits: int = bits
        self.value_bits: int = bits if value_bits is None else value_bits

    def _encode(self, keys: mx.array, values: mx.array) -> tuple[Packed, Packed]:
        return (
            quantize_part(keys, "keys", self.group_size, self.bits),
            quantize_part(values, "values", self.group_size, self.value_bits),
        )


class QuantizedKVCache(HoldsIntegers, GrowingBuffers[Packed]):
    """Keys and values of one attention layer as integers, in buffers that grow in steps.

    Attention works on the integers themselves; they are not turned into numbers first. Its
    ``state`` has the buffers, the number of positions held, ``group_size`` and ``bits``, and
    ``value_bits`` where these are others.

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

    def __init__(
        self, group_size: int = 64, bits: int = 8, *, value_bits: int | None = None
    ) -> None:
        super().__init__()
        self._set_quantization(group_size, bits, value_bits)

    def _state(self) -> tuple[Any, ...]:
        state = (*super()._state(), self.group_size, self.bits)
        return state if self.value_bits == self.bits else (*state, self.value_bits)

    def _restore(self, state: Any) -> None:
        keys, values, offset, group_size, bits, *more = state
        value_bits = more[0] if more else bits
        check_packed(keys, values, group_size, bits, value_bits)
        super()._restore((keys, values, offset))
        self._set_quantization(group_size, bits, value_bits)
