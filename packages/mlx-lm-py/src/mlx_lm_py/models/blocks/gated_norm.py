"""Norms of what a gate lets through."""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py import nn

from .activations import activation

__all__ = ["GatedNorm"]


def __dir__() -> list[str]:
    return __all__


class GatedNorm(nn.Module):
    """Root-mean-square normalization of groups of features, and a gate before or after it.

    Args:
        dims: The number of features.
        eps: Added to the mean of squares.
        groups: The number of groups. Default: 1.
        gate_first: Whether what is normalized has gone through the gate. Default: ``False``.
        act: The activation of the gate. Default: ``"silu"``.
    """

    def __init__(
        self,
        dims: int,
        eps: float,
        groups: int = 1,
        *,
        gate_first: bool = False,
        act: str = "silu",
    ) -> None:
        super().__init__()
        self.weight: mx.array = mx.ones((dims,))
        self.eps = eps
        self.groups = groups
        self.gate_first = gate_first
        self.act: Callable[[mx.array], mx.array] = activation(act)

    def __call__(self, x: mx.array, gate: mx.array) -> mx.array:
        """Normalize the last axis of ``x``, of the gate's shape, in float32."""
        open_by = self.act(gate.astype(mx.float32))
        y = x.astype(mx.float32)
        if self.gate_first:
            y = y * open_by
        y = mx.fast.rms_norm(mx.unflatten(y, -1, (self.groups, -1)), None, self.eps).flatten(-2)
        y = y * self.weight
        if not self.gate_first:
            y = y * open_by
        return y.astype(gate.dtype)
