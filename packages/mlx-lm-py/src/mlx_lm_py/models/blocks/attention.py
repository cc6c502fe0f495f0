"""Attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import AttentionCache, CacheList, RaggedCache, StateCache
from mlx_lm_py.models import spec as specs

from .activations import activation
from .attend import attend, update
from .block_index import BlockIndex
from .heads import join_heads, split_heads
from .loop_gate import LoopGate
from .masks import Mask, mask_of, strided
from .norms import make_norm
from .positions import make_rope
from .ragged import last_positions, over_sequences
from .step import Held, Step
from .together import attend_together, can_attend_together, takes_offsets

__all__ = ["Attention", "stretched"]


def __dir__() -> list[str]:
    return __all__


class Attention(nn.Module):
    """Grouped-query attention.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Attention, dim: int) -> None:
        super().__init__()
        width, value = spec.head_dim, spec.value_dim or spec.head_dim
        self.n_heads: int = spec.heads
        self.n_kv_heads: int = spec.kv_heads
        self.scale: float = width**-0.5 if spec.scale is None else spec.scale
        self.window: int | None = spec.window
        self.chunk: int | None = spec.chunk
        self.softcap: float | None = spec.softcap
        self.clip: float | None = spec.clip
        self.q_proj: nn.Linear = nn.Linear(dim, spec.heads * width, bias=spec.qkv_bias)
        self.lends: str | None = spec.lends
        self.borrows: str | None = spec.borrows
        if spec.borrows is None:
            self.k_proj: nn.Linear = nn.Linear(dim, spec.kv_heads * width, bias=spec.qkv_bias)
            if not spec.keys_are_values:
                self.v_proj: nn.Linear = nn.Linear(dim, spec.kv_heads * value, bias=spec.qkv_bias)
            if spec.value_norm is not None:
                self.v_norm: nn.Module = make_norm(spec.value_norm, value)
        self.o_proj: nn.Linear = nn.Linear(spec.heads * value, dim, bias=spec.out_bias)
        self.in_turns: bool = spec.in_turns
        self.strides: specs.Strides | None = spec.strides
        self.stretch: specs.Stretch | None = spec.stretch
        self.scales: tuple[float, float] = (spec.key_scale, spec.value_scale)
        if spec.gate is not None:
            gates = spec.heads * (value if spec.gate == "feature" else 1)
            self.gate_proj: nn.Linear = nn.Linear(dim, gates, bias=False)
            self.gate_act: Callable[[mx.array], mx.array] = activation(spec.gate_act)
        if spec.head_norm is not None:
            self.o_norm: nn.Module = make_norm(spec.head_norm, value)
        if spec.out_norm is not None:
            self.attn_sub_norm: nn.Module = make_norm(spec.out_norm, spec.heads * value)
        if spec.taps:
            self.conv_k: mx.array = mx.zeros((1, 1, spec.kv_heads, 1, 2))
            self.conv_v: mx.array = mx.zeros((1, 1, spec.kv_heads, 1, 2))
        self.again: int | None = spec.again
        if spec.again is not None:
            self.loop_gate: LoopGate = LoopGate(spec.heads, width)
        if spec.blocks is not None:
            self.index: BlockIndex = BlockIndex(spec.blocks, dim)
        if spec.rounded:
            self.quant_key_scale: mx.array = mx.array(1.0)
            self.quant_value_scale: mx.array = mx.array(1.0)
        if spec.head_gain:
            self.head_gain: mx.array = mx.ones((spec.heads,))
        if spec.sinks:
            self.sinks: mx.array = mx.zeros((spec.heads,))
        self.norm_at: Literal["head", "all", "rotated"] | None = None
        if spec.qk_norm is not None:
            over_all = spec.qk_norm_over == "all"
            self.norm_at = "all" if over_all else "rotated" if spec.norm_after_rope else "head"
            sizes = (spec.heads * width, spec.kv_heads * width) if over_all else (width, width)
            own = spec.qk_norm_over == "each"
            self.q_norm: nn.Module = make_norm(spec.qk_norm, sizes[0], spec.heads * own)
            if spec.borrows is None:
                self.k_norm: nn.Module = make_norm(spec.qk_norm, sizes[1], spec.kv_heads * own)
        self.rope: nn.Module | None = None
        if spec.rope is not None:
            self.rope = make_rope(spec.rope)
        self.is_plain: bool = takes_offsets(self.rope) and not (
            spec.borrows
            or spec.lends
            or spec.again
            or spec.blocks
            or spec.taps
            or spec.strides
            or spec.stretch
            or spec.rounded
            or spec.head_gain
            or spec.sinks
            or spec.softcap
            or spec.chunk
            or self.norm_at == "rotated"
        )

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: AttentionCache | RaggedCache | None = None,
        *,
        last_only: bool = False,
        step: Step | None = None,
    ) -> mx.array:
        """Attend within ``x`` of shape ``(batch, length, dim)`` and to the cache.

        ``mask`` is over the keys that `mask_of` speaks of; a ragged batch has its own. If
        ``last_only``, the last position of each sequence alone attends. ``step`` is where keys and
        values are lent and borrowed.
        """
        asking = last_positions(x, cache) if last_only else x
        queries = self.q_proj(asking)
        if self.norm_at == "all":
            queries = self.q_norm(queries)
        if self.clip is not None:
            queries = mx.clip(queries, -self.clip, self.clip)
        queries = split_heads(queries, self.n_heads)
        if self.in_turns:
            queries = _turned(queries, self.n_heads // self.n_kv_heads)
        if self.norm_at == "head":
            queries = self.q_norm(queries)
        arrays: tuple[mx.array, ...] = (queries,)
        if self.borrows is not None:
            assert step is not None
            attend_to = partial(self._attend_to_borrowed, step.borrowed(self.borrows))
        else:
            arrays += self._keys_and_values(x)
            if "index" in self:
                arrays += self.index.parts(x)
            attend_to = partial(self._attend, step)
        window = self.window
        if self.again is not None and step is not None and step.loop:
            assert self.lends is not None
            attend_to = partial(self._attend_again, step.borrowed(self.lends))
            window = self.again
            if not isinstance(cache, RaggedCache):
                mask = mask_of(x.shape[1], cache, window)
        if self.is_plain and can_attend_together(cache, arrays[1], window):
            _, keys, values = arrays
            output = attend_together(queries, keys, values, cache, self.rope, scale=self.scale)
        else:
            output = over_sequences(
                attend_to,
                arrays,
                mask,
                cache,
                window=window,
                chunk=self.chunk,
                axis=2,
                last_only=last_only,
            )
        if self.in_turns:
            output = _turned(output, self.n_kv_heads)
        if "o_norm" in self:
            output = self.o_norm(output)
        output = join_heads(output)
        if "gate_proj" in self:
            gate = self.gate_act(self.gate_proj(asking))
            gate = mx.unflatten(gate, -1, (self.n_heads, -1))
            output = (mx.unflatten(output, -1, (self.n_heads, -1)) * gate).flatten(-2)
        if "attn_sub_norm" in self:
            output = self.attn_sub_norm(output)
        return self.o_proj(output)

    def _keys_and_values(self, x: mx.array) -> tuple[mx.array, mx.array]:
        """Keys and values of heads, before positions."""
        keys = self.k_proj(x)
        values = self.v_proj(x) if "v_proj" in self else keys
        if self.scales != (1.0, 1.0):
            keys, values = keys * self.scales[0], values * self.scales[1]
        if self.norm_at == "all":
            keys = self.k_norm(keys)
        if self.clip is not None:
            keys, values = (mx.clip(part, -self.clip, self.clip) for part in (keys, values))
        keys, values = split_heads(keys, self.n_kv_heads), split_heads(values, self.n_kv_heads)
        if self.norm_at == "head":
            keys = self.k_norm(keys)
        return keys, self.v_norm(values) if "v_norm" in self else values

    def _attend(
        self,
        step: Step | None,
        queries: mx.array,
        keys: mx.array,
        values: mx.array,
        *rest: Any,
    ) -> mx.array:
        """Attend to the keys of one sequence: positions, cache, window, scores.

        ``rest`` is what keys are chosen by, if they are, the mask, and the cache.
        """
        *by, mask, cache = rest
        beside: Any = None
        if isinstance(cache, CacheList):
            cache, beside = cache.caches
        if "conv_k" in self:
            keys = _mixed(keys, self.conv_k, beside, 0)
            values = _mixed(values, self.conv_v, beside, 1)
        if by:
            mask = self.index.choose(by[0], by[1], mask, beside, self.n_heads)
        length = keys.shape[2]
        offset = cache.offset if cache is not None else 0
        if self.strides is not None:
            mask = strided(self.strides, self.n_heads, length, offset)
        if self.rope is not None:
            keys = self.rope(keys, offset=offset)
        if self.norm_at == "rotated":
            keys = self.k_norm(keys)
        queries = self._positioned(queries, offset + length)
        if "quant_key_scale" in self:
            keys = _rounded(keys, self.quant_key_scale)
            values = _rounded(values, self.quant_value_scale)
        held, values = update(keys, values, cache, window=self.window)
        if self.lends is not None and step is not None:
            lent = Held(held, values, mask, cache, offset + length)
            step.lent.setdefault(self.lends, []).append(lent)
        return self._scored(queries, held, values, mask, cache, None if by else self.window)

    def _attend_to_borrowed(
        self, lent: Iterator[Held], queries: mx.array, mask: Mask, cache: object
    ) -> mx.array:
        """Attend to what an earlier layer has attended to."""
        held = next(lent)
        queries = self._positioned(queries, held.end)
        return self._scored(queries, held.keys, held.values, held.mask, held.cache)

    def _attend_again(
        self,
        lent: Iterator[Held],
        queries: mx.array,
        keys: mx.array,
        values: mx.array,
        mask: Mask,
        cache: AttentionCache | None,
    ) -> mx.array:
        """Attend to what was seen the first time, and to the latest positions as they are now."""
        first = next(lent)
        if self.rope is not None:
            keys = self.rope(keys, offset=first.end - keys.shape[2])
        queries = self._positioned(queries, first.end)
        held, values = update(keys, values, cache, window=self.again)
        far = self._scored(queries, first.keys, first.values, first.mask, first.cache)
        near = self._scored(queries, held, values, mask, cache)
        gate = self.loop_gate(queries)
        return gate * far + (1 - gate) * near

    def _positioned(self, queries: mx.array, end: int) -> mx.array:
        """Give queries, the last of which is of the position before ``end``, their positions."""
        if self.rope is not None:
            queries = self.rope(queries, offset=end - queries.shape[2])
        if self.norm_at == "rotated":
            queries = self.q_norm(queries)
        if "head_gain" in self:
            queries = queries * self.head_gain[:, None, None]
        return queries if self.stretch is None else stretched(queries, end, self.stretch)

    def _scored(
        self,
        queries: mx.array,
        keys: mx.array,
        values: mx.array,
        mask: Mask,
        cache: AttentionCache | None,
        window: int | None = None,
    ) -> mx.array:
        if isinstance(mask, mx.array) and queries.shape[2] < mask.shape[-2]:
            mask = mask[..., -queries.shape[2] :, :]
        return attend(
            queries,
            keys,
            values,
            cache,
            mask,
            scale=self.scale,
            window=window,
            softcap=self.softcap,
            sinks=self.get("sinks"),
        )


def _mixed(x: mx.array, taps: mx.array, cache: StateCache | None, place: int) -> mx.array:
    """Each position, and the one before it, each by a number of its head."""
    held = None if cache is None else cache.arrays[place]
    if held is None:
        held = mx.zeros_like(x[:, :, :1])
    if cache is not None:
        cache.arrays[place] = x[:, :, -1:]
    before = mx.concatenate([held, x[:, :, :-1]], axis=2)
    older, newer = (part.reshape(1, -1, 1, 1) for part in mx.split(taps, 2, axis=-1))
    return before * older + x * newer


def _rounded(x: mx.array, scale: mx.array) -> mx.array:
    """The nearest numbers that are of 8 bits, but for a scale."""
    whole = mx.clip(mx.round(x.astype(mx.float32) / scale), -128, 127)
    return (whole * scale).astype(x.dtype)


def _turned(x: mx.array, groups: int) -> mx.array:
    """Put heads that are as many apart as there are in a group side by side."""
    return mx.unflatten(x, 1, (groups, -1)).swapaxes(1, 2).flatten(1, 2)


def stretched(queries: mx.array, end: int, stretch: specs.Stretch) -> mx.array:
    """Let queries grow with the logarithm of their position.

    Args:
        queries: Shape ``(batch, heads, length, width)``.
        end: The number of positions up to the last of them.
        stretch: How.

    Returns:
        The queries.
    """
    at = mx.arange(end - queries.shape[2], end)[:, None] + stretch.first
    growth = 1 + stretch.share * mx.log1p(mx.floor(at / stretch.length))
    return queries * growth.astype(queries.dtype)
