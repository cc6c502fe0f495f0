"""Linear attention whose heads fade (https://arxiv.org/abs/2307.14995)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import repeat

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import RaggedCache, StateCache
from mlx_lm_py.models import spec as specs

from .gated_norm import GatedNorm
from .heads import split_heads
from .masks import Mask
from .norms import make_norm
from .positions import make_rope
from .ragged import over_sequences
from .scans import decay_scan
from .step import Step

__all__ = ["DecayAttention"]


def __dir__() -> list[str]:
    return __all__


class DecayAttention(nn.Module):
    """A state of each head, which fades at the head's own rate, asked by queries.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Decay, dim: int) -> None:
        super().__init__()
        inner = spec.heads * spec.head_dim
        self.spec = spec
        self.qkv_proj: nn.Linear = nn.Linear(dim, 3 * inner, bias=spec.qkv_bias)
        self.o_proj: nn.Linear = nn.Linear(inner, dim, bias=False)
        self.g_proj: nn.Linear = nn.Linear(dim, inner, bias=False)
        self.norm: GatedNorm = GatedNorm(inner, spec.norm.eps, spec.norm_groups, act="sigmoid")
        if spec.qk_norm is not None:
            self.q_norm: nn.Module = make_norm(spec.qk_norm, spec.head_dim)
            self.k_norm: nn.Module = make_norm(spec.qk_norm, spec.head_dim)
        self.rope: nn.Module = make_rope(spec.rope)

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: StateCache | RaggedCache | None = None,
        *,
        last_only: bool = False,
        step: Step | None = None,
    ) -> mx.array:
        """Transform ``x`` of shape ``(batch, length, dim)`` after what the cache holds.

        If ``last_only``, only what becomes of the last position of each sequence is returned.
        ``step`` says how many positions there were before.
        """
        offsets = repeat(0) if step is None else iter(step.offsets)
        return over_sequences(
            partial(self._transform, offsets, last_only), (x,), mask, cache, axis=1
        )

    def _transform(
        self,
        offsets: Iterator[int],
        last_only: bool,
        x: mx.array,
        mask: Mask,
        cache: StateCache | None,
    ) -> mx.array:
        spec, offset = self.spec, next(offsets)
        parts = mx.split(self.qkv_proj(x), 3, axis=-1)
        queries, keys, values = (split_heads(part, spec.heads) for part in parts)
        if "q_norm" in self:
            queries, keys = self.q_norm(queries), self.k_norm(keys)
        queries, keys = self.rope(queries, offset=offset), self.rope(keys, offset=offset)
        decay = -mx.array(spec.slopes)[:, None] * mx.ones((x.shape[0], 1, x.shape[1]))
        state = None if cache is None else cache.arrays[0]
        y, state = decay_scan(queries * spec.head_dim**-0.5, keys, values, decay, state)
        if cache is not None:
            cache.arrays[0] = state
        y = y.swapaxes(1, 2).flatten(-2)
        if last_only:
            x, y = x[:, -1:], y[:, -1:]
        return self.o_proj(self.norm(y, self.g_proj(x)))
