"""Mamba-2 (https://arxiv.org/abs/2405.21060)."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import StateCache
from mlx_lm_py.models import spec as specs

from .causal_conv import CausalConv
from .gated_norm import GatedNorm
from .masks import Mask
from .ragged import EachSequence
from .scans import decay_scan

__all__ = ["Mamba2"]


def __dir__() -> list[str]:
    return __all__


class Mamba2(EachSequence):
    """A state of each head, which decays by a factor of the input.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Mamba2, dim: int) -> None:
        super().__init__()
        inner, bc = spec.heads * spec.head_dim, spec.groups * spec.state
        self.spec = spec
        self.cuts: list[int] = [inner, 2 * inner + 2 * bc]
        self.in_proj: nn.Linear = nn.Linear(dim, 2 * (inner + bc) + spec.heads, bias=spec.bias)
        self.conv1d: CausalConv = CausalConv(inner + 2 * bc, spec.taps, spec.conv_bias)
        self.dt_bias: mx.array = mx.ones((spec.heads,))
        self.A_log: mx.array = mx.zeros((spec.heads,))
        self.D: mx.array = mx.ones((spec.heads,))
        if spec.norm is not None:
            self.norm: GatedNorm = GatedNorm(
                inner, spec.norm.eps, spec.norm_groups, gate_first=spec.gate_first
            )
        self.out_proj: nn.Linear = nn.Linear(inner, dim, bias=spec.bias)

    def _transform(
        self, last_only: bool, x: mx.array, mask: Mask, cache: StateCache | None
    ) -> mx.array:
        spec = self.spec
        projected = self.in_proj(x)
        if spec.multipliers is not None:
            projected = projected * self._multipliers().astype(x.dtype)
        gate, mixed, dt = mx.split(projected, self.cuts, axis=-1)
        mixed = nn.silu(self.conv1d(mixed, cache))
        inner, bc = spec.heads * spec.head_dim, spec.groups * spec.state
        values, keys, queries = mx.split(mixed, [inner, inner + bc], axis=-1)
        values = mx.unflatten(values, -1, (spec.heads, -1)).swapaxes(1, 2).astype(mx.float32)
        keys, queries = (
            mx.unflatten(part, -1, (spec.groups, -1)).swapaxes(1, 2) for part in (keys, queries)
        )
        steps = nn.softplus(dt.astype(mx.float32) + self.dt_bias).swapaxes(1, 2)
        steps = mx.clip(steps, *spec.step_limits)
        decay = -mx.exp(self.A_log.astype(mx.float32))[:, None] * steps
        state = None if cache is None else cache.arrays[1]
        y, state = decay_scan(queries, keys, values * steps[..., None], decay, state)
        if cache is not None:
            cache.arrays[1] = state
        y = (y + self.D[:, None, None] * values).swapaxes(1, 2).flatten(-2)
        if last_only:
            y, gate = y[:, -1:], gate[:, -1:]
        y = self.norm(y, gate) if "norm" in self else y.astype(x.dtype) * nn.silu(gate)
        return self.out_proj(y)

    def _multipliers(self) -> mx.array:
        spec = self.spec
        inner, bc = spec.heads * spec.head_dim, spec.groups * spec.state
        sizes = (inner, inner, bc, bc, spec.heads)
        assert spec.multipliers is not None
        return mx.concatenate(
            [mx.full((size,), by) for size, by in zip(sizes, spec.multipliers, strict=True)]
        )
