"""Values behind a gate of queries and keys, which see few positions."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import StateCache
from mlx_lm_py.models import spec as specs

from .causal_conv import CausalConv
from .masks import Mask
from .norms import make_norm
from .ragged import EachSequence

__all__ = ["ConvGate"]


def __dir__() -> list[str]:
    return __all__


class ConvGate(EachSequence):
    """Convolved values, each let through as far as the query and the convolved key agree there.

    Args:
        spec: What it is like.
        dim: Number of features in and out.

    Example:
        >>> spec = specs.ConvGate(4, 2, 8, taps=3, norm=specs.Norm(1e-5))
        >>> ConvGate(spec, 16)(mx.ones((1, 5, 16))).shape
        (1, 5, 16)
    """

    def __init__(self, spec: specs.ConvGate, dim: int) -> None:
        super().__init__()
        inner, shared = spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim
        self.spec = spec
        self.q_proj: nn.Linear = nn.Linear(dim, inner, bias=spec.bias)
        self.k_proj: nn.Linear = nn.Linear(dim, shared, bias=spec.bias)
        self.v_proj: nn.Linear = nn.Linear(dim, shared, bias=spec.bias)
        self.o_proj: nn.Linear = nn.Linear(inner, dim, bias=spec.bias)
        self.q_norm: nn.Module = make_norm(spec.norm, spec.head_dim)
        self.k_norm: nn.Module = make_norm(spec.norm, spec.head_dim)
        # Of keys and values, one beside the other.
        self.conv1d: CausalConv = CausalConv(2 * shared, spec.taps, spec.bias)

    def _transform(
        self, last_only: bool, x: mx.array, mask: Mask, cache: StateCache | None
    ) -> mx.array:
        spec = self.spec
        keys = self.k_norm(mx.unflatten(self.k_proj(x), -1, (spec.kv_heads, -1))).flatten(-2)
        mixed = self.conv1d(mx.concatenate([keys, self.v_proj(x)], axis=-1), cache)
        if last_only:
            x, mixed = x[:, -1:], mixed[:, -1:]
        queries = self.q_norm(mx.unflatten(self.q_proj(x), -1, (spec.heads, -1)))
        keys, values = (
            mx.repeat(mx.unflatten(part, -1, (spec.kv_heads, -1)), spec.heads // spec.kv_heads, 2)
            for part in mx.split(mixed, 2, axis=-1)
        )
        return self.o_proj((mx.sigmoid(queries * keys) * values).flatten(-2))
