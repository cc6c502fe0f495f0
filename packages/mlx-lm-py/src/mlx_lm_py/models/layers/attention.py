"""Attention."""

from __future__ import annotations

from typing import Literal, TypeAlias

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_lm_utils_py import initialize_rope

from mlx_lm_py.cache import AttentionCache

from .args import DecoderArgs
from .heads import join_heads, split_heads

__all__ = ["Attention", "Mask"]


def __dir__() -> list[str]:
    return __all__


Mask: TypeAlias = mx.array | Literal["causal"] | None


class Attention(nn.Module):
    """Grouped-query attention with rotary positions.

    Args:
        args: The configuration.
        bias: Whether the projections to queries, keys and values have biases. Default: ``False``.
        output_bias: Whether the projection of the output has one. Default: ``False``.
        qk_norm: Whether queries and keys are normalized, each head by itself, before they are
            rotated. Default: ``False``.
    """

    def __init__(
        self,
        args: DecoderArgs,
        *,
        bias: bool = False,
        output_bias: bool = False,
        qk_norm: bool = False,
    ) -> None:
        super().__init__()
        self.n_heads: int = args.num_attention_heads
        self.n_kv_heads: int = args.num_key_value_heads
        self.scale: float = args.head_dim**-0.5
        self.qk_norm = qk_norm
        dim, width = args.hidden_size, args.head_dim
        self.q_proj: nn.Linear = nn.Linear(dim, self.n_heads * width, bias=bias)
        self.k_proj: nn.Linear = nn.Linear(dim, self.n_kv_heads * width, bias=bias)
        self.v_proj: nn.Linear = nn.Linear(dim, self.n_kv_heads * width, bias=bias)
        self.o_proj: nn.Linear = nn.Linear(self.n_heads * width, dim, bias=output_bias)
        if qk_norm:
            self.q_norm: nn.RMSNorm = nn.RMSNorm(width, eps=args.rms_norm_eps)
            self.k_norm: nn.RMSNorm = nn.RMSNorm(width, eps=args.rms_norm_eps)
        self.rope: nn.Module = initialize_rope(
            width,
            args.rope_theta,
            args.rope_traditional,
            args.rope_scaling,
            args.max_position_embeddings,
        )

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: AttentionCache | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Attend within ``x`` of shape ``(batch, length, hidden_size)`` and to the cache.

        If ``last_only``, the last position alone attends.
        """
        asking = x[:, -1:] if last_only else x
        if last_only and isinstance(mask, mx.array):
            mask = mask[..., -1:, :]
        queries = split_heads(self.q_proj(asking), self.n_heads)
        keys = split_heads(self.k_proj(x), self.n_kv_heads)
        values = split_heads(self.v_proj(x), self.n_kv_heads)
        if self.qk_norm:
            queries, keys = self.q_norm(queries), self.k_norm(keys)
        offset = cache.offset if cache is not None else 0
        queries = self.rope(queries, offset=offset + keys.shape[2] - queries.shape[2])
        keys = self.rope(keys, offset=offset)
        if cache is not None:
            keys, values = cache.update_and_fetch(keys, values)
        output = mx.fast.scaled_dot_product_attention(
            queries, keys, values, scale=self.scale, mask=mask
        )
        return self.o_proj(join_heads(output))
