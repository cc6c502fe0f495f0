"""The real-gated linear recurrent unit (https://arxiv.org/abs/2402.19427)."""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import StateCache
from mlx_lm_py.models import spec as specs

from .activations import activation
from .causal_conv import CausalConv
from .masks import Mask
from .ragged import EachSequence
from .scans import linear_scan

__all__ = ["RgLru"]


def __dir__() -> list[str]:
    return __all__


class _Unit(nn.Module):
    """Gates of blocks of features, and the parameter of the decay."""

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        part = width // heads
        self.recurrent_param: mx.array = mx.zeros((width,))
        self.input_gate_weight: mx.array = mx.zeros((heads, part, part))
        self.input_gate_bias: mx.array = mx.zeros((heads, part))
        self.recurrent_gate_weight: mx.array = mx.zeros((heads, part, part))
        self.recurrent_gate_bias: mx.array = mx.zeros((heads, part))


class RgLru(EachSequence):
    """A state of each feature, which decays by a gate, beside a gate of the output.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.RgLru, dim: int) -> None:
        super().__init__()
        width = spec.width
        self.heads: int = spec.heads
        self.act: Callable[[mx.array], mx.array] = activation(spec.act)
        self.linear_y: nn.Linear = nn.Linear(dim, width)
        self.linear_x: nn.Linear = nn.Linear(dim, width)
        self.linear_out: nn.Linear = nn.Linear(width, dim)
        self.conv_1d: CausalConv = CausalConv(width, spec.taps, bias=True)
        self.rg_lru: _Unit = _Unit(spec.heads, width)

    def _transform(
        self, last_only: bool, x: mx.array, mask: Mask, cache: StateCache | None
    ) -> mx.array:
        state = None if cache is None else cache.arrays[1]
        values = self.conv_1d(self.linear_x(x), cache)
        unit = self.rg_lru
        parts = mx.unflatten(values, -1, (self.heads, 1, -1))
        let_in = mx.sigmoid((parts @ unit.input_gate_weight)[..., 0, :] + unit.input_gate_bias)
        kept = mx.sigmoid(
            (parts @ unit.recurrent_gate_weight)[..., 0, :] + unit.recurrent_gate_bias
        )
        power = nn.softplus(unit.recurrent_param.astype(mx.float32))
        log_decay = -8.0 * kept.flatten(-2).astype(mx.float32) * power
        # What decays less takes in less; the first position finds nothing that could decay.
        share = mx.sqrt(-mx.expm1(2 * log_decay))
        if state is None:
            share = mx.concatenate([mx.ones_like(share[:, :1]), share[:, 1:]], axis=1)
        added = values * let_in.flatten(-2) * share
        states, state = linear_scan(mx.exp(log_decay), added, state)
        if cache is not None:
            cache.arrays[1] = state
        if last_only:
            x, states = x[:, -1:], states[:, -1:]
        return self.linear_out(states.astype(x.dtype) * self.act(self.linear_y(x)))
