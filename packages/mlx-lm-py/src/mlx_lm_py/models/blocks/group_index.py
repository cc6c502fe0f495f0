"""The choice of groups of positions that are attended to."""

from __future__ import annotations

import dataclasses

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.models import spec as specs

from .heads import split_heads
from .norms import make_norm
from .positions import make_rope
from .rounding import rounded_to_fp4
from .step import Groups

__all__ = ["GroupIndex"]


def __dir__() -> list[str]:
    return __all__


class GroupIndex(nn.Module):
    """Heads of narrow queries and one key for each group, whose products say which groups count.

    Args:
        spec: What the attention is like.
        choice: What the choice is like.
        dim: Number of features in.
    """

    def __init__(self, spec: specs.Compressed, choice: specs.Choice, dim: int) -> None:
        super().__init__()
        self.spec = choice
        self.ratio: int = spec.ratio
        self.rope_dim: int = spec.rope_dim
        self.q_b_proj: nn.Linear = nn.Linear(
            spec.q_rank, choice.heads * choice.head_dim, bias=False
        )
        self.weights_proj: nn.Linear = nn.Linear(dim, choice.heads, bias=False)
        if spec.sums:
            self.k_proj: nn.Linear = nn.Linear(spec.head_dim, choice.head_dim, bias=False)
            self.k_norm: nn.Module = make_norm(spec.norm, choice.head_dim)
        self.rope: nn.Module = make_rope(spec.rope)

    def parts(self, x: mx.array, for_queries: mx.array) -> tuple[mx.array, mx.array]:
        """Queries and weights of heads, each with positions as its third axis."""
        weights = split_heads(self.weights_proj(x), self.spec.heads).astype(mx.float32)
        scale = (self.spec.heads * self.spec.head_dim) ** -0.5
        return split_heads(self.q_b_proj(for_queries), self.spec.heads), weights * scale

    def keys_of(self, sums: mx.array) -> mx.array:
        """What groups of shape ``(batch, count, width)`` are chosen by, without positions."""
        keys: mx.array = self.k_norm(self.k_proj(sums))
        return keys

    def choose(
        self, queries: mx.array, weights: mx.array, groups: Groups, start: int, asking: int
    ) -> Groups:
        """Choose among groups.

        Args:
            queries: Shape ``(batch, heads, length, width)``.
            weights: Shape ``(batch, heads, length, 1)``.
            groups: The groups, and the candidates of an earlier layer.
            start: The number of positions before those that ask.
            asking: How many of the last positions ask.

        Returns:
            The groups with those that are chosen, and if this layer finds candidates, with these.
        """
        if groups.keys is None or groups.keys.shape[1] == 0:
            return dataclasses.replace(groups, chosen=None)
        queries, weights = queries[:, :, -asking:], weights[:, :, -asking:]
        batch, count = groups.keys.shape[:2]
        # A position sees groups that end with it or before.
        full = ((mx.arange(start, start + asking) + 1) // self.ratio)[:, None]
        seen = mx.broadcast_to(mx.arange(count) < full, (batch, 1, asking, count))
        blocks = -(-count // self.spec.block)
        narrows = 0 < self.spec.candidates < blocks
        if count <= self.spec.top_k and not narrows:
            candidates = None if self.spec.candidates else groups.candidates
            return dataclasses.replace(groups, chosen=seen, candidates=candidates)
        scores = mx.where(seen, self._scores(queries, weights, groups.keys, start), -mx.inf)
        candidates = groups.candidates
        if self.spec.candidates:
            candidates = self._candidates(scores, full, blocks) if narrows else None
        elif candidates is not None:
            seen = seen & candidates
            scores = mx.where(seen, scores, -mx.inf)
        if count > self.spec.top_k:
            seen = seen & _best(scores, self.spec.top_k)
        return dataclasses.replace(groups, chosen=seen, candidates=candidates)

    def _scores(self, queries: mx.array, weights: mx.array, keys: mx.array, start: int) -> mx.array:
        plain, turned = mx.split(queries, [queries.shape[-1] - self.rope_dim], axis=-1)
        turned = self.rope(turned.astype(mx.float32), offset=start).astype(queries.dtype)
        queries = rounded_to_fp4(mx.concatenate([plain, turned], axis=-1)).astype(mx.float32)
        products = nn.relu(queries @ keys[:, None].astype(mx.float32).swapaxes(-1, -2))
        return (products * weights).sum(axis=1, keepdims=True)

    def _candidates(self, scores: mx.array, full: mx.array, blocks: int) -> mx.array:
        """Groups of the blocks with the best ones, and of the latest block, whatever is in it."""
        count, size = scores.shape[-1], self.spec.block
        rest = blocks * size - count
        padded = mx.pad(scores, [(0, 0)] * 3 + [(0, rest)], constant_values=-mx.inf)
        best = mx.unflatten(padded, -1, (blocks, size)).max(axis=-1)
        latest = (full > 0) & (mx.arange(blocks) == (full - 1) // size)
        best = mx.where(latest, mx.inf, best)
        kept = _best(best, self.spec.candidates) & (best > -mx.inf)
        return mx.repeat(kept, size, axis=-1)[..., :count]


def _best(scores: mx.array, count: int) -> mx.array:
    """Whether each of the last axis is among so many with the greatest scores."""
    chosen = mx.argpartition(-scores, kth=count - 1, axis=-1)[..., :count]
    return mx.put_along_axis(mx.zeros(scores.shape, mx.bool_), chosen, mx.array(True), axis=-1)
