"""Gates between the hidden state and what is added to it."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = ["ResidualGate"]


def __dir__() -> list[str]:
    return __all__


class ResidualGate(nn.Module):
    """Shares of the hidden state and of what is added, which keep the size of their sum.

    Args:
        dim: Number of features.
        temperature: What the learned vector is divided by.

    Example:
        >>> ResidualGate(2, 0.3)(mx.zeros(2), mx.ones(2)).tolist()
        [0.5, 0.5]
    """

    def __init__(self, dim: int, temperature: float) -> None:
        super().__init__()
        self.gate: mx.array = mx.zeros((dim,))
        self.temperature = temperature

    def __call__(self, x: mx.array, added: mx.array) -> mx.array:
        """Weigh ``x`` against what is added, of the same shape."""
        gate = self.gate.astype(mx.float32) / self.temperature
        share = mx.sigmoid(gate)
        kept = mx.sqrt(mx.maximum(mx.sigmoid(-gate) * (1 + share), 1e-3))
        return (kept * x + share * added).astype(x.dtype)
