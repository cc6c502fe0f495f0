"""Experts beside a feed-forward layer, each side with norms of its own."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.models import spec as specs

from .experts import Experts
from .norms import make_norm

__all__ = ["ExpertsBeside"]


def __dir__() -> list[str]:
    return __all__


class ExpertsBeside(nn.Module):
    """Experts whose router looks at a normalized and scaled hidden state.

    Args:
        spec: What they are like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.RoutedBeside, dim: int) -> None:
        super().__init__()
        self.top_k: int = spec.experts.top_k
        self.eps: float = spec.norm.eps
        self.scale: mx.array = mx.ones((dim,))
        self.expert_scale: mx.array = mx.ones((spec.experts.experts,))
        self.gate: nn.Linear = nn.Linear(dim, spec.experts.experts, bias=False)
        self.switch_mlp: Experts = Experts(spec.experts, dim)
        self.before: nn.Module = make_norm(spec.norm, dim)
        self.after: nn.Module = make_norm(spec.norm, dim)
        self.after_mlp: nn.Module = make_norm(spec.norm, dim)

    def __call__(self, h: mx.array, transformed: mx.array) -> mx.array:
        """Add what the experts make of ``h`` to what the feed-forward layer has made of it."""
        chosen, weights = self._route(h)
        y = self.switch_mlp(self.before(h), chosen) * weights[..., None].astype(h.dtype)
        both: mx.array = self.after_mlp(transformed) + self.after(y.sum(axis=-2))
        return both

    def _route(self, h: mx.array) -> tuple[mx.array, mx.array]:
        """The experts of each token and what they are weighted by."""
        looked_at = mx.fast.rms_norm(h, None, self.eps) * self.scale * h.shape[-1] ** -0.5
        logits = self.gate(looked_at).astype(mx.float32)
        chosen = mx.argpartition(-logits, kth=self.top_k - 1, axis=-1)[..., : self.top_k]
        best = mx.take_along_axis(logits, chosen, axis=-1)
        # Shares of all that are made to sum to one are shares of the chosen ones.
        return chosen, mx.softmax(best, axis=-1, precise=True) * self.expert_scale[chosen]
