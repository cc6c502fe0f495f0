"""Embeddings of tokens and those before them (https://arxiv.org/abs/2601.21204)."""

from __future__ import annotations

from functools import partial

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import ArraysCache, Cache, RaggedCache
from mlx_lm_py.models import spec as specs

from .masks import Mask
from .ragged import over_sequences

__all__ = ["NgramEmbedding"]


def __dir__() -> list[str]:
    return __all__


class NgramEmbedding(nn.Module):
    """The mean of the embedding of a token and those of what ends with it.

    Args:
        spec: What it is like.
        vocab_size: The number of tokens.
        dim: Number of features.
    """

    def __init__(self, spec: specs.Ngrams, vocab_size: int, dim: int) -> None:
        super().__init__()
        self.spec = spec
        self.vocab_size: int = vocab_size
        count = spec.tables * (spec.longest - 1)
        # No two tables have as many rows, so that tokens which meet in one do not in another.
        self.sizes: list[int] = [spec.size + 2 * i + 1 for i in range(count)]
        width = dim // count
        self.embedders: list[nn.Embedding] = [nn.Embedding(size, width) for size in self.sizes]
        self.post_projs: list[nn.Linear] = [nn.Linear(width, dim, bias=False) for _ in self.sizes]

    def __call__(
        self, h: mx.array, tokens: mx.array, cache: Cache | RaggedCache | None
    ) -> mx.array:
        """Add to ``h`` of shape ``(batch, length, dim)``, and divide by the number of parts."""
        added = over_sequences(partial(self._added), (tokens[..., None],), None, cache, axis=1)
        return (h + added) / (1 + len(self.sizes))

    def _added(self, tokens: mx.array, mask: Mask, cache: ArraysCache | None) -> mx.array:
        now = tokens[..., 0].astype(mx.int64)
        before = self.spec.longest - 1
        held = None if cache is None else cache[0]
        if held is None:
            held = mx.zeros((now.shape[0], before), mx.int64)
        seen = mx.concatenate([held, now], axis=1)
        length = now.shape[1]
        if cache is not None:
            cache[0] = seen[:, length:]
        parts = []
        for i, (size, embed, project) in enumerate(
            zip(self.sizes, self.embedders, self.post_projs, strict=True)
        ):
            # The number of what ends with a token, in the base of the vocabulary.
            number, power = now, 1
            for back in range(1, i // self.spec.tables + 2):
                power = power * self.vocab_size % size
                number = number + seen[:, before - back : before - back + length] * power
            parts.append(project(embed(number % size)))
        return sum(parts[1:], parts[0])
