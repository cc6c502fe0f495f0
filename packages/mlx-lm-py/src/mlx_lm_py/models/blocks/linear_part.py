"""One matrix in place of attention or of a feed-forward layer."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import Cache, RaggedCache
from mlx_lm_py.models import spec as specs

from .masks import Mask
from .ragged import last_positions

__all__ = ["LinearPart"]


def __dir__() -> list[str]:
    return __all__


class LinearPart(nn.Module):
    """A linear layer of each position by itself.

    Args:
        spec: What it is like.
        dim: Number of features in and out.

    Example:
        >>> LinearPart(specs.Linear(), 8)(mx.ones((1, 3, 8))).shape
        (1, 3, 8)
    """

    def __init__(self, spec: specs.Linear, dim: int) -> None:
        super().__init__()
        self.linear: nn.Linear = nn.Linear(dim, dim, bias=spec.bias)

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: Cache | RaggedCache | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Transform ``x`` of shape ``(batch, length, dim)``.

        If ``last_only``, the last position of each sequence alone.
        """
        return self.linear(last_positions(x, cache) if last_only else x)
