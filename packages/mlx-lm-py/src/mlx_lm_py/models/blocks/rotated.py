"""Quantized layers whose weights are of inputs that are rotated."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = ["RotatedEmbedding", "RotatedLinear", "rotate"]


def __dir__() -> list[str]:
    return __all__


def rotate(x: mx.array, signs: mx.array, *, back: bool = False) -> mx.array:
    """Turn features by a Walsh-Hadamard matrix after signs of their own, block by block.

    Args:
        x: Features of shape ``(..., blocks * size)``; what is computed is in float32.
        signs: 1 or -1 for each, of shape ``(blocks, size)``.
        back: Whether to undo it.

    Returns:
        An array of the same shape and type, and, of each block, length.

    Example:
        >>> rotate(mx.array([3.0, 4.0]), mx.array([[1.0, -1.0]])).round(3)
        array([-0.707, 4.95], dtype=float32)
    """
    parts = mx.unflatten(x.astype(mx.float32), -1, signs.shape)
    if not back:
        parts = parts * signs
    parts = mx.hadamard_transform(parts, scale=signs.shape[-1] ** -0.5)
    if back:
        parts = parts * signs
    return parts.flatten(-2).astype(x.dtype)


class RotatedLinear(nn.QuantizedLinear):
    """A quantized linear layer, whose input is rotated (https://arxiv.org/abs/2404.00456)."""

    signs: mx.array

    def __call__(self, x: mx.array) -> mx.array:
        """Multiply the rotated ``x`` of shape ``(..., dim)``."""
        return super().__call__(rotate(x, self.signs))


class RotatedEmbedding(nn.QuantizedEmbedding):
    """A quantized embedding that is rotated back, and whose input is rotated as an output layer."""

    signs: mx.array

    def __call__(self, x: mx.array) -> mx.array:
        """Look up integers ``x`` of any shape."""
        return rotate(super().__call__(x), self.signs, back=True)

    def as_linear(self, x: mx.array) -> mx.array:
        """Multiply the rotated ``x`` of shape ``(..., dim)`` by the table."""
        return super().as_linear(rotate(x, self.signs))
