"""The choice of keys that are attended to (https://arxiv.org/abs/2512.02556)."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_lm_utils_py import create_causal_mask

from mlx_lm_py.cache.quantized import dequantized
from mlx_lm_py.models import spec as specs

from .heads import split_heads
from .masks import Mask
from .positions import make_rope

__all__ = ["Indexer", "seen_of"]


def __dir__() -> list[str]:
    return __all__


def seen_of(mask: Mask, length: int, count: int) -> mx.array | None:
    """A mask as an array.

    Args:
        mask: The mask.
        length: The number of positions that ask.
        count: The number of keys.

    Returns:
        Shape ``(length, count)``, or ``None`` if all are seen.

    Example:
        >>> seen_of("causal", 2, 3).tolist()
        [[True, True, False], [True, True, True]]
    """
    if isinstance(mask, str):
        return None if length == 1 else create_causal_mask(length, count - length)
    return mask


class Indexer(nn.Module):
    """Heads of narrow queries and one key, whose products say which keys count.

    Args:
        spec: What it is like.
        dim: Number of features in.
        query_dim: Number of features that queries are made from.
    """

    def __init__(self, spec: specs.Index, dim: int, query_dim: int) -> None:
        super().__init__()
        self.heads: int = spec.heads
        self.top_k: int = spec.top_k
        self.scale: float = spec.heads**-0.5 * spec.head_dim**-0.5
        self.wq_b: nn.Linear = nn.Linear(query_dim, spec.heads * spec.head_dim, bias=False)
        self.wk: nn.Linear = nn.Linear(dim, spec.head_dim, bias=False)
        self.k_norm: nn.LayerNorm = nn.LayerNorm(spec.head_dim, eps=1e-6)
        self.weights_proj: nn.Linear = nn.Linear(dim, spec.heads, bias=False)
        self.rope: nn.Module = make_rope(spec.rope)

    def parts(self, x: mx.array, for_queries: mx.array) -> tuple[mx.array, mx.array, mx.array]:
        """Queries, keys and weights of heads, each with positions as its third axis."""
        queries = split_heads(self.wq_b(for_queries), self.heads)
        weights = split_heads(self.weights_proj(x), self.heads) * self.scale
        return queries, self.k_norm(self.wk(x))[:, None], weights

    def choose(
        self, queries: mx.array, keys: mx.array, weights: mx.array, mask: Mask, cache: Any
    ) -> mx.array | None:
        """Add keys to a cache, and choose among all that it holds.

        Args:
            queries: Shape ``(batch, heads, length, width)``.
            keys: Shape ``(batch, 1, length, width)``.
            weights: Shape ``(batch, heads, length, 1)``.
            mask: Which keys are seen.
            cache: The cache; ``None`` if there is nothing but the new positions.

        Returns:
            Whether each key is attended to, of shape ``(batch, 1, length, count)``; ``None`` if
            there are not more than are chosen.
        """
        length = queries.shape[2]
        offset = 0 if cache is None else cache.offset
        queries, keys = self.rope(queries, offset=offset), self.rope(keys, offset=offset)
        # Halves of a key are kept as keys and values, of which a cache has both.
        halves = tuple(mx.split(keys, 2, axis=-1))
        if cache is not None:
            halves = dequantized(cache, *cache.update_and_fetch(*halves))
        count = halves[0].shape[2]
        if count <= self.top_k:
            return None
        pairs = zip(mx.split(queries, 2, axis=-1), halves, strict=True)
        first, second = (side @ half.swapaxes(-1, -2) for side, half in pairs)
        products = (first + second).astype(mx.float32)
        scores = (nn.relu(products) * weights.astype(mx.float32)).sum(axis=1, keepdims=True)
        seen = seen_of(mask, length, count)
        if seen is not None:
            scores = mx.where(seen, scores, -mx.inf)
        best = mx.argpartition(-scores, kth=self.top_k - 1, axis=-1)[..., : self.top_k]
        chosen = mx.put_along_axis(mx.zeros(scores.shape, mx.bool_), best, mx.array(True), axis=-1)
        return chosen if seen is None else chosen & seen
