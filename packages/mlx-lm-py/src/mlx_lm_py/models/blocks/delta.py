"""Gated delta networks (https://arxiv.org/abs/2412.06464)."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import StateCache
from mlx_lm_py.models import spec as specs

from .causal_conv import CausalConv
from .gated_norm import GatedNorm
from .masks import Mask
from .ragged import EachSequence
from .scans import delta_scan

__all__ = ["GatedDelta"]


def __dir__() -> list[str]:
    return __all__


class GatedDelta(EachSequence):
    """A state of each head, which decays, and which is corrected by what comes in.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Delta, dim: int) -> None:
        super().__init__()
        keys, values = spec.key_heads * spec.key_dim, spec.value_heads * spec.value_dim
        self.spec = spec
        self.cuts: list[int] = [keys, 2 * keys]
        self.in_proj_qkv: nn.Linear = nn.Linear(dim, 2 * keys + values, bias=False)
        self.in_proj_b: nn.Linear = nn.Linear(dim, spec.value_heads, bias=False)
        decays = spec.value_heads
        if spec.rank:
            decays *= spec.key_dim
            self.f_a_proj: nn.Linear = nn.Linear(dim, spec.rank, bias=False)
            self.f_b_proj: nn.Linear = nn.Linear(spec.rank, decays, bias=False)
        else:
            decays *= spec.key_dim if spec.rows else 1
            self.in_proj_a: nn.Linear = nn.Linear(dim, decays, bias=False)
        if spec.rank and not spec.whole_gate:
            self.g_a_proj: nn.Linear = nn.Linear(dim, spec.rank, bias=False)
            self.g_b_proj: nn.Linear = nn.Linear(spec.rank, values, bias=False)
        else:
            self.in_proj_z: nn.Linear = nn.Linear(dim, values, bias=False)
        self.dt_bias: mx.array = mx.ones((decays,))
        self.A_log: mx.array = mx.zeros((spec.value_heads,))
        self.conv1d: CausalConv = CausalConv(2 * keys + values, spec.taps, bias=False)
        self.norm: GatedNorm = GatedNorm(spec.value_dim, spec.norm.eps, act=spec.gate_act)
        self.out_proj: nn.Linear = nn.Linear(values, dim, bias=False)

    def _transform(
        self, last_only: bool, x: mx.array, mask: Mask, cache: StateCache | None
    ) -> mx.array:
        spec = self.spec
        mixed = nn.silu(self.conv1d(self.in_proj_qkv(x), cache))
        queries, keys, values = mx.split(mixed, self.cuts, axis=-1)
        queries, keys = (
            _unit(mx.unflatten(part, -1, (spec.key_heads, -1)).astype(mx.float32)).swapaxes(1, 2)
            for part in (queries, keys)
        )
        share = spec.value_heads // spec.key_heads
        queries, keys = (mx.repeat(part, share, axis=1) for part in (queries, keys))
        values = mx.unflatten(values, -1, (spec.value_heads, -1)).swapaxes(1, 2)
        beta = spec.beta * mx.sigmoid(self.in_proj_b(x).astype(mx.float32)).swapaxes(1, 2)
        state = None if cache is None else cache.arrays[1]
        y, state = delta_scan(
            queries * spec.key_dim**-0.5, keys, values, self._log_decay(x), beta, state
        )
        if cache is not None:
            cache.arrays[1] = state
        y = y.swapaxes(1, 2)
        if last_only:
            x, y = x[:, -1:], y[:, -1:]
        gate = self.in_proj_z(x) if "in_proj_z" in self else self.g_b_proj(self.g_a_proj(x))
        gate = mx.unflatten(gate, -1, (spec.value_heads, -1))
        return self.out_proj(self.norm(y, gate).flatten(-2))

    def _log_decay(self, x: mx.array) -> mx.array:
        """The logarithm of what is left, of shape ``(batch, heads, length, 1 or key_dim)``."""
        raw = self.f_b_proj(self.f_a_proj(x)) if self.spec.rank else self.in_proj_a(x)
        raw = raw.astype(mx.float32) + self.dt_bias
        rate = mx.exp(self.A_log.astype(mx.float32))[:, None, None]
        if self.spec.floor:
            raw = mx.unflatten(raw, -1, (self.spec.value_heads, -1)).swapaxes(1, 2)
            return self.spec.floor * mx.sigmoid(rate * raw)
        raw = mx.unflatten(nn.softplus(raw), -1, (self.spec.value_heads, -1)).swapaxes(1, 2)
        return -rate * raw


def _unit(x: mx.array) -> mx.array:
    """Vectors of length one."""
    return x * mx.rsqrt((x * x).sum(axis=-1, keepdims=True) + 1e-6)
