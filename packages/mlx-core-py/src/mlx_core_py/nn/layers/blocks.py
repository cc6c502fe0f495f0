"""Layers whose weights are in blocks of a quantized type of GGUF.

They are for weights that come from such files: nothing here quantizes. MLX has no such layers.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py.gguf import TENSOR_TYPES
from mlx_core_py.nn._checks import positive
from mlx_core_py.nn.layers.base import Module

__all__ = ["BlockEmbedding", "BlockLinear"]


def __dir__() -> list[str]:
    return __all__


class _Blocks(Module):
    """What these layers have in common: ``weight`` is bytes, and always frozen."""

    def __init__(self, rows: int, columns: int, type: str) -> None:
        super().__init__()
        kind = TENSOR_TYPES.get(type)
        if kind is None or kind.block_size == 1 or not kind.loadable:
            names = [
                name for name, kind in TENSOR_TYPES.items() if kind.loadable and kind.block_size > 1
            ]
            raise ValueError(f"type must be one of {', '.join(names)}, but is {type!r}")
        if columns % kind.block_size:
            raise ValueError(
                f"a row of {columns} weights is no whole number of blocks of type {type}, which "
                f"have {kind.block_size}"
            )
        self.type = type
        nbytes = columns // kind.block_size * kind.block_nbytes
        self.weight: mx.array = mx.zeros((rows, nbytes), mx.uint8)

    def _shape(self) -> tuple[int, int]:
        rows, nbytes = self.weight.shape
        kind = TENSOR_TYPES[self.type]
        return rows, nbytes // kind.block_nbytes * kind.block_size

    def _unfreeze_own(self, keys: str | list[str] | None) -> None:
        """Unfreeze what is asked for by name, but not bytes: they have no gradient."""
        if keys is not None:
            self._no_grad -= self._own_keys(keys) - {"weight"}


class BlockEmbedding(_Blocks):
    """An :class:`Embedding` whose weight is in blocks of a quantized type of GGUF.

    The weight begins as zeros and is to be loaded. It stays frozen.

    Args:
        num_embeddings: How many vectors there are.
        dims: The size of a vector, a whole number of blocks.
        type: The name of the type, such as ``"Q4_K"``.
        dtype: The type of the vectors. Default: ``float32``.

    Shape:
        Integers of any shape ``(...)`` to ``(..., dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one, there is no such type, or ``dims`` is no whole
            number of its blocks.

    Example:
        >>> nn.BlockEmbedding(10, 256, "Q6_K")(mx.array([1, 2])).shape
        (2, 256)
    """

    def __init__(
        self, num_embeddings: int, dims: int, type: str, dtype: mx.Dtype = mx.float32
    ) -> None:
        positive(num_embeddings=num_embeddings, dims=dims)
        super().__init__(num_embeddings, dims, type)
        self.dtype = dtype
        self.freeze()

    def _extra_repr(self) -> str:
        num_embeddings, dims = self._shape()
        return f"{num_embeddings}, {dims}, type={self.type}"

    def __call__(self, x: mx.array) -> mx.array:
        return mx.dequantize_blocks(self["weight"][x], self.type, self.dtype)

    def as_linear(self, x: mx.array) -> mx.array:
        """Multiply by the table, as an output layer that shares its weight with the embedding.

        Args:
            x: Vectors of shape ``(..., dims)``.

        Returns:
            Their products with each embedding, of shape ``(..., num_embeddings)``.
        """
        return mx.blocks_matmul(x, self["weight"], self.type)


class BlockLinear(_Blocks):
    """A :class:`Linear` whose weight is in blocks of a quantized type of GGUF.

    The weight begins as zeros and is to be loaded. All parameters begin frozen; the bias is until
    ``unfreeze`` names it.

    Args:
        input_dims: The size of the last axis of the input, a whole number of blocks.
        output_dims: The size of the last axis of the output.
        type: The name of the type, such as ``"Q4_K"``.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(..., input_dims)`` to ``(..., output_dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one, there is no such type, or ``input_dims`` is no whole
            number of its blocks.

    Example:
        >>> nn.BlockLinear(256, 2, "Q4_K")(mx.zeros((4, 256))).shape
        (4, 2)
    """

    def __init__(self, input_dims: int, output_dims: int, type: str, bias: bool = True) -> None:
        positive(input_dims=input_dims, output_dims=output_dims)
        super().__init__(output_dims, input_dims, type)
        if bias:
            self.bias: mx.array = mx.zeros((output_dims,))
        self.freeze()

    def _extra_repr(self) -> str:
        output_dims, input_dims = self._shape()
        return (
            f"input_dims={input_dims}, output_dims={output_dims}, bias={'bias' in self}, "
            f"type={self.type}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.blocks_matmul(x, self["weight"], self.type)
        return y + self["bias"] if "bias" in self else y
