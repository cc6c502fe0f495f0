"""Mixtures of experts."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.models.spec import Mlp, Moe, Router

from .experts import Experts
from .mlp import MLP
from .norms import make_norm

__all__ = ["Gate", "MoE", "QuantizedGate"]


def __dir__() -> list[str]:
    return __all__


class Gate(nn.Module):
    """The router's projection, with a bias that takes part in the choice alone.

    Args:
        dim: Number of features in.
        experts: Number of experts.
    """

    def __init__(self, dim: int, experts: int) -> None:
        super().__init__()
        self.weight: mx.array = mx.zeros((experts, dim))
        self.e_score_correction_bias: mx.array = mx.zeros((experts,))

    def __call__(self, x: mx.array) -> mx.array:
        """The logits of the experts."""
        return x @ self.weight.T

    def to_quantized(
        self, group_size: int | None = None, bits: int | None = None, mode: str = "affine", **_: Any
    ) -> QuantizedGate:
        """The projection with its weight quantized, as `nn.quantize` asks for it.

        Args:
            group_size: Number of weights that share a scale. Default: ``None``, the mode's.
            bits: Number of bits of a weight. Default: ``None``, the mode's.
            mode: The mode of `mx.quantize`. Default: ``"affine"``.

        Returns:
            The projection.
        """
        gate = QuantizedGate.from_linear(self, group_size, bits, mode)
        gate.e_score_correction_bias = self.e_score_correction_bias
        gate.freeze()
        return gate


class QuantizedGate(nn.QuantizedLinear):
    """A `Gate` whose weight is quantized, as repositories of mlx-lm have it."""

    e_score_correction_bias: mx.array

    def to_dense(self, weight: mx.array) -> Gate:
        """The projection with a weight of floats in place of its own.

        Args:
            weight: Of shape ``(experts, dim)``.

        Returns:
            The projection.
        """
        gate = Gate(1, 1)
        gate.weight = weight
        gate.e_score_correction_bias = self.e_score_correction_bias
        return gate


class MoE(nn.Module):
    """Experts, of which each token uses a few.

    Args:
        spec: What it is like.
        dim: Number of features in and out.

    Example:
        >>> MoE(Moe(experts=4, top_k=2, hidden=16), 8)(mx.ones((1, 3, 8))).shape
        (1, 3, 8)
    """

    def __init__(self, spec: Moe, dim: int) -> None:
        super().__init__()
        self.top_k: int = spec.top_k
        self.router: Router = spec.router
        self.gate: nn.Module = (
            Gate(dim, spec.experts + spec.idle)
            if spec.router.bias
            else nn.Linear(dim, spec.experts + spec.idle, bias=spec.bias and spec.router_bias)
        )
        self.experts: int = spec.experts
        self.idle: int = spec.idle
        self.weight_inputs: bool = spec.weight_inputs
        self.switch_mlp: Experts = Experts(spec, spec.latent or dim)
        if spec.latent:
            self.fc1_latent_proj: nn.Linear = nn.Linear(dim, spec.latent, bias=False)
            self.fc2_latent_proj: nn.Linear = nn.Linear(spec.latent, dim, bias=False)
        if spec.latent_in_norm is not None:
            self.latent_in_norm: nn.Module = make_norm(spec.latent_in_norm, spec.latent or dim)
        if spec.expert_norm is not None:
            self.expert_norm: nn.Module = make_norm(spec.expert_norm, spec.latent or dim)
        if spec.latent_norm is not None:
            self.latent_norm: nn.Module = make_norm(spec.latent_norm, spec.latent or dim)
        if spec.shared:
            self.shared_expert: MLP = MLP(
                Mlp(spec.shared, spec.act, spec.gated, limit=spec.shared_limit), dim
            )
            if spec.shared_gate:
                self.shared_expert_gate: nn.Linear = nn.Linear(dim, 1, bias=False)
            if spec.mixed:
                self.coefficient: nn.Linear = nn.Linear(dim, 2)

    def __call__(self, x: mx.array) -> mx.array:
        """Transform ``x`` of shape ``(..., dim)``."""
        chosen, weights = self._route(x)
        kept: mx.array | None = None
        if self.idle:
            is_idle = chosen >= self.experts
            kept = mx.where(is_idle, weights, 0.0).sum(axis=-1, keepdims=True).astype(x.dtype)
            chosen, weights = mx.where(is_idle, 0, chosen), mx.where(is_idle, 0.0, weights)
        features = self.fc1_latent_proj(x) if "fc1_latent_proj" in self else x
        if "latent_in_norm" in self:
            features = self.latent_in_norm(features)
        if self.weight_inputs:
            y = self.switch_mlp(features, chosen, weights).sum(axis=-2)
        else:
            y = self.switch_mlp(features, chosen)
            y = self.expert_norm(y) if "expert_norm" in self else y
            y = (y * weights[..., None].astype(x.dtype)).sum(axis=-2)
        if kept is not None:
            y = y + kept * x
        if "latent_norm" in self:
            y = self.latent_norm(y)
        if "fc2_latent_proj" in self:
            y = self.fc2_latent_proj(y)
        if "shared_expert" in self:
            shared = self.shared_expert(x)
            if "shared_expert_gate" in self:
                shared = mx.sigmoid(self.shared_expert_gate(x)) * shared
            if "coefficient" in self:
                shares = mx.softmax(self.coefficient(x), axis=-1, precise=True)
                y, shared = y * shares[..., :1], shared * shares[..., 1:]
            y = y + shared
        return y

    def _route(self, x: mx.array) -> tuple[mx.array, mx.array]:
        """The experts of each token, and what they are weighted by, of shape ``(..., top_k)``."""
        router = self.router
        # The choice among many nearly equal ones is not left to rounding.
        logits = self.gate(x).astype(mx.float32)
        if router.logit_scale != 1.0:
            logits = logits * router.logit_scale
        if router.score == "mixer":
            return _mixed(logits, self.top_k)
        scores = logits
        if router.score == "sigmoid":
            scores = mx.sigmoid(logits)
        elif router.score == "root":
            scores = mx.sqrt(nn.softplus(logits))
        elif router.before:
            scores = mx.softmax(logits, axis=-1, precise=True)
        ranked = scores
        if "e_score_correction_bias" in self.gate:
            ranked = scores + self.gate.e_score_correction_bias.astype(mx.float32)
        if router.groups > 1:
            ranked = _within_groups(ranked, router)
        chosen = mx.argpartition(-ranked, kth=self.top_k - 1, axis=-1)[..., : self.top_k]
        weights = mx.take_along_axis(scores, chosen, axis=-1)
        if router.score == "softmax" and not router.before:
            weights = mx.softmax(weights, axis=-1, precise=True)
        if router.normalize:
            weights = weights / (weights.sum(axis=-1, keepdims=True) + 1e-20)
        return chosen, weights if router.scale == 1.0 else weights * router.scale


def _mixed(logits: mx.array, top_k: int) -> tuple[mx.array, mx.array]:
    """The best experts one after the other, each among those that are within a fiftieth of it."""
    left, numbers = logits, mx.arange(logits.shape[-1])
    chosen, weights = [], []
    for _ in range(top_k):
        best = left.max(axis=-1, keepdims=True)
        far = (best - logits) / mx.maximum(mx.abs(logits), best) > 0.02
        shares = mx.softmax(mx.where(far, -mx.inf, left), axis=-1, precise=True)
        expert = mx.argmax(left, axis=-1, keepdims=True)
        chosen.append(expert)
        weights.append(mx.take_along_axis(shares, expert, axis=-1))
        left = mx.where(numbers == expert, -mx.inf, left)
    return mx.concatenate(chosen, axis=-1), mx.concatenate(weights, axis=-1)


def _within_groups(scores: mx.array, router: Router) -> mx.array:
    """Leave only the experts of the best groups."""
    grouped = mx.unflatten(scores, -1, (router.groups, -1))
    out_of = router.groups - router.top_groups
    if not out_of:
        return scores
    best = mx.topk(grouped, 1 if router.group_score == "best" else 2, axis=-1)
    sums = best.sum(axis=-1)
    worst = mx.argpartition(sums, kth=out_of - 1, axis=-1)[..., :out_of]
    out = mx.put_along_axis(mx.ones_like(sums), worst, mx.array(0.0), axis=-1)
    return mx.where(out[..., None] > 0, grouped, -mx.inf).flatten(-2)
