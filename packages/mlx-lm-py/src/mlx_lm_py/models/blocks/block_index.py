"""The choice of blocks of keys that are attended to."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache.quantized import dequantized
from mlx_lm_py.models import spec as specs

from .heads import split_heads
from .masks import Mask
from .norms import make_norm
from .positions import make_rope

__all__ = ["BlockIndex"]


def __dir__() -> list[str]:
    return __all__


class BlockIndex(nn.Module):
    """Narrow queries and one key, whose greatest product within a block says what it counts.

    Args:
        spec: What it is like.
        dim: Number of features in.
    """

    def __init__(self, spec: specs.Blocks, dim: int) -> None:
        super().__init__()
        self.spec = spec
        self.q_proj: nn.Linear = nn.Linear(dim, spec.heads * spec.head_dim, bias=False)
        self.k_proj: nn.Linear = nn.Linear(dim, spec.head_dim, bias=False)
        self.q_norm: nn.Module = make_norm(spec.norm, spec.head_dim)
        self.k_norm: nn.Module = make_norm(spec.norm, spec.head_dim)
        self.rope: nn.Module = make_rope(spec.rope)

    def parts(self, x: mx.array) -> tuple[mx.array, mx.array]:
        """Queries and keys of heads, before positions."""
        queries = split_heads(self.q_proj(x), self.spec.heads)
        return self.q_norm(queries), self.k_norm(split_heads(self.k_proj(x), 1))

    def choose(self, queries: mx.array, keys: mx.array, mask: Mask, cache: Any, heads: int) -> Mask:
        """Add keys to a cache, and choose among the blocks of all that it holds.

        Args:
            queries: Shape ``(batch, index_heads, length, width)``.
            keys: Shape ``(batch, 1, length, width)``.
            mask: Which keys are seen.
            cache: The cache; ``None`` if there is nothing but the new positions.
            heads: The number of heads that attend.

        Returns:
            Which keys are attended to, of shape ``(batch, heads, length, count)``; ``mask`` if
            there are not more blocks than are chosen.
        """
        spec, length = self.spec, queries.shape[2]
        offset = 0 if cache is None else cache.offset
        queries, keys = self.rope(queries, offset=offset), self.rope(keys, offset=offset)
        # Halves of a key are kept as keys and values, of which a cache has both.
        halves = tuple(mx.split(keys, 2, axis=-1))
        if cache is not None:
            halves = dequantized(cache, *cache.update_and_fetch(*halves))
        count = halves[0].shape[2]
        blocks = -(-count // spec.size)
        if blocks <= spec.count:
            return mask
        pairs = zip(mx.split(queries, 2, axis=-1), halves, strict=True)
        first, second = (side @ half.swapaxes(-1, -2) for side, half in pairs)
        asking = mx.arange(count - length, count)[:, None]
        seen = mx.arange(count) <= asking
        if isinstance(mask, mx.array):
            seen = seen & mask
        scores = mx.where(seen, (first + second).astype(mx.float32), -mx.inf)
        rest = blocks * spec.size - count
        scores = mx.pad(scores, [(0, 0)] * 3 + [(0, rest)], constant_values=-mx.inf)
        best = mx.unflatten(scores, -1, (blocks, spec.size)).max(axis=-1)
        numbers, own = mx.arange(blocks), asking // spec.size
        is_local = (numbers <= own) & (numbers > own - spec.local)
        best = mx.where(is_local, mx.inf, best)
        chosen = mx.argpartition(-best, kth=spec.count - 1, axis=-1)[..., : spec.count]
        kept = mx.put_along_axis(mx.zeros(best.shape, mx.bool_), chosen, mx.array(True), axis=-1)
        kept = mx.repeat(kept, spec.size, axis=-1)[..., :count] & seen
        return mx.repeat(kept, heads // spec.heads, axis=1)
