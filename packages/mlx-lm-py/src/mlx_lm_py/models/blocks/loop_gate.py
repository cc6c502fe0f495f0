"""A number between 0 and 1 of each head, made of its query."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = ["LoopGate"]


def __dir__() -> list[str]:
    return __all__


class LoopGate(nn.Module):
    """The sigmoid of a product with each head's query.

    Args:
        heads: The number of heads.
        width: The width of a head.

    Example:
        >>> LoopGate(4, 8)(mx.ones((1, 4, 3, 8))).shape
        (1, 4, 3, 1)
    """

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.weight: mx.array = mx.zeros((heads, width))
        self.bias: mx.array = mx.zeros((heads,))

    def __call__(self, queries: mx.array) -> mx.array:
        """The gate of queries of shape ``(batch, heads, length, width)``."""
        logits = queries @ self.weight[..., None] + self.bias[:, None, None]
        return mx.sigmoid(logits)
