"""Attention and a state space side by side (https://arxiv.org/abs/2507.22448)."""

from __future__ import annotations

import mlx_core_py as mx

from mlx_lm_py.cache import CacheList
from mlx_lm_py.models import spec as specs

from .attention import Attention
from .mamba2 import Mamba2
from .masks import Mask
from .ragged import EachSequence

__all__ = ["ParallelMixers"]


def __dir__() -> list[str]:
    return __all__


class ParallelMixers(EachSequence):
    """Attention and a state space of the same input, added.

    Args:
        spec: What they are like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Parallel, dim: int) -> None:
        super().__init__()
        self.self_attn: Attention = Attention(spec.attention, dim)
        self.mamba: Mamba2 = Mamba2(spec.states, dim)
        self.scales_in: tuple[float, float] = spec.scales_in
        self.scales_out: tuple[float, float] = spec.scales_out

    def _transform(
        self, last_only: bool, x: mx.array, mask: Mask, cache: CacheList | None
    ) -> mx.array:
        keys, states = (None, None) if cache is None else cache.caches
        (to_attention, to_states), (by_attention, by_states) = self.scales_in, self.scales_out
        attended = self.self_attn(x * to_attention, mask, keys, last_only=last_only)
        kept = self.mamba(x * to_states, mask, states, last_only=last_only)
        return attended * by_attention + kept * by_states
