"""Embeddings of tokens.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import math

import mlx_core_py as mx
from mlx_core_py.nn._checks import positive
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.nn.layers.quantized import QuantizedEmbedding

__all__ = ["Embedding"]


def __dir__() -> list[str]:
    return __all__


class Embedding(Module):
    r"""A table of vectors, looked up by number.

    ``weight`` has the shape ``(num_embeddings, dims)`` and begins normal with the standard
    deviation :math:`1 / \sqrt{\text{dims}}`.

    Args:
        num_embeddings: How many vectors there are.
        dims: The size of a vector.

    Shape:
        Integers of any shape ``(...)`` to ``(..., dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one.

    Example:
        >>> layer = nn.Embedding(10, 4)
        >>> layer(mx.array([[1, 2, 3]])).shape
        (1, 3, 4)
        >>> layer.as_linear(mx.zeros((2, 4))).shape
        (2, 10)
    """

    def __init__(self, num_embeddings: int, dims: int) -> None:
        positive(num_embeddings=num_embeddings, dims=dims)
        super().__init__()
        self.weight: mx.array = mx.random.normal((num_embeddings, dims), scale=math.sqrt(1 / dims))

    def _extra_repr(self) -> str:
        num_embeddings, dims = self.weight.shape
        return f"{num_embeddings}, {dims}"

    def __call__(self, x: mx.array) -> mx.array:
        weight: mx.array = self["weight"]
        return weight[x]

    def as_linear(self, x: mx.array) -> mx.array:
        """Multiply by the table, as an output layer that shares its weight with the embedding.

        Args:
            x: Vectors of shape ``(..., dims)``.

        Returns:
            Their products with each embedding, of shape ``(..., num_embeddings)``.
        """
        return mx.matmul(x, self["weight"].T)

    def to_quantized(
        self,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
        quantize_input: bool = False,
    ) -> QuantizedEmbedding:
        """Return the layer with its weight quantized.

        Args:
            group_size: How many weights share a scale. Default: the mode's.
            bits: How many bits a weight takes. Default: the mode's.
            mode: The way of quantization. Default: ``"affine"``.
            quantize_input: Whether to quantize the input too, which is not supported. Default:
                ``False``.

        Raises:
            ValueError: If ``quantize_input``, or the sizes, the bits and the mode do not fit.
        """
        if quantize_input:
            raise ValueError("quantize_input must be False: the input of an embedding is indices")
        return QuantizedEmbedding.from_embedding(self, group_size, bits, mode)
