"""Dropout.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py.nn.layers.base import Module

__all__ = ["Dropout"]


def __dir__() -> list[str]:
    return __all__


class Dropout(Module):
    """Set random elements to zero while training, and enlarge the others to make up for it.

    Args:
        p: The probability that an element is set to zero. Default: ``0.5``.

    Shape:
        Any, to the same.

    Raises:
        ValueError: If ``p`` is not at least 0 and less than 1.

    Example:
        >>> layer = nn.Dropout(0.25)
        >>> mx.sum(layer(mx.ones((1000,))) == 0).item() > 0
        True
        >>> layer.eval()(mx.array([1.0, 2.0]))
        array([1, 2], dtype=float32)
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"p must be at least 0 and less than 1, but is {p}")
        super().__init__()
        self.p = p

    def _extra_repr(self) -> str:
        return f"p={self.p}"

    def __call__(self, x: mx.array) -> mx.array:
        if self.p == 0 or not self.training:
            return x
        kept = mx.random.bernoulli(1 - self.p, x.shape)
        return mx.where(kept, x * (1 / (1 - self.p)), 0)
