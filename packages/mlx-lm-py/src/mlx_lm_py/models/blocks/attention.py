"""Attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import AttentionCache, RaggedCache
from mlx_lm_py.models import spec as specs

from .activations import activation
from .attend import update_and_attend
from .heads import join_heads, split_heads
from .masks import Mask
from .norms import make_norm
from .positions import make_rope
from .ragged import last_positions, over_sequences

__all__ = ["Attention", "stretched"]


def __dir__() -> list[str]:
    return __all__


class Attention(nn.Module):
    """Grouped-query attention.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Attention, dim: int) -> None:
        super().__init__()
        width, value = spec.head_dim, spec.value_dim or spec.head_dim
        self.n_heads: int = spec.heads
        self.n_kv_heads: int = spec.kv_heads
        self.scale: float = width**-0.5 if spec.scale is None else spec.scale
        self.window: int | None = spec.window
        self.chunk: int | None = spec.chunk
        self.softcap: float | None = spec.softcap
        self.clip: float | None = spec.clip
        self.q_proj: nn.Linear = nn.Linear(dim, spec.heads * width, bias=spec.qkv_bias)
        self.k_proj: nn.Linear = nn.Linear(dim, spec.kv_heads * width, bias=spec.qkv_bias)
        self.v_proj: nn.Linear = nn.Linear(dim, spec.kv_heads * value, bias=spec.qkv_bias)
        self.o_proj: nn.Linear = nn.Linear(spec.heads * value, dim, bias=spec.out_bias)
        self.stretch: specs.Stretch | None = spec.stretch
        self.scales: tuple[float, float] = (spec.key_scale, spec.value_scale)
        if spec.gate is not None:
            gates = spec.heads * (value if spec.gate == "feature" else 1)
            self.gate_proj: nn.Linear = nn.Linear(dim, gates, bias=False)
            self.gate_act: Callable[[mx.array], mx.array] = activation(spec.gate_act)
        if spec.out_norm is not None:
            self.attn_sub_norm: nn.Module = make_norm(spec.out_norm, spec.heads * value)
        if spec.sinks:
            self.sinks: mx.array = mx.zeros((spec.heads,))
        self.norm_at: Literal["head", "all", "rotated"] | None = None
        if spec.qk_norm is not None:
            over_all = spec.qk_norm_over == "all"
            self.norm_at = "all" if over_all else "rotated" if spec.norm_after_rope else "head"
            sizes = (spec.heads * width, spec.kv_heads * width) if over_all else (width, width)
            self.q_norm: nn.Module = make_norm(spec.qk_norm, sizes[0])
            self.k_norm: nn.Module = make_norm(spec.qk_norm, sizes[1])
        self.rope: nn.Module | None = None
        if spec.rope is not None:
            self.rope = make_rope(spec.rope)

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: AttentionCache | RaggedCache | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Attend within ``x`` of shape ``(batch, length, dim)`` and to the cache.

        ``mask`` is over the keys that `mask_of` speaks of; a ragged batch has its own. If
        ``last_only``, the last position of each sequence alone attends.
        """
        asking = last_positions(x, cache) if last_only else x
        queries, keys, values = self.q_proj(asking), self.k_proj(x), self.v_proj(x)
        if self.scales != (1.0, 1.0):
            keys, values = keys * self.scales[0], values * self.scales[1]
        if self.norm_at == "all":
            queries, keys = self.q_norm(queries), self.k_norm(keys)
        if self.clip is not None:
            queries, keys, values = (
                mx.clip(part, -self.clip, self.clip) for part in (queries, keys, values)
            )
        queries = split_heads(queries, self.n_heads)
        keys = split_heads(keys, self.n_kv_heads)
        values = split_heads(values, self.n_kv_heads)
        if self.norm_at == "head":
            queries, keys = self.q_norm(queries), self.k_norm(keys)
        output = over_sequences(
            self._attend,
            (queries, keys, values),
            mask,
            cache,
            window=self.window,
            chunk=self.chunk,
            axis=2,
            last_only=last_only,
        )
        output = join_heads(output)
        if "gate_proj" in self:
            gate = self.gate_act(self.gate_proj(asking))
            gate = mx.unflatten(gate, -1, (self.n_heads, -1))
            output = (mx.unflatten(output, -1, (self.n_heads, -1)) * gate).flatten(-2)
        if "attn_sub_norm" in self:
            output = self.attn_sub_norm(output)
        return self.o_proj(output)

    def _attend(
        self,
        queries: mx.array,
        keys: mx.array,
        values: mx.array,
        mask: Mask,
        cache: AttentionCache | None,
    ) -> mx.array:
        """Attend to the keys of one sequence: positions, cache, window, scores."""
        length = keys.shape[2]
        offset = cache.offset if cache is not None else 0
        if queries.shape[2] < length and isinstance(mask, mx.array):
            mask = mask[..., -queries.shape[2] :, :]
        if self.rope is not None:
            queries = self.rope(queries, offset=offset + length - queries.shape[2])
            keys = self.rope(keys, offset=offset)
        if self.norm_at == "rotated":
            queries, keys = self.q_norm(queries), self.k_norm(keys)
        if self.stretch is not None:
            queries = stretched(queries, offset + length, self.stretch)
        return update_and_attend(
            queries,
            keys,
            values,
            cache,
            mask,
            scale=self.scale,
            window=self.window,
            softcap=self.softcap,
            sinks=self.get("sinks"),
        )


def stretched(queries: mx.array, end: int, stretch: specs.Stretch) -> mx.array:
    """Let queries grow with the logarithm of their position.

    Args:
        queries: Shape ``(batch, heads, length, width)``.
        end: The number of positions up to the last of them.
        stretch: How.

    Returns:
        The queries.
    """
    at = mx.arange(end - queries.shape[2], end)[:, None] + stretch.first
    growth = 1 + stretch.share * mx.log1p(mx.floor(at / stretch.length))
    return queries * growth.astype(queries.dtype)
