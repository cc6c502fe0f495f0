"""Mamba (https://arxiv.org/abs/2312.00752)."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import StateCache
from mlx_lm_py.models import spec as specs

from .causal_conv import CausalConv
from .masks import Mask
from .norms import make_norm
from .ragged import EachSequence
from .scans import linear_scan

__all__ = ["Mamba"]


def __dir__() -> list[str]:
    return __all__


class Mamba(EachSequence):
    """States of each feature, which decay by factors of the input.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Mamba, dim: int) -> None:
        super().__init__()
        inner, state, rank = spec.inner, spec.state, spec.rank
        self.cuts: list[int] = [rank, rank + state]
        self.in_proj: nn.Linear = nn.Linear(dim, 2 * inner, bias=spec.bias)
        self.conv1d: CausalConv = CausalConv(inner, spec.taps, spec.conv_bias)
        self.x_proj: nn.Linear = nn.Linear(inner, rank + 2 * state, bias=False)
        self.dt_proj: nn.Linear = nn.Linear(rank, inner, bias=True)
        self.A_log: mx.array = mx.zeros((inner, state))
        self.D: mx.array = mx.ones((inner,))
        self.out_proj: nn.Linear = nn.Linear(inner, dim, bias=spec.bias)
        if spec.norm is not None:
            self.dt_layernorm: nn.Module = make_norm(spec.norm, rank)
            self.b_layernorm: nn.Module = make_norm(spec.norm, state)
            self.c_layernorm: nn.Module = make_norm(spec.norm, state)

    def _transform(
        self, last_only: bool, x: mx.array, mask: Mask, cache: StateCache | None
    ) -> mx.array:
        values, gate = mx.split(self.in_proj(x), 2, axis=-1)
        values = nn.silu(self.conv1d(values, cache))
        steps, b, c = mx.split(self.x_proj(values), self.cuts, axis=-1)
        if "dt_layernorm" in self:
            steps, b, c = self.dt_layernorm(steps), self.b_layernorm(b), self.c_layernorm(c)
        steps = nn.softplus(self.dt_proj(steps).astype(mx.float32))
        decay = mx.exp(-mx.exp(self.A_log.astype(mx.float32)) * steps[..., None])
        added = (steps * values)[..., None] * b[..., None, :].astype(mx.float32)
        state = None if cache is None else cache.arrays[1]
        states, state = linear_scan(decay, added, state)
        if cache is not None:
            cache.arrays[1] = state
        if last_only:
            states, c, gate, values = states[:, -1:], c[:, -1:], gate[:, -1:], values[:, -1:]
        y = (states @ c[..., None].astype(mx.float32))[..., 0] + self.D * values
        return self.out_proj(y.astype(x.dtype) * nn.silu(gate))
