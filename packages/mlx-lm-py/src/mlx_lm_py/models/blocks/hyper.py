"""Several hidden states, summed up for each part of a layer (https://arxiv.org/abs/2512.24880).

The states of a position lie one after the other in its features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.models import spec as specs

from .compress import CompressedAttention
from .masks import Mask
from .moe import MoE
from .norms import make_norm
from .ragged import last_positions

if TYPE_CHECKING:
    from .step import Step

__all__ = ["HyperLayer", "HyperStates"]


def __dir__() -> list[str]:
    return __all__


def _first(states: mx.array, count: int) -> mx.array:
    """The shares of a sum that is the first of the states."""
    shares = mx.arange(count) == 0
    return mx.broadcast_to(shares.astype(mx.float32), (*states.shape[:2], count))


def _sum(states: mx.array, shares: mx.array) -> mx.array:
    """Sum up states of shape ``(batch, length, count, dim)``."""
    summed = (shares[..., None, :] @ states.astype(mx.float32))[..., 0, :]
    return summed.astype(states.dtype)


class HyperStates(nn.Module):
    """From an embedding to several states, and from those to one.

    Args:
        spec: What they are like.
        dim: Number of features of each.
    """

    def __init__(self, spec: specs.Hyper, dim: int) -> None:
        super().__init__()
        self.count: int = spec.count

    def widen(self, h: mx.array) -> mx.array:
        """Make of ``h`` of shape ``(batch, length, dim)`` the states, which are alike."""
        return mx.concatenate([h] * self.count, axis=-1)

    def narrow(self, h: mx.array, step: Step) -> mx.array:
        """Sum up the states by the shares that the last layer has left."""
        states = mx.unflatten(h, -1, (self.count, -1))
        shares = _first(states, self.count) if step.shares is None else step.shares
        return _sum(states, shares)


class HyperConnection(nn.Module):
    """What makes of the states how they are summed up, and mixed.

    Args:
        spec: What it is like.
        dim: Number of features of each state.
        eps: Added to the mean of squares of all.
    """

    def __init__(self, spec: specs.Hyper, dim: int, eps: float) -> None:
        super().__init__()
        self.spec = spec
        self.eps: float = eps
        mixes = spec.count * (2 + spec.count)
        self.fn: mx.array = mx.zeros((mixes, spec.count * dim))
        self.base: mx.array = mx.zeros((mixes,))
        self.scale: mx.array = mx.ones((3,))

    def __call__(self, x: mx.array) -> tuple[mx.array, mx.array, mx.array]:
        """Shares of sums, shares of what is added, and the matrix that mixes the states.

        Of ``x`` of shape ``(batch, length, count * dim)``; in full precision.
        """
        count = self.spec.count
        normalized = mx.fast.rms_norm(x.astype(mx.float32), None, self.eps)
        made = mx.split(normalized @ self.fn.T, [count, 2 * count], axis=-1)
        bases = mx.split(self.base, [count, 2 * count])
        parts = zip(made, bases, strict=True)
        into, out, mix = (y * self.scale[i] + base for i, (y, base) in enumerate(parts))
        mix = mx.softmax(mx.unflatten(mix, -1, (count, count)), axis=-1) + self.spec.eps
        return mx.sigmoid(into) + self.spec.eps, 2.0 * mx.sigmoid(out), self._evened(mix)

    def _evened(self, mix: mx.array) -> mx.array:
        """Make columns and rows sum to one, in turns, columns first and last."""
        for i in range(2 * self.spec.rounds - 1):
            mix = mix / (mix.sum(axis=-1 if i % 2 else -2, keepdims=True) + self.spec.eps)
        return mix


def _mixed(states: mx.array, added: mx.array, out: mx.array, mix: mx.array) -> mx.array:
    """Mix the states, and add to each its share of what a part has made."""
    mixed = mix.swapaxes(-1, -2) @ states.astype(mx.float32)
    return (out[..., None] * added[..., None, :] + mixed).astype(states.dtype)


class HyperLayer(nn.Module):
    """A layer of several states. What a part looks at was decided before the part ahead of it.

    Args:
        spec: What it is like.
        dim: Number of features of each.
    """

    chunk: None = None

    def __init__(self, spec: specs.Layer, dim: int) -> None:
        super().__init__()
        assert isinstance(spec.mixer, specs.Compressed)
        assert isinstance(spec.ffn, specs.Moe)
        assert isinstance(spec.streams, specs.Hyper)
        self.window: int = spec.mixer.window
        self.count: int = spec.streams.count
        self.self_attn: CompressedAttention = CompressedAttention(spec.mixer, dim)
        self.mlp: MoE = MoE(spec.ffn, dim)
        self.input_layernorm: nn.Module = make_norm(spec.norm, dim)
        self.post_attention_layernorm: nn.Module = make_norm(spec.norm, dim)
        self.attn_hc: HyperConnection = HyperConnection(spec.streams, dim, spec.norm.eps)
        self.ffn_hc: HyperConnection = HyperConnection(spec.streams, dim, spec.norm.eps)

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
        shares = None if step is None else step.shares
        if shares is None:
            shares = _first(states, self.count)
        y = self.input_layernorm(_sum(states, shares))
        attended = self.self_attn(y, mask, cache, last_only=last_only, step=step)
        if last_only:
            x, states = last_positions(x, cache), last_positions(states, cache)
        shares, out, mix = self.attn_hc(x)
        states = _mixed(states, attended, out, mix)
        later, out, mix = self.ffn_hc(states.flatten(-2))
        y = self.post_attention_layernorm(_sum(states, shares))
        if step is not None:
            step.shares = later
        return _mixed(states, self.mlp(y), out, mix).flatten(-2)
