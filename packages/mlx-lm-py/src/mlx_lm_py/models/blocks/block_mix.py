"""Mixes of what blocks of layers came to."""

from __future__ import annotations

from collections.abc import Sequence

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = ["BlockMix"]


def __dir__() -> list[str]:
    return __all__


class BlockMix(nn.Module):
    """Hidden states, weighted for each position by a softmax over them.

    Args:
        dim: Number of features.
        eps: Added to the mean of squares of each before it is scored.

    Example:
        >>> BlockMix(4, 1e-5)([mx.ones((1, 3, 4))], mx.ones((1, 3, 4))).shape
        (1, 3, 4)
    """

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.proj_weight: mx.array = mx.zeros((1, dim))
        self.norm_weight: mx.array = mx.ones((dim,))
        self.eps = eps

    def __call__(self, blocks: Sequence[mx.array], x: mx.array) -> mx.array:
        """Mix ``x`` of shape ``(batch, length, dim)`` with others of its shape."""
        if not blocks:
            return x
        states = mx.stack([*blocks, x]).astype(mx.float32)
        weights = mx.fast.rms_norm(states, self.norm_weight.astype(mx.float32), self.eps)
        scores = weights @ self.proj_weight.astype(mx.float32).T
        return (mx.softmax(scores, axis=0, precise=True) * states).sum(axis=0).astype(x.dtype)
