"""Causal convolutions of each feature by itself, over few positions."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import StateCache

__all__ = ["CausalConv"]


def __dir__() -> list[str]:
    return __all__


class CausalConv(nn.Conv1d):
    """A causal convolution of each feature by itself, which goes on where a cache left off.

    Args:
        dim: Number of features.
        taps: How many positions it sees.
        bias: Whether there is one.

    Example:
        >>> CausalConv(4, 3, bias=False)(mx.ones((1, 5, 4))).shape
        (1, 5, 4)
    """

    def __init__(self, dim: int, taps: int, bias: bool) -> None:
        super().__init__(dim, dim, taps, groups=dim, bias=bias)
        self.taps: int = taps

    def __call__(self, x: mx.array, cache: StateCache | None = None) -> mx.array:
        """Convolve ``x`` of shape ``(batch, length, dim)``.

        The first array of the cache is the latest inputs.
        """
        held = None if cache is None else cache.arrays[0]
        if held is None:
            held = mx.zeros((x.shape[0], self.taps - 1, x.shape[-1]), x.dtype)
        x = mx.concatenate([held, x], axis=1)
        if cache is not None:
            cache.arrays[0] = x[:, x.shape[1] - self.taps + 1 :]
        convolved: mx.array = super().__call__(x)
        return convolved
