"""Feed-forward layers."""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.models.spec import Mlp

from .activations import PAIRED, XIELU, activation, gated_activation
from .norms import make_norm

__all__ = ["MLP"]


def __dir__() -> list[str]:
    return __all__


# How much greater than the range of float16 the features within may be. Those that become too small
# for all their digits are a millionth of what is usual.
_ROOM = 64.0


class MLP(nn.Module):
    """Feed-forward layer, gated or not.

    Args:
        spec: What it is like.
        dim: Number of features in and out.

    Example:
        >>> MLP(Mlp(16), 8)(mx.ones((1, 3, 8))).shape
        (1, 3, 8)
    """

    def __init__(self, spec: Mlp, dim: int) -> None:
        super().__init__()
        if spec.gated:
            self.gate_proj: nn.Linear = nn.Linear(dim, spec.hidden, bias=spec.bias)
        self.up_proj: nn.Linear = nn.Linear(dim, spec.hidden, bias=spec.bias)
        self.down_proj: nn.Linear = nn.Linear(spec.hidden, dim, bias=spec.bias)
        self.gated: bool = spec.gated
        self.scales: tuple[float, float] = spec.scales
        if spec.norm is not None:
            self.ffn_sub_norm: nn.Module = make_norm(spec.norm, spec.hidden)
        if spec.act == "xielu":
            self.act_fn: XIELU = XIELU()
        elif spec.act not in PAIRED:
            self.act: Callable[[mx.array], mx.array] = activation(spec.act)
        self.cutoff: float | None = None
        if spec.sparsity:
            # Fractions and decimals come with it.
            from statistics import NormalDist

            # As many deviations above the mean as that share of a normal distribution is below.
            self.cutoff = NormalDist().inv_cdf(spec.sparsity)
        self.bounded: Callable[[mx.array, mx.array], mx.array] | None = None
        if spec.limit or spec.act in PAIRED:
            self.bounded = gated_activation(spec.act, spec.limit)

    def __call__(self, x: mx.array) -> mx.array:
        """Transform ``x`` of shape ``(..., dim)``."""
        if self.scales != (1.0, 1.0):
            by_gate, by_out = self.scales
            hidden = self.act(self.gate_proj(x) * by_gate) * self.up_proj(x)
            return self.down_proj(hidden) * by_out
        if self.bounded is not None:
            return self.down_proj(self.bounded(self.gate_proj(x), self.up_proj(x)))
        if self.cutoff is not None:
            gate = self.gate_proj(x)
            mean = gate.mean(axis=-1, keepdims=True)
            gate = nn.relu(gate - mean - mx.std(gate, axis=-1, keepdims=True) * self.cutoff)
            return self.down_proj(self.act(gate) * self.up_proj(x))
        if "ffn_sub_norm" in self:
            return self.down_proj(self.ffn_sub_norm(self.act(self.gate_proj(x)) * self.up_proj(x)))
        if "act_fn" in self:
            return self.down_proj(self.act_fn(self.up_proj(x)))
        if self.gated and x.dtype == mx.float16:
            # What a gate lets through goes beyond 65504 in models as usual as Llama 2 7B.
            hidden = self.act(self.gate_proj(x)) * (self.up_proj(x) * (1 / _ROOM))
            y = self.down_proj(hidden)
            if "bias" in self.down_proj:
                y = y - self.down_proj.bias * (1 - 1 / _ROOM)
            return y * _ROOM
        if self.gated:
            return self.down_proj(self.act(self.gate_proj(x)) * self.up_proj(x))
        return self.down_proj(self.act(self.up_proj(x)))
