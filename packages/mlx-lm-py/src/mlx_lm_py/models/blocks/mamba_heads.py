"""State spaces of heads whose keys, queries and steps are made of their values."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import StateCache
from mlx_lm_py.models import spec as specs

from .causal_conv import CausalConv
from .masks import Mask
from .norms import make_norm
from .ragged import EachSequence
from .scans import decay_scan

__all__ = ["MambaHeads"]


def __dir__() -> list[str]:
    return __all__


class MambaHeads(EachSequence):
    """A state of each head, which decays by a factor of what has been convolved.

    Args:
        spec: What it is like.
        dim: Number of features in and out.

    Example:
        >>> spec = specs.MambaHeads(2, 8, state=4, rank=6, taps=4, norm=specs.Norm(1e-6))
        >>> MambaHeads(spec, 16)(mx.ones((1, 5, 16))).shape
        (1, 5, 16)
    """

    def __init__(self, spec: specs.MambaHeads, dim: int) -> None:
        super().__init__()
        inner = spec.heads * spec.head_dim
        self.spec = spec
        # A gate and values of each head, one head after the other.
        self.in_proj: nn.Linear = nn.Linear(dim, 2 * inner, bias=False)
        self.conv1d: CausalConv = CausalConv(inner, spec.taps, bias=False)
        self.bcdt_proj: nn.Linear = nn.Linear(inner, 2 * spec.state + spec.rank, bias=False)
        self.b_norm: nn.Module = make_norm(spec.norm, spec.state)
        self.c_norm: nn.Module = make_norm(spec.norm, spec.state)
        self.dt_norm: nn.Module = make_norm(spec.norm, spec.rank)
        self.dt_proj: nn.Linear = nn.Linear(spec.rank, spec.heads, bias=False)
        self.dt_bias: mx.array = mx.ones((spec.heads,))
        self.A_log: mx.array = mx.zeros((spec.heads,))
        self.D: mx.array = mx.ones((spec.heads,))
        self.out_proj: nn.Linear = nn.Linear(inner, dim, bias=False)

    def _transform(
        self, last_only: bool, x: mx.array, mask: Mask, cache: StateCache | None
    ) -> mx.array:
        spec = self.spec
        heads = mx.unflatten(self.in_proj(x), -1, (spec.heads, 2, spec.head_dim))
        gate, mixed = heads[..., 0, :], heads[..., 1, :].flatten(-2)
        mixed = nn.silu(self.conv1d(mixed, cache))
        cuts = [spec.state, 2 * spec.state]
        keys, queries, steps = mx.split(self.bcdt_proj(mixed), cuts, axis=-1)
        keys, queries = self.b_norm(keys)[:, None], self.c_norm(queries)[:, None]
        steps = self.dt_proj(self.dt_norm(steps)).astype(mx.float32) + self.dt_bias
        steps = nn.softplus(steps).swapaxes(1, 2)
        values = mx.unflatten(mixed, -1, (spec.heads, -1)).swapaxes(1, 2).astype(mx.float32)
        decay = -mx.exp(self.A_log.astype(mx.float32))[:, None] * steps
        state = None if cache is None else cache.arrays[1]
        y, state = decay_scan(queries, keys, values * steps[..., None], decay, state)
        if cache is not None:
            cache.arrays[1] = state
        y = (y + self.D[:, None, None] * values).swapaxes(1, 2)
        if last_only:
            y, gate = y[:, -1:], gate[:, -1:]
        return self.out_proj((y.astype(x.dtype) * nn.silu(gate)).flatten(-2))
