"""Multi-head latent attention (https://arxiv.org/abs/2405.04434)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import AttentionCache, CacheList, RaggedCache
from mlx_lm_py.cache.quantized import dequantized
from mlx_lm_py.models import spec as specs

from .attention import stretched
from .heads import join_heads, split_heads
from .indexer import Indexer
from .masks import Mask
from .norms import make_norm
from .positions import make_rope
from .ragged import last_positions, over_sequences
from .step import Step

__all__ = ["MultiHeadLatentAttention"]


def __dir__() -> list[str]:
    return __all__


class MultiHeadLatentAttention(nn.Module):
    """Attention to keys and values that are kept compressed, as one head of latents.

    A step of one token attends to the latents themselves: what makes keys of them goes to the
    query, and what makes values of them to the answer, so that no key or value is made again.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Mla, dim: int) -> None:
        super().__init__()
        self.n_heads: int = spec.heads
        self.kv_rank: int = spec.kv_rank
        self.nope_dim: int = spec.nope_dim
        self.value_dim: int = spec.value_dim
        width = spec.nope_dim + spec.rope_dim
        self.scale: float = width**-0.5 if spec.scale is None else spec.scale
        if spec.q_rank is None:
            self.q_proj: nn.Linear = nn.Linear(dim, spec.heads * width, bias=False)
        else:
            self.q_a_proj: nn.Linear = nn.Linear(dim, spec.q_rank, bias=spec.bias)
            self.q_a_layernorm: nn.Module = make_norm(spec.norm, spec.q_rank)
            self.q_b_proj: nn.Linear = nn.Linear(spec.q_rank, spec.heads * width, bias=False)
        self.kv_a_proj_with_mqa: nn.Linear = nn.Linear(
            dim, spec.kv_rank + spec.rope_dim, bias=spec.bias
        )
        self.kv_a_layernorm: nn.Module = make_norm(spec.norm, spec.kv_rank)
        self.kv_b_proj: nn.Linear = nn.Linear(
            spec.kv_rank, spec.heads * (spec.nope_dim + spec.value_dim), bias=False
        )
        self.o_proj: nn.Linear = nn.Linear(spec.heads * spec.value_dim, dim, bias=spec.bias)
        self.rope: nn.Module | None = None if spec.rope is None else make_rope(spec.rope)
        self.stretch: specs.Stretch | None = spec.stretch
        self.scales: tuple[float, float] = spec.scales
        if spec.gate is not None:
            gates = spec.heads * (spec.value_dim if spec.gate == "feature" else 1)
            self.gate_proj: nn.Linear = nn.Linear(dim, gates, bias=False)
        self.chooses: bool = spec.index is not None
        if spec.index is not None and not spec.index.borrowed:
            assert spec.q_rank is not None
            self.indexer: Indexer = Indexer(spec.index, dim, spec.q_rank)

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: AttentionCache | RaggedCache | None = None,
        *,
        last_only: bool = False,
        step: Step | None = None,
    ) -> mx.array:
        """Attend within ``x`` of shape ``(batch, length, dim)`` and to the cache.

        If ``last_only``, the last position of each sequence alone attends. ``step`` is where the
        choice of keys is left for later layers.
        """
        asking = last_positions(x, cache) if last_only else x
        if "q_proj" in self:
            queries = self.q_proj(asking)
        else:
            queries = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(asking)))
        queries = split_heads(queries, self.n_heads)
        latents, rotated = mx.split(self.kv_a_proj_with_mqa(x), [self.kv_rank], axis=-1)
        latents = self.kv_a_layernorm(latents)[:, None]
        if self.scales != (1.0, 1.0):
            queries, latents = queries * self.scales[0], latents * self.scales[1]
        arrays: tuple[mx.array, ...] = (queries, latents, rotated[:, None])
        earlier: Iterator[mx.array | None] = iter(())
        if "indexer" in self:
            arrays += self.indexer.parts(x, self.q_a_layernorm(self.q_a_proj(x)))
        elif self.chooses and step is not None:
            earlier = iter(step.chosen)
        found: list[mx.array | None] = []
        output = over_sequences(
            partial(self._attend, earlier, found), arrays, mask, cache, axis=2, last_only=last_only
        )
        if "indexer" in self and step is not None:
            step.chosen = found
        if "gate_proj" in self:
            output = output * split_heads(mx.sigmoid(self.gate_proj(asking)), self.n_heads)
        return self.o_proj(join_heads(output))

    def _attend(
        self,
        earlier: Iterator[mx.array | None],
        found: list[mx.array | None],
        queries: mx.array,
        latents: mx.array,
        rotated: mx.array,
        *rest: Any,
    ) -> mx.array:
        """Attend to the latents of one sequence.

        ``rest`` is what the keys are chosen by, if they are, the mask, and the cache.
        """
        *by, mask, cache = rest
        if isinstance(cache, CacheList):
            cache, keys_to_choose = cache.caches
        else:
            keys_to_choose = None
        if by:
            queries_by, keys_by, weights_by = by
            found.append(self.indexer.choose(queries_by, keys_by, weights_by, mask, keys_to_choose))
        chosen = found[-1] if by else next(earlier, None)
        plain, turned, latents, rotated = self._positioned(queries, latents, rotated, cache)
        asking = queries.shape[2]
        if chosen is not None:
            mask = chosen
        if isinstance(mask, mx.array) and asking < mask.shape[-2]:
            mask = mask[..., -asking:, :]
        if asking == 1:
            return self._of_latents(plain, turned, latents, rotated, mask)
        return self._of_heads(plain, turned, latents, rotated, mask)

    def _positioned(
        self,
        queries: mx.array,
        latents: mx.array,
        rotated: mx.array,
        cache: AttentionCache | None,
    ) -> tuple[mx.array, mx.array, mx.array, mx.array]:
        """Both parts of queries with positions, and all latents and keys with positions."""
        length, asking = latents.shape[2], queries.shape[2]
        offset = cache.offset if cache is not None else 0
        plain, turned = mx.split(queries, [self.nope_dim], axis=-1)
        if self.rope is not None:
            rotated = self.rope(rotated, offset=offset)
            turned = self.rope(turned, offset=offset + length - asking)
        if self.stretch is not None:
            plain, turned = (
                stretched(part, offset + length, self.stretch) for part in (plain, turned)
            )
        if cache is not None:
            latents, rotated = dequantized(cache, *cache.update_and_fetch(latents, rotated))
        return plain, turned, latents, rotated

    def _of_heads(
        self, plain: mx.array, turned: mx.array, latents: mx.array, rotated: mx.array, mask: Mask
    ) -> mx.array:
        """Attention to keys and values of each head, made from the latents."""
        made = split_heads(self.kv_b_proj(latents[:, 0]), self.n_heads)
        keys, values = mx.split(made, [self.nope_dim], axis=-1)
        shape = (*keys.shape[:-1], rotated.shape[-1])
        keys = mx.concatenate([keys, mx.broadcast_to(rotated, shape)], axis=-1)
        queries = mx.concatenate([plain, turned], axis=-1)
        return mx.fast.scaled_dot_product_attention(
            queries, keys, values, scale=self.scale, mask=mask
        )

    def _of_latents(
        self, plain: mx.array, turned: mx.array, latents: mx.array, rotated: mx.array, mask: Mask
    ) -> mx.array:
        """Attention of one position to the latents, as one head of keys and values."""
        queries = mx.concatenate([self._per_head(plain, keys=True), turned], axis=-1)
        keys = mx.concatenate([latents, rotated], axis=-1)
        attended = mx.fast.scaled_dot_product_attention(
            queries, keys, latents, scale=self.scale, mask=mask
        )
        return self._per_head(attended, keys=False)

    def _per_head(self, x: mx.array, *, keys: bool) -> mx.array:
        """Multiply each head by its part of ``kv_b_proj``: towards latents, or from them."""
        layer = self.kv_b_proj
        rows = slice(None, self.nope_dim) if keys else slice(self.nope_dim, None)

        def part(name: str) -> mx.array | None:
            array = layer.get(name)
            return None if array is None else mx.unflatten(array, 0, (self.n_heads, -1))[:, rows]

        weight, scales = part("weight"), part("scales")
        assert weight is not None
        # Heads are the batch, and sequences the rows.
        x = x[:, :, 0].swapaxes(0, 1)
        if scales is None:
            y = x @ (weight if keys else weight.swapaxes(-1, -2))
        else:
            y = mx.quantized_matmul(
                x,
                weight,
                scales,
                part("biases"),
                transpose=not keys,
                group_size=layer.group_size,
                bits=layer.bits,
                mode=layer.mode,
            )
        return y.swapaxes(0, 1)[:, :, None]
