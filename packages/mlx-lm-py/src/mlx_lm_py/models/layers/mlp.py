"""Feed-forward layers."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = ["MLP"]


def __dir__() -> list[str]:
    return __all__


class MLP(nn.Module):
    """Feed-forward layer gated by SiLU.

    Args:
        dim: Number of features in and out.
        hidden: Number of features between.
        bias: Whether the projections have biases. Default: ``False``.

    Example:
        >>> MLP(8, 16)(mx.ones((1, 3, 8))).shape
        (1, 3, 8)
    """

    def __init__(self, dim: int, hidden: int, *, bias: bool = False) -> None:
        super().__init__()
        self.gate_proj: nn.Linear = nn.Linear(dim, hidden, bias=bias)
        self.up_proj: nn.Linear = nn.Linear(dim, hidden, bias=bias)
        self.down_proj: nn.Linear = nn.Linear(hidden, dim, bias=bias)

    def __call__(self, x: mx.array) -> mx.array:
        """Transform ``x`` of shape ``(..., dim)``."""
        return self.down_proj(nn.silu(self.gate_proj(x)) * self.up_proj(x))
