"""Rotary position encoding.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py.nn._checks import positive
from mlx_core_py.nn.layers.base import Module

__all__ = ["RoPE"]


def __dir__() -> list[str]:
    return __all__


class RoPE(Module):
    """Rotate pairs of features by angles that grow with the position [1].

    [1]: https://arxiv.org/abs/2104.09864

    Args:
        dims: How many features to rotate: the first ones of the last axis; the others stay.
        traditional: Whether a pair is two neighbours, rather than the same place in the first
            and the second half, which is faster. Default: ``False``.
        base: What the frequencies are powers of. Default: ``10000``.
        scale: What the positions are multiplied by. Default: ``1.0``.

    Shape:
        ``(..., positions, features)``, with at least three axes, to the same.

    Raises:
        TypeError: If ``dims`` is not an integer.
        ValueError: If ``dims`` is less than one.

    Example:
        >>> x = mx.ones((1, 3, 4))
        >>> nn.RoPE(4)(x, offset=10).shape
        (1, 3, 4)
    """

    def __init__(
        self, dims: int, traditional: bool = False, base: float = 10000, scale: float = 1.0
    ) -> None:
        positive(dims=dims)
        super().__init__()
        self.dims = dims
        self.traditional = traditional
        self.base = base
        self.scale = scale

    def _extra_repr(self) -> str:
        return f"{self.dims}, traditional={self.traditional}"

    def __call__(self, x: mx.array, offset: int | mx.array = 0) -> mx.array:
        return mx.fast.rope(
            x,
            self.dims,
            traditional=self.traditional,
            base=self.base,
            scale=self.scale,
            offset=offset,
        )
