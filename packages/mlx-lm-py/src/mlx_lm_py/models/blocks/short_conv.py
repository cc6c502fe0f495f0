"""Gated short convolutions (https://arxiv.org/abs/2511.23404)."""

from __future__ import annotations

from functools import partial

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import ArraysCache, RaggedCache
from mlx_lm_py.models import spec as specs

from .masks import Mask
from .ragged import last_positions, over_sequences

__all__ = ["ShortConv"]


def __dir__() -> list[str]:
    return __all__


class ShortConv(nn.Module):
    """A causal convolution of each feature by itself, over few positions, between two gates.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.ShortConv, dim: int) -> None:
        super().__init__()
        self.taps: int = spec.taps
        self.in_proj: nn.Linear = nn.Linear(dim, 3 * dim, bias=spec.bias)
        self.conv: nn.Conv1d = nn.Conv1d(dim, dim, spec.taps, groups=dim, bias=spec.bias)
        self.out_proj: nn.Linear = nn.Linear(dim, dim, bias=spec.bias)

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: ArraysCache | RaggedCache | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Transform ``x`` of shape ``(batch, length, dim)`` after what the cache holds.

        If ``last_only``, only what becomes of the last position is computed and returned.
        """
        gate, let_through, values = mx.split(self.in_proj(x), 3, axis=-1)
        convolved = over_sequences(
            partial(self._convolve, last_only), (gate * values,), mask, cache, axis=1
        )
        if last_only:
            let_through = last_positions(let_through, cache)
        return self.out_proj(let_through * convolved)

    def _convolve(
        self, last_only: bool, values: mx.array, mask: Mask, cache: ArraysCache | None
    ) -> mx.array:
        """Convolve one sequence after what the cache holds."""
        held = None if cache is None else cache[0]
        if held is None:
            held = mx.zeros((values.shape[0], self.taps - 1, values.shape[-1]), values.dtype)
        values = mx.concatenate([held, values], axis=1)
        if cache is not None:
            cache[0] = values[:, values.shape[1] - self.taps + 1 :]
        convolved: mx.array = self.conv(values[:, -self.taps :] if last_only else values)
        return convolved
