"""Attention to a window of positions, and to chosen sums of groups of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import ArraysCache, CacheList
from mlx_lm_py.cache.quantized import dequantized
from mlx_lm_py.models import spec as specs

from .experts import SwitchLinear
from .group_index import GroupIndex
from .heads import split_heads
from .indexer import seen_of
from .masks import Mask
from .norms import make_norm
from .positions import make_rope, paced_rope
from .ragged import last_positions, over_sequences
from .rounding import rounded_to_fp4, rounded_to_fp8
from .step import Groups, Step

__all__ = ["CompressedAttention"]


def __dir__() -> list[str]:
    return __all__


# The places of what is kept of groups: their sums, what they are chosen by, and of the group that
# is not full yet what is summed up, and the gates of that.
_SUMS, _KEYS, _OPEN, _GATES = range(4)


def _behind(held: mx.array | None, new: mx.array) -> mx.array:
    return new if held is None else mx.concatenate([held, new], axis=1)


class Compressor(nn.Module):
    """One vector for each group of positions, a weighted sum of what is made of them.

    Args:
        spec: What it is like.
        dim: Number of features in.
    """

    def __init__(self, spec: specs.Compressed, dim: int) -> None:
        super().__init__()
        self.ratio: int = spec.ratio
        self.kv_proj: nn.Linear = nn.Linear(dim, spec.head_dim, bias=False)
        if spec.ratio > 1:
            self.gate_proj: nn.Linear = nn.Linear(dim, spec.head_dim, bias=False)
        self.kv_norm: nn.Module = make_norm(spec.norm, spec.head_dim)

    def __call__(self, x: mx.array, cache: ArraysCache | None) -> mx.array:
        """The groups that ``x`` of shape ``(batch, length, dim)`` fills, perhaps none."""
        if self.ratio == 1:
            each: mx.array = self.kv_norm(self.kv_proj(x))
            return each
        # What is waiting for the rest of its group would be rounded before it is summed up.
        h = x.astype(mx.float32)
        held = (None, None) if cache is None else (cache[_OPEN], cache[_GATES])
        parts = _behind(held[0], self.kv_proj(h)), _behind(held[1], self.gate_proj(h))
        full = parts[0].shape[1] // self.ratio * self.ratio
        if cache is not None:
            cache[_OPEN], cache[_GATES] = (part[:, full:] for part in parts)
        made, gates = (mx.unflatten(part[:, :full], 1, (-1, self.ratio)) for part in parts)
        summed = (made * mx.softmax(gates, axis=2)).sum(axis=2)
        sums: mx.array = self.kv_norm(summed.astype(x.dtype))
        return sums


class CompressedAttention(nn.Module):
    """Attention to one vector for each position, and to groups of them.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Compressed, dim: int) -> None:
        super().__init__()
        self.spec = spec
        width = spec.heads * spec.head_dim
        self.q_a_proj: nn.Linear = nn.Linear(dim, spec.q_rank, bias=False)
        self.q_a_norm: nn.Module = make_norm(spec.norm, spec.q_rank)
        self.q_b_proj: nn.Linear = nn.Linear(spec.q_rank, width, bias=False)
        self.kv_proj: nn.Linear = nn.Linear(dim, spec.head_dim, bias=False)
        self.kv_norm: nn.Module = make_norm(spec.norm, spec.head_dim)
        groups = spec.out_groups
        self.o_a_proj: SwitchLinear = SwitchLinear(groups, width // groups, spec.out_rank)
        self.o_b_proj: nn.Linear = nn.Linear(groups * spec.out_rank, dim, bias=False)
        self.sinks: mx.array = mx.zeros((spec.heads,))
        self.rope: nn.Module = make_rope(spec.rope)
        self.rope_back: nn.Module = paced_rope(spec.rope, -1)
        if spec.sums:
            self.compressor: Compressor = Compressor(spec, dim)
            self.rope_of_groups: nn.Module = paced_rope(spec.rope, spec.ratio)
        if spec.choice is not None:
            self.indexer: GroupIndex = GroupIndex(spec, spec.choice, dim)

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: Any = None,
        *,
        last_only: bool = False,
        step: Step | None = None,
    ) -> mx.array:
        """Attend within ``x`` of shape ``(batch, length, dim)`` and to the cache.

        If ``last_only``, the last position of each sequence alone attends. ``step`` is where groups
        and the choice of them are left for later layers.
        """
        narrow = self.q_a_norm(self.q_a_proj(x))
        asking = last_positions(narrow, cache) if last_only else narrow
        queries = split_heads(self.q_b_proj(asking), self.spec.heads)
        arrays: tuple[mx.array, ...] = (queries, self.kv_norm(self.kv_proj(x))[:, None])
        if self.spec.sums:
            arrays += (x[:, None],)
        if "indexer" in self:
            arrays += self.indexer.parts(x, narrow)
        earlier = iter(step.groups if step is not None else [])
        found: list[Groups] = []
        attended = over_sequences(
            partial(self._attend, earlier, found),
            arrays,
            mask,
            cache,
            window=self.spec.window,
            axis=2,
            last_only=last_only,
        )
        if step is not None and self.spec.ratio:
            step.groups = found
        return self._joined(attended)

    def _joined(self, attended: mx.array) -> mx.array:
        """Project the heads of each group, and these together."""
        batch, _, length, _ = attended.shape
        groups = self.spec.out_groups
        heads = mx.unflatten(attended, 1, (groups, -1)).swapaxes(2, 3).flatten(3)
        made = self.o_a_proj(heads, mx.arange(groups)[None])
        return self.o_b_proj(made.swapaxes(1, 2).reshape(batch, length, -1))

    def _attend(
        self,
        earlier: Iterator[Groups],
        found: list[Groups],
        queries: mx.array,
        latents: mx.array,
        *rest: Any,
    ) -> mx.array:
        """Attend to what there is of one sequence.

        ``rest`` is what groups are made of and chosen by, if they are, the mask, and the cache.
        """
        *by, mask, cache = rest
        states: ArraysCache | None = None
        if isinstance(cache, CacheList):
            cache, states = cache.caches
        offset = 0 if cache is None else cache.offset
        asking = queries.shape[2]
        start = offset + latents.shape[2] - asking
        queries = self._turned(queries, self.rope, start)
        held = rounded_to_fp8(self._turned(latents, self.rope, offset))
        if cache is not None:
            # Halves of what is key and value in one are kept as keys and values.
            halves = cache.update_and_fetch(*mx.split(held, 2, axis=-1))
            held = mx.concatenate(dequantized(cache, *halves), axis=-1)
        if isinstance(mask, mx.array) and asking < mask.shape[-2]:
            mask = mask[..., -asking:, :]
        groups = next(earlier, Groups())
        if self.spec.sums:
            x, *by = by
            groups = self._with_sums(x[:, 0], groups, states)
        if by:
            queries_by, weights_by = by
            groups = self.indexer.choose(queries_by, weights_by, groups, start, asking)
        found.append(groups)
        if self.spec.ratio and groups.sums is not None and groups.chosen is not None:
            seen = seen_of(mask, asking, held.shape[2])
            if seen is None:
                seen = mx.ones((asking, held.shape[2]), mx.bool_)
            chosen = groups.chosen[..., -asking:, :]
            seen = mx.broadcast_to(seen, (*chosen.shape[:-1], held.shape[2]))
            mask = mx.concatenate([seen, chosen], axis=-1)
            held = mx.concatenate([held, groups.sums[:, None]], axis=2)
        # Scores of vectors as wide as these are not rounded.
        keys = held.astype(mx.float32)
        attended: mx.array = mx.fast.scaled_dot_product_attention(
            queries.astype(mx.float32),
            keys,
            keys,
            scale=self.spec.head_dim**-0.5,
            mask=mask,
            sinks=self.sinks.astype(mx.float32),
        )
        return self._turned(attended.astype(queries.dtype), self.rope_back, start)

    def _turned(self, x: mx.array, rope: nn.Module, offset: int) -> mx.array:
        """Rotate the last dimensions."""
        plain, turned = mx.split(x, [x.shape[-1] - self.spec.rope_dim], axis=-1)
        turned = rope(turned.astype(mx.float32), offset=offset).astype(x.dtype)
        return mx.concatenate([plain, turned], axis=-1)

    def _with_sums(self, x: mx.array, groups: Groups, cache: ArraysCache | None) -> Groups:
        """Add to the groups those that new positions fill, and what they are chosen by."""
        made = self.compressor(x, cache)
        held = None if cache is None else cache[_SUMS]
        first = 0 if held is None else held.shape[1]
        turned = self._turned(made[:, None], self.rope_of_groups, first)[:, 0]
        sums = _behind(held, rounded_to_fp4(turned, 16, fine=True))
        keys = groups.keys
        if "indexer" in self:
            new = self._turned(self.indexer.keys_of(made)[:, None], self.rope_of_groups, first)[
                :, 0
            ]
            keys = _behind(None if cache is None else cache[_KEYS], rounded_to_fp4(new))
        if cache is not None:
            cache[_SUMS] = sums
            if "indexer" in self:
                cache[_KEYS] = keys
        return Groups(sums, keys, groups.chosen, groups.candidates)
