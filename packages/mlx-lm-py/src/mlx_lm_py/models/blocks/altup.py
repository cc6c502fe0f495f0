"""Several hidden states side by side, of which a layer transforms one and predicts the others.

https://arxiv.org/abs/2301.13310 (AltUp), https://arxiv.org/abs/2411.07501 (LAuReL), as Gemma 3n has
them. The states of a position lie one after the other in its features.
"""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.models import spec as specs

from .attention import Attention
from .layer_inputs import GatedInput
from .masks import Mask
from .mlp import MLP
from .norms import make_norm
from .ragged import last_positions
from .step import Step

__all__ = ["AltUpLayer", "Streams"]


def __dir__() -> list[str]:
    return __all__


def _as_long(x: mx.array, model: mx.array) -> mx.array:
    """Make vectors as long as those of ``model``."""
    own, target = (
        mx.square(side.astype(mx.float32)).mean(-1, keepdims=True) for side in (x, model)
    )
    return x * (mx.sqrt(target) * mx.rsqrt(mx.maximum(own, 1e-5))).astype(x.dtype)


class Streams(nn.Module):
    """From an embedding to several states, and from those to one.

    Args:
        spec: What they are like.
        dim: Number of features of each.
    """

    def __init__(self, spec: specs.Streams, dim: int) -> None:
        super().__init__()
        self.count: int = spec.count
        others = range(spec.count - 1)
        self.projections: list[nn.Linear] = [nn.Linear(dim, dim, bias=False) for _ in others]
        self.unembed_projections: list[nn.Linear] = [
            nn.Linear(dim, dim, bias=False) for _ in others
        ]

    def widen(self, h: mx.array) -> mx.array:
        """Make of ``h`` of shape ``(batch, length, dim)`` the states."""
        return mx.concatenate([h, *(_as_long(one(h), h) for one in self.projections)], axis=-1)

    def narrow(self, h: mx.array, step: Step) -> mx.array:
        """The mean of what the states are projected to."""
        first, *others = mx.split(h, self.count, axis=-1)
        pairs = zip(self.unembed_projections, others, strict=True)
        states = [first, *(_as_long(one(other), first) for one, other in pairs)]
        return mx.stack(states).mean(axis=0)


class _AltUp(nn.Module):
    """What the states are predicted from, and corrected by."""

    def __init__(self, spec: specs.Streams, norm: specs.Norm, dim: int) -> None:
        super().__init__()
        count = spec.count
        self.count: int = count
        self.correct_output_scale: mx.array = mx.ones((dim,))
        self.correction_coefs: nn.Linear = nn.Linear(count, count, bias=False)
        self.prediction_coefs: nn.Linear = nn.Linear(count, count * count, bias=False)
        self.modality_router: nn.Linear = nn.Linear(dim, count, bias=False)
        self.router_norm: nn.Module = make_norm(norm, dim)

    def _modalities(self, x: mx.array) -> mx.array:
        routed = self.modality_router(self.router_norm(x) * (1 / x.shape[-1]))
        return mx.tanh(routed.astype(mx.float32)).astype(x.dtype)

    def predict(self, states: mx.array, active: mx.array) -> mx.array:
        """Add to each of the states a mixture of all, of shape ``(batch, length, count, dim)``."""
        mixture = self.prediction_coefs(self._modalities(active))
        return mx.unflatten(mixture, -1, (self.count, self.count)) @ states + states

    def correct(self, predicted: mx.array, active: mx.array, activated: mx.array) -> mx.array:
        """Add to each of the states a share of what the layer has changed the active one by."""
        shares = self.correction_coefs(self._modalities(activated)) + 1.0
        return shares[..., None] * (activated - active)[..., None, :] + predicted


class _Laurel(nn.Module):
    """A shortcut of low rank."""

    def __init__(self, rank: int, norm: specs.Norm, dim: int) -> None:
        super().__init__()
        self.linear_left: nn.Linear = nn.Linear(dim, rank, bias=False)
        self.linear_right: nn.Linear = nn.Linear(rank, dim, bias=False)
        self.post_laurel_norm: nn.Module = make_norm(norm, dim)

    def __call__(self, x: mx.array) -> mx.array:
        """Add to ``x`` what goes through the narrow way."""
        y: mx.array = x + self.post_laurel_norm(self.linear_right(self.linear_left(x)))
        return y


class AltUpLayer(nn.Module):
    """A layer of one of several states.

    Args:
        spec: What it is like.
        dim: Number of features of each.
    """

    chunk: None = None

    def __init__(self, spec: specs.Layer, dim: int) -> None:
        super().__init__()
        assert isinstance(spec.mixer, specs.Attention)
        assert isinstance(spec.ffn, specs.Mlp)
        assert isinstance(spec.streams, specs.Streams)
        self.window: int | None = spec.mixer.window
        self.active: int = spec.streams.active
        self.count: int = spec.streams.count
        self.scaled: bool = spec.streams.scaled
        self.self_attn: Attention = Attention(spec.mixer, dim)
        self.mlp: MLP = MLP(spec.ffn, dim)
        self.input_layernorm: nn.Module = make_norm(spec.norm, dim)
        self.post_attention_layernorm: nn.Module = make_norm(spec.norm, dim)
        self.pre_feedforward_layernorm: nn.Module = make_norm(spec.norm, dim)
        self.post_feedforward_layernorm: nn.Module = make_norm(spec.norm, dim)
        self.altup: _AltUp = _AltUp(spec.streams, spec.norm, dim)
        self.laurel: _Laurel = _Laurel(spec.streams.rank, spec.norm, dim)
        self.layer_input: GatedInput = GatedInput(spec, dim)

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: Any = None,
        *,
        last_only: bool = False,
        step: Step | None = None,
        given: mx.array | None = None,
    ) -> mx.array:
        """Transform ``x`` of shape ``(batch, length, count * dim)``, as `DecoderLayer` does."""
        states = mx.unflatten(x, -1, (self.count, -1))
        predicted = self.altup.predict(states, states[..., self.active, :])
        y = self.input_layernorm(predicted[..., self.active, :])
        attended = self.self_attn(y, mask, cache, last_only=last_only, step=step)
        if last_only:
            predicted, y = last_positions(predicted, cache), last_positions(y, cache)
            given = None if given is None else last_positions(given, cache)
        active = predicted[..., self.active, :]
        h = active + self.post_attention_layernorm(attended) + self.laurel(y)
        h = h * 2.0**-0.5
        h = h + self.post_feedforward_layernorm(self.mlp(self.pre_feedforward_layernorm(h)))
        corrected = self.altup.correct(predicted, active, h)
        if given is None:
            return corrected.flatten(-2)
        seen = corrected[..., self.active, :]
        if self.scaled:
            seen = seen * self.altup.correct_output_scale
        added = self.layer_input.made(seen, given)[..., None, :]
        rest = corrected[..., 1:, :] + added
        return mx.concatenate([corrected[..., :1, :], rest], axis=-2).flatten(-2)
