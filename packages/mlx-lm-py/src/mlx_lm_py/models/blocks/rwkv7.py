"""RWKV-7 (https://arxiv.org/abs/2503.14456)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import Cache, RaggedCache, StateCache
from mlx_lm_py.models import spec as specs

from .heads import split_heads
from .masks import Mask
from .norms import make_norm
from .ragged import last_positions, over_sequences
from .scans import rank_one_scan
from .step import Step

__all__ = ["Rwkv7Layer"]


def __dir__() -> list[str]:
    return __all__


# The least that a row of a state decays to in a step is exp(-exp(-0.5)).
_MOST_DECAY = -0.606531


class _LowRank(nn.Module):
    """Two matrices with an activation between."""

    def __init__(
        self, dim: int, rank: int, act: Callable[[mx.array], mx.array], bias: bool
    ) -> None:
        super().__init__()
        self.down: nn.Linear = nn.Linear(dim, rank, bias=False)
        self.up: nn.Linear = nn.Linear(rank, dim, bias=bias)
        self.act: Callable[[mx.array], mx.array] = act

    def __call__(self, x: mx.array) -> mx.array:
        y: mx.array = self.up(self.act(self.down(x)))
        return y


def _before(x: mx.array, cache: StateCache | None, place: int) -> mx.array:
    """What each position finds at the one before it."""
    held = None if cache is None else cache.arrays[place]
    if held is None:
        held = mx.zeros((x.shape[0], 1, x.shape[-1]), x.dtype)
    if cache is not None:
        cache.arrays[place] = x[:, -1:]
    return mx.concatenate([held, x[:, :-1]], axis=1)


class _TimeMix(nn.Module):
    """A state of each head; what it answers to one key is moved to another."""

    def __init__(self, spec: specs.Rwkv7, dim: int) -> None:
        super().__init__()
        self.heads: int = spec.heads
        for name in "rwkvag":
            setattr(self, f"x_{name}", mx.zeros((1, 1, dim)))
        self.k_k: mx.array = mx.zeros((dim,))
        self.k_a: mx.array = mx.zeros((dim,))
        self.r_k: mx.array = mx.zeros((spec.heads, spec.head_dim))
        for name in "rkvo":
            setattr(self, f"{name}_proj", nn.Linear(dim, dim, bias=False))
        self.g_norm: nn.Module = nn.LayerNorm(dim)
        # Of a head by itself.
        self.eps: float = spec.head_dim * 1e-5
        identity: Callable[[mx.array], mx.array] = lambda x: x  # noqa: E731
        self.w_lora: _LowRank = _LowRank(dim, spec.decay_rank, mx.tanh, True)
        self.a_lora: _LowRank = _LowRank(dim, spec.rate_rank, identity, True)
        self.g_lora: _LowRank = _LowRank(dim, spec.gate_rank, mx.sigmoid, False)
        if spec.value_rank:
            self.v_lora: _LowRank = _LowRank(dim, spec.value_rank, identity, True)

    def __call__(
        self,
        first: list[mx.array],
        x: mx.array,
        *rest: Any,
    ) -> mx.array:
        """Transform one sequence; ``rest`` is the first layer's values, a mask and a cache."""
        *given, _, cache = rest
        change = _before(x, cache, 0) - x
        mixed = {name: x + change * self[f"x_{name}"] for name in "rwkvag"}
        queries, keys, values = (
            self.r_proj(mixed["r"]),
            self.k_proj(mixed["k"]),
            self.v_proj(mixed["v"]),
        )
        if given and "v_lora" in self:
            values = values + (given[0] - values) * mx.sigmoid(self.v_lora(mixed["v"]))
        else:
            first.append(values)
        rate = mx.sigmoid(self.a_lora(mixed["a"]).astype(mx.float32))
        decay = _MOST_DECAY * mx.sigmoid(self.w_lora(mixed["w"]).astype(mx.float32))
        looks = split_heads(keys.astype(mx.float32) * self.k_k, self.heads)
        looks = looks / mx.maximum(mx.linalg.norm(looks, axis=-1, keepdims=True), 1e-7)
        keys = keys * (1 + (rate.astype(x.dtype) - 1) * self.k_a)
        queries, keys, values = (split_heads(part, self.heads) for part in (queries, keys, values))
        decay, rate = split_heads(decay, self.heads), split_heads(rate, self.heads)
        state = None if cache is None else cache.arrays[1]
        y, state = rank_one_scan(queries, keys, values, decay, -looks, looks * rate, state)
        if cache is not None:
            cache.arrays[1] = state
        own = (queries * keys * self.r_k[:, None]).sum(axis=-1, keepdims=True) * values
        y = mx.fast.layer_norm(y, None, None, self.eps).astype(x.dtype)
        y, own = (part.swapaxes(1, 2).flatten(-2) for part in (y, own))
        gate = self.g_lora(mixed["g"])
        out: mx.array = self.o_proj((y * self.g_norm.weight + self.g_norm.bias + own) * gate)
        return out


class _ChannelMix(nn.Module):
    """A feed-forward layer that looks at the position before."""

    def __init__(self, hidden: int, dim: int) -> None:
        super().__init__()
        self.key: nn.Linear = nn.Linear(dim, hidden, bias=False)
        self.value: nn.Linear = nn.Linear(hidden, dim, bias=False)
        self.x_k: mx.array = mx.zeros((dim,))

    def __call__(self, last_only: bool, x: mx.array, mask: Mask, cache: Any) -> mx.array:
        change = _before(x, cache, 2) - x
        mixed = x + change * self.x_k
        y: mx.array = self.value(nn.relu2(self.key(mixed[:, -1:] if last_only else mixed)))
        return y


class Rwkv7Layer(nn.Module):
    """Time mixing and channel mixing, each added to its input.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    window: None = None
    chunk: None = None

    def __init__(self, spec: specs.Layer, dim: int) -> None:
        super().__init__()
        assert isinstance(spec.mixer, specs.Rwkv7)
        assert isinstance(spec.ffn, specs.Mlp)
        self.attn: _TimeMix = _TimeMix(spec.mixer, dim)
        self.ffn: _ChannelMix = _ChannelMix(spec.ffn.hidden, dim)
        self.attn_norm: nn.Module = make_norm(spec.norm, dim)
        self.ffn_norm: nn.Module = make_norm(spec.norm, dim)

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: Cache | RaggedCache | None = None,
        *,
        last_only: bool = False,
        step: Step | None = None,
        given: mx.array | None = None,
    ) -> mx.array:
        """Transform ``x`` of shape ``(batch, length, dim)``, as `DecoderLayer` does."""
        step = step or Step()
        arrays: tuple[mx.array, ...] = (self.attn_norm(x),)
        if step.first_values is not None:
            arrays += (step.first_values,)
        first: list[mx.array] = []
        # Channel mixing needs the position before the last one too.
        mixed = over_sequences(partial(self.attn, first), arrays, None, cache, axis=1)
        if step.first_values is None:
            step.first_values = first[0] if len(first) == 1 else mx.concatenate(first, axis=1)
        h = x + mixed
        y = over_sequences(partial(self.ffn, last_only), (self.ffn_norm(h),), None, cache, axis=1)
        return (last_positions(h, cache) if last_only else h) + y
