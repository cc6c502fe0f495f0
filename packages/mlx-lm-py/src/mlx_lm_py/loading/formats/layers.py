"""The weights of a checkpoint, layer by layer, and the forms that they can become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import mlx_core_py as mx

__all__ = ["Layers", "pack", "unpack"]


def __dir__() -> list[str]:
    return __all__


_GROUPS = (128, 64, 32)


def unpack(words: mx.array, bits: int) -> mx.array:
    """Take numbers out of words, the lowest bits first.

    Args:
        words: Integers of shape ``(..., n)``.
        bits: The size of a number, which divides that of a word.

    Returns:
        ``uint8`` of shape ``(..., n * bits of a word / bits)``.

    Example:
        >>> unpack(mx.array([0x21, 0x43], mx.uint8), 4)
        array([1, 2, 3, 4], dtype=uint8)
    """
    data = mx.contiguous(words).view(mx.uint8)
    shifts = mx.arange(0, 8, bits, dtype=mx.uint8)
    numbers: mx.array = (data[..., None] >> shifts) & (2**bits - 1)
    flat: mx.array = numbers.reshape(*data.shape[:-1], -1)
    return flat


def pack(numbers: mx.array, bits: int) -> mx.array:
    """Put numbers into words of 32 bits, the lowest first, as MLX has them.

    Args:
        numbers: ``uint8`` of shape ``(..., n)``.
        bits: The size of a number: 2, 4 or 8.

    Returns:
        ``uint32`` of shape ``(..., n * bits / 32)``.

    Example:
        >>> pack(mx.array([1, 2, 3, 4, 5, 6, 7, 8], mx.uint8), 4).item() == 0x87654321
        True
    """
    per_byte = 8 // bits
    parts = numbers.reshape(*numbers.shape[:-1], -1, per_byte)
    data = parts[..., 0]
    for i in range(1, per_byte):
        data = data | (parts[..., i] << (i * bits))
    return mx.contiguous(data).view(mx.uint32)


class Layers:
    """The weights of a checkpoint, of which quantized layers are taken out and put in again.

    Args:
        weights: The weights by name.
        dtype: The type of weights that become floating.
    """

    def __init__(self, weights: Mapping[str, mx.array], dtype: mx.Dtype) -> None:
        self.weights: dict[str, mx.array] = dict(weights)
        self.dtype: mx.Dtype = dtype
        self.widened: int = 0
        self.rounded: int = 0

    def having(self, kind: str) -> Iterator[str]:
        """The names of layers that have a weight of a kind.

        Args:
            kind: The end of its name, such as ``"qweight"``.

        Yields:
            The names of the layers.
        """
        for name in list(self.weights):
            if name.endswith(f".{kind}"):
                yield name.removesuffix(f".{kind}")

    def take(self, layer: str, kind: str) -> mx.array:
        """Take a weight out.

        Args:
            layer: The name of its layer.
            kind: The end of its name.

        Returns:
            The weight.

        Raises:
            ValueError: If there is none.
        """
        value = self.weights.pop(f"{layer}.{kind}", None)
        if value is None:
            raise ValueError(f"the quantized layer '{layer}' has no '{kind}'")
        return value

    def take_any(self, layer: str, *kinds: str) -> mx.array | None:
        """Take out the first of several weights that is there, if any.

        Args:
            layer: The name of its layer.
            *kinds: The ends of its name.

        Returns:
            The weight, or ``None``.
        """
        for kind in kinds:
            value = self.weights.pop(f"{layer}.{kind}", None)
            if value is not None:
                return value
        return None

    def drop(self, *kinds: str) -> None:
        """Leave out what activations were to be quantized with.

        Args:
            *kinds: The ends of the names.
        """
        ends = tuple(f".{kind}" for kind in kinds)
        self.weights = {k: v for k, v in self.weights.items() if not k.endswith(ends)}

    def put(self, layer: str, **values: mx.array) -> None:
        """Put weights in.

        Args:
            layer: The name of the layer.
            **values: The weights by the ends of their names.
        """
        self.weights |= {f"{layer}.{kind}": value for kind, value in values.items()}

    def put_float(self, layer: str, weight: mx.array) -> None:
        """Put in a weight that no mode of MLX holds.

        Args:
            layer: The name of the layer.
            weight: The weight.
        """
        self.widened += 1
        self.put(layer, weight=weight.astype(self.dtype))

    def put_affine(
        self, layer: str, numbers: mx.array, bits: int, scales: mx.array, zeros: mx.array
    ) -> None:
        """Put in a weight of ``(numbers - zeros) * scales``.

        Args:
            layer: The name of the layer.
            numbers: ``uint8`` of shape ``(..., rows, columns)``.
            bits: The size of a number.
            scales: Of shape ``(..., rows, groups)``.
            zeros: What stands for zero, of the same shape or one that broadcasts to it.

        Raises:
            ValueError: If the shapes do not fit.
        """
        columns, groups = numbers.shape[-1], scales.shape[-1]
        if numbers.shape[:-1] != scales.shape[:-1] or not groups or columns % groups:
            raise ValueError(
                f"the quantized layer '{layer}' has shapes that make no sense: "
                f"{numbers.shape} numbers and {scales.shape} scales"
            )
        size = columns // groups
        own = next((group for group in _GROUPS if size % group == 0), None)
        if own is None or bits not in (2, 4, 8) or numbers.ndim != 2:
            scales, zeros = (
                mx.repeat(mx.broadcast_to(value, scales.shape), size, axis=-1).astype(mx.float32)
                for value in (scales, zeros)
            )
            self.put_float(layer, (numbers.astype(mx.float32) - zeros) * scales)
            return
        scales = scales if scales.dtype != mx.float32 else scales.astype(self.dtype)
        exact = -zeros.astype(mx.float32) * scales.astype(mx.float32)
        biases = exact.astype(scales.dtype)
        self.rounded += mx.any(biases.astype(mx.float32) != exact).item() is True
        self.put(
            layer,
            weight=pack(numbers, bits),
            scales=mx.contiguous(mx.repeat(scales, size // own, axis=-1)),
            biases=mx.contiguous(mx.repeat(biases, size // own, axis=-1)),
        )
