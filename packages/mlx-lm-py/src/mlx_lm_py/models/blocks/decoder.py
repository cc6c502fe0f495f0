"""The way from tokens to logits through a stack of layers."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import (
    ArraysCache,
    Cache,
    CacheList,
    KVCache,
    RaggedCache,
    RotatingKVCache,
    cache_length,
)
from mlx_lm_py.models import spec as specs
from mlx_lm_py.models.latents import whole_latents
from mlx_lm_py.models.rules import Rule, load_weights, save_weights
from mlx_lm_py.models.towers import text_weights

from .masks import Mask, mask_of
from .norms import make_norm
from .ragged import last_positions
from .step import Step

if TYPE_CHECKING:
    from .altup import AltUpLayer, Streams
    from .beside import ExpertsBeside
    from .block_mix import BlockMix
    from .hyper import HyperLayer, HyperStates
    from .layer_inputs import GatedInput, LayerInputs
    from .moe import MoE
    from .ngrams import NgramEmbedding
    from .residual_gate import ResidualGate
    from .rwkv7 import Rwkv7Layer

__all__ = ["CausalLM", "Decoder", "DecoderLayer"]


def __dir__() -> list[str]:
    return __all__


# Which norms a layer has: before and after its attention, before and after its feed-forward layer.
_NORMS: dict[str, tuple[str | None, str | None, str | None, str | None]] = {
    "pre": ("input_layernorm", None, "post_attention_layernorm", None),
    "post": (None, "post_attention_layernorm", None, "post_feedforward_layernorm"),
    "sandwich": (
        "input_layernorm",
        "post_attention_layernorm",
        "pre_feedforward_layernorm",
        "post_feedforward_layernorm",
    ),
    "parallel": ("input_layernorm", None, None, None),
    "parallel2": ("input_layernorm", None, "post_attention_layernorm", None),
}


# What a mixer is called in checkpoints, and what is made of it.
_MIXERS: dict[type, tuple[str, str]] = {
    specs.Attention: ("self_attn", "attention.Attention"),
    specs.ConvGate: ("local_mixer", "conv_gate.ConvGate"),
    specs.Linear: ("self_attn", "linear_part.LinearPart"),
    specs.Mla: ("self_attn", "mla.MultiHeadLatentAttention"),
    specs.Parallel: ("mixer", "parallel.ParallelMixers"),
    specs.ShortConv: ("conv", "short_conv.ShortConv"),
    specs.Mamba: ("mamba", "mamba.Mamba"),
    specs.Mamba2: ("mamba", "mamba2.Mamba2"),
    specs.MambaHeads: ("mamba", "mamba_heads.MambaHeads"),
    specs.Decay: ("linear_attn", "decay.DecayAttention"),
    specs.Delta: ("linear_attn", "delta.GatedDelta"),
    specs.RgLru: ("recurrent", "rg_lru.RgLru"),
}


_FFNS: dict[type, str] = {
    specs.Linear: "linear_part.LinearPart",
    specs.Mlp: "mlp.MLP",
    specs.Moe: "moe.MoE",
}


def _make(name: str, *arguments: Any) -> Any:
    """Make a part of a class of a file beside this one.

    A model has few of the parts that there are, and to import the others took a quarter of the time
    before its first token.
    """
    file, _, kind = name.partition(".")
    return getattr(importlib.import_module(f".{file}", __package__), kind)(*arguments)


class DecoderLayer(nn.Module):
    """Attention and a feed-forward layer, each added to its input.

    Args:
        spec: What it is like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: specs.Layer, dim: int) -> None:
        super().__init__()
        self.mixer_name: str | None = None
        if spec.mixer is not None:
            self.mixer_name, kind = _MIXERS[type(spec.mixer)]
            setattr(self, self.mixer_name, _make(kind, spec.mixer, dim))
        if spec.ffn is not None:
            self.mlp: nn.Module = _make(_FFNS[type(spec.ffn)], spec.ffn, dim)
        # What a layer leaves for later ones, or finds of earlier ones, is left and found by these.
        self.takes_step: bool = isinstance(spec.mixer, specs.Attention | specs.Mla | specs.Decay)
        if spec.beside is not None:
            self.beside: ExpertsBeside = _make("beside.ExpertsBeside", spec.beside, dim)
        if spec.gains:
            self.attn_gain: mx.array = mx.ones((1,))
            self.mlp_gain: mx.array = mx.ones((1,))
            self.embed_skip: mx.array = mx.zeros((1,))
        if spec.shortcut is not None:
            self.shortcut_mlp: MoE = _make("moe.MoE", spec.shortcut, dim)
        if spec.gates:
            gate = "residual_gate.ResidualGate"
            self.post_attention_residual_gate: ResidualGate = _make(gate, dim, spec.gates)
            self.post_feedforward_residual_gate: ResidualGate = _make(gate, dim, spec.gates)
        self.opens: bool = spec.opens is True
        if spec.opens is not None:
            mix = "block_mix.BlockMix"
            self.self_attention_res: BlockMix = _make(mix, dim, spec.norm.eps)
            self.mlp_res: BlockMix = _make(mix, dim, spec.norm.eps)
        if spec.inputs:
            self.layer_input: GatedInput = _make("layer_inputs.GatedInput", spec, dim)
        if spec.scaled:
            self.layer_scalar: mx.array = mx.ones((1,))
        self.parallel: bool = spec.order.startswith("parallel")
        self.residual: float = spec.residual
        self.window: int | None = None if spec.mixer is None else spec.mixer.window
        self.chunk: int | None = getattr(spec.mixer, "chunk", None)
        before, after, before_mlp, after_mlp = _NORMS[spec.order]
        if spec.mixer is None:
            before, after = None, None
        if spec.ffn is None:
            before_mlp, after_mlp = None, None
        self.norms: tuple[str | None, str | None, str | None, str | None] = (
            before,
            after,
            before_mlp,
            after_mlp,
        )
        others = (None, spec.after, None, spec.after_ffn)
        for name, other in zip(self.norms, others, strict=True):
            if name is not None:
                setattr(self, name, make_norm(other or spec.norm, dim))

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
        """Transform ``x`` of shape ``(batch, length, dim)``.

        If ``last_only``, only what becomes of the last position of each sequence is computed and
        returned. ``step`` is what layers leave for later ones, and ``given`` what this one gets of
        the tokens, of shape ``(batch, length, width)``.
        """
        before = None if step is None else step.shortcut
        h = self._layer(x, mask, cache, last_only, step)
        if before is not None:
            assert step is not None
            h = h + (last_positions(before, cache) if last_only else before)
            step.shortcut = None
        if given is not None:
            h = self.layer_input(h, last_positions(given, cache) if last_only else given)
        if "embed_skip" in self and step is not None and step.embedded is not None:
            first = last_positions(step.embedded, cache) if last_only else step.embedded
            h = h + first * self.embed_skip
        return h * self.layer_scalar if "layer_scalar" in self else h

    def _layer(
        self,
        x: mx.array,
        mask: Mask,
        cache: Cache | RaggedCache | None,
        last_only: bool,
        step: Step | None,
    ) -> mx.array:
        before, after, before_mlp, _ = self.norms
        if "mlp_res" in self:
            return self._in_block(x, mask, cache, last_only, step or Step())
        if self.mixer_name is None:
            # What no position sees of another is left out.
            x = last_positions(x, cache) if last_only else x
            return self._transformed(x, x, step) if "mlp" in self else x
        y = x if before is None else self[before](x)
        options = {"step": step} if self.takes_step else {}
        attended: mx.array = self[self.mixer_name](y, mask, cache, last_only=last_only, **options)
        if last_only:
            x, y = last_positions(x, cache), last_positions(y, cache)
        if after is not None:
            attended = self[after](attended)
        if self.residual != 1.0:
            attended = attended * self.residual
        if "attn_gain" in self:
            attended = attended * self.attn_gain
        gated = "post_attention_residual_gate" in self
        h = self.post_attention_residual_gate(x, attended) if gated else x + attended
        if not self.parallel:
            y = h
        elif before_mlp is not None:
            y = x
        return self._transformed(h, y, step) if "mlp" in self else h

    def _in_block(
        self,
        x: mx.array,
        mask: Mask,
        cache: Cache | RaggedCache | None,
        last_only: bool,
        step: Step,
    ) -> mx.array:
        """Add to the hidden state of a block what parts make of it and of earlier blocks."""
        before, _, before_mlp, _ = self.norms
        assert self.mixer_name is not None
        assert before is not None
        assert before_mlp is not None
        y = self[before](self.self_attention_res(step.blocks, x))
        if self.opens:
            step.blocks = [*step.blocks, x]
        options = {"step": step} if self.takes_step else {}
        h: mx.array = self[self.mixer_name](y, mask, cache, last_only=last_only, **options)
        if last_only:
            x = last_positions(x, cache)
            step.blocks = [last_positions(one, cache) for one in step.blocks]
        if not self.opens:
            h = x + h
        transformed: mx.array = self.mlp(self[before_mlp](self.mlp_res(step.blocks, h)))
        return h + transformed

    def _transformed(self, h: mx.array, y: mx.array, step: Step | None) -> mx.array:
        """Add to ``h`` what the feed-forward layer makes of ``y``."""
        _, _, before_mlp, after_mlp = self.norms
        y = y if before_mlp is None else self[before_mlp](y)
        transformed: mx.array = self.mlp(y)
        if "shortcut_mlp" in self and step is not None:
            step.shortcut = self.shortcut_mlp(y)
        if "beside" in self:
            transformed = self.beside(h, transformed)
        if after_mlp is not None:
            transformed = self[after_mlp](transformed)
        if self.residual != 1.0:
            transformed = transformed * self.residual
        if "mlp_gain" in self:
            transformed = transformed * self.mlp_gain
        if "post_feedforward_residual_gate" in self:
            return self.post_feedforward_residual_gate(h, transformed)
        return h + transformed


AnyLayer: TypeAlias = "DecoderLayer | AltUpLayer | HyperLayer | Rwkv7Layer"


def _make_layer(spec: specs.Layer, dim: int) -> AnyLayer:
    layer: AnyLayer
    if isinstance(spec.mixer, specs.Rwkv7):
        layer = _make("rwkv7.Rwkv7Layer", spec, dim)
    elif isinstance(spec.streams, specs.Hyper):
        layer = _make("hyper.HyperLayer", spec, dim)
    elif spec.streams:
        layer = _make("altup.AltUpLayer", spec, dim)
    else:
        layer = DecoderLayer(spec, dim)
    return layer


class Decoder(nn.Module):
    """The layers, from tokens to normalized hidden states.

    Args:
        spec: What it is like.
    """

    def __init__(self, spec: specs.Decoder) -> None:
        super().__init__()
        self.embed_tokens: nn.Embedding = nn.Embedding(spec.vocab_size, spec.width)
        if spec.positions:
            self.embed_positions: nn.Embedding = nn.Embedding(spec.positions, spec.width)
            self.first_position: int = spec.first_position
        if spec.embed_norm is not None:
            self.embed_norm: nn.Module = make_norm(spec.embed_norm, spec.width)
        self.layers: list[AnyLayer] = [_make_layer(one, spec.width) for one in spec.layers]
        self.loops: int = spec.loops
        self.loop_norm: bool = spec.loop_norm
        if spec.ngrams is not None:
            kind = "ngrams.NgramEmbedding"
            self.ngrams: NgramEmbedding = _make(kind, spec.ngrams, spec.vocab_size, spec.width)
        if spec.streams is not None:
            is_hyper = isinstance(spec.streams, specs.Hyper)
            kind = "hyper.HyperStates" if is_hyper else "altup.Streams"
            self.streams: HyperStates | Streams = _make(kind, spec.streams, spec.width)
        if any(layer.opens is not None for layer in spec.layers):
            self.output_attn_res: BlockMix = _make("block_mix.BlockMix", spec.width, spec.norm.eps)
        self.norm: nn.Module = make_norm(spec.norm, spec.width)
        self.scale: float = spec.embed_scale
        if spec.inputs is not None:
            count = len(spec.layers)
            kind = "layer_inputs.LayerInputs"
            self.layer_inputs: LayerInputs = _make(kind, spec.inputs, count, spec.width)

    def __call__(
        self,
        tokens: mx.array,
        cache: Sequence[Cache | RaggedCache] | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Return hidden states of shape ``(batch, length, dim)``.

        If ``last_only``, those of the last position of each sequence, as if the length were 1.
        """
        h = self.embed_tokens(tokens)
        if "ngrams" in self:
            # It has a cache behind those of the layers.
            h = self.ngrams(h, tokens, cache[-1] if cache else None)
        if self.scale != 1.0:
            h = h * self.scale
        if "embed_norm" in self:
            h = self.embed_norm(h)
        length = tokens.shape[1]
        if "embed_positions" in self:
            positions = _positions(cache, length)
            if self.first_position:
                positions = positions + self.first_position
            h = h + self.embed_positions(positions)
        given = self.layer_inputs(tokens, h) if "layer_inputs" in self else None
        if "streams" in self:
            h = self.streams.widen(h)
        step = Step(offsets=_offsets(cache), embedded=h)
        masks: dict[Any, Mask] = {}
        # Each sequence of a ragged batch has a mask of its own.
        is_ragged = cache is not None and isinstance(cache[0], RaggedCache)
        offset = 0 if is_ragged else step.offsets[0]
        for i, layer in enumerate(self.layers * self.loops):
            step.loop = i // len(self.layers)
            if self.loop_norm and i and i % len(self.layers) == 0:
                h = self.norm(h)
            one = cache[i] if cache else None
            # Layers of one kind see the same keys.
            kind = (layer.window, layer.chunk, type(one), getattr(one, "max_size", 0))
            if kind not in masks:
                masks[kind] = (
                    None
                    if is_ragged
                    else mask_of(length, one, layer.window, layer.chunk, offset=offset)
                )
            # Nothing but keys and values of the last layer depends on the other positions.
            is_last = i == len(self.layers) * self.loops - 1
            h = layer(
                h,
                masks[kind],
                one,
                last_only=last_only and is_last,
                step=step,
                given=None if given is None else given[:, :, i],
            )
        if "streams" in self:
            h = self.streams.narrow(h, step)
        if "output_attn_res" in self:
            h = self.output_attn_res(step.blocks, h)
        normalized: mx.array = self.norm(h)
        return normalized


def _cache_of(mixer: specs.Mixer | None, context_length: int) -> Cache:
    """An empty cache for a mixer, which keeps no position that is out of sight."""
    match mixer:
        case specs.Attention(taps=True):
            plain = _cache_of(dataclasses.replace(mixer, taps=False), context_length)
            return CacheList(plain, ArraysCache(2))
        case specs.Attention(borrows=str()):
            return ArraysCache(0)
        case specs.Mla(index=specs.Index(borrowed=False)) | specs.Attention(blocks=specs.Blocks()):
            return CacheList(KVCache(), KVCache())
        case specs.Attention() | specs.Mla():
            if mixer.window is not None and mixer.window < context_length:
                return RotatingKVCache(mixer.window)
            return KVCache()
        case specs.Compressed():
            window = RotatingKVCache(mixer.window)
            return CacheList(window, ArraysCache(4)) if mixer.sums else window
        case specs.Parallel():
            return CacheList(_cache_of(mixer.attention, context_length), ArraysCache(2))
        case specs.ConvGate() | specs.Decay() | specs.ShortConv():
            return ArraysCache()
        case None | specs.Linear():
            return ArraysCache(0)
        case specs.Rwkv7():
            return ArraysCache(3)
    return ArraysCache(2)


def _offsets(cache: Sequence[Cache | RaggedCache] | None) -> list[int]:
    """The number of positions that the cache holds of each sequence."""
    if not cache:
        return [0]
    if not isinstance(cache[0], RaggedCache):
        return [cache_length(cast("Sequence[Cache]", cache))]
    layers = [layer.caches for layer in cache if isinstance(layer, RaggedCache)]
    return [cache_length(sequence) for sequence in zip(*layers, strict=True)]


def _positions(cache: Sequence[Cache | RaggedCache] | None, length: int) -> mx.array:
    """The positions of new tokens, after those that the cache holds."""
    if not cache:
        return mx.arange(length)
    if not isinstance(cache[0], RaggedCache):
        offset = cache_length(cast("Sequence[Cache]", cache))
        return mx.arange(offset, offset + length)
    parts = zip(_offsets(cache), cache[0].lengths, strict=True)
    return mx.concatenate([mx.arange(start, start + count) for start, count in parts])


class CausalLM(nn.Module):
    """A decoder with its output layer, which predicts tokens.

    Args:
        spec: What it is like.
        rules: How the weights of checkpoints become its own.
    """

    # What `BatchGenerator` asks a model.
    takes_ragged_batches: bool = True

    def __init__(self, spec: specs.Decoder, rules: Sequence[Rule] = ()) -> None:
        super().__init__()
        self.args = spec
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.model: Decoder = Decoder(spec)
        if not spec.tied:
            self.lm_head: nn.Linear = nn.Linear(spec.width, spec.vocab_size, bias=spec.head_bias)
        if spec.head_gain:
            self.lm_head_gain: mx.array = mx.ones((1,))
        self._never: mx.array | None = None
        if spec.never:
            chosen = mx.array(spec.never)[:, None] == mx.arange(spec.vocab_size)
            self._never = chosen.any(axis=0)

    def __call__(
        self,
        tokens: mx.array,
        cache: Sequence[Cache | RaggedCache] | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Predict the token after each of the given ones.

        Args:
            tokens: Integers of shape ``(batch, length)``.
            cache: As `make_prompt_cache` gives it; it takes in the tokens. Or as
                `ragged_prompt_cache` gives it: then ``batch`` is 1, and ``length`` the number of
                tokens of all sequences. Default: ``None``.
            last_only: Whether to predict after the last token only, which saves the output layer
                and most of the last layer for the others. Default: ``False``.

        Returns:
            Logits of shape ``(batch, length, vocab_size)``; if ``last_only``, ``(batch, 1,
            vocab_size)``, or ``(1, sequences, vocab_size)`` of a ragged batch.

        Raises:
            ValueError: If ``tokens`` is of another shape, or empty.
        """
        if tokens.ndim != 2 or tokens.size == 0:
            raise ValueError(f"tokens must be of shape (batch, length), not {tokens.shape}")
        h = self.model(tokens, cache, last_only=last_only)
        logits = self.model.embed_tokens.as_linear(h) if self.args.tied else self.lm_head(h)
        if "lm_head_gain" in self:
            logits = logits * self.lm_head_gain
        if self.args.logit_scale != 1.0:
            logits = logits * self.args.logit_scale
        if self.args.softcap is not None:
            logits = mx.tanh(logits / self.args.softcap) * self.args.softcap
        if self._never is not None:
            logits = mx.where(self._never, mx.array(-mx.inf, logits.dtype), logits)
        return logits

    @property
    def layers(self) -> list[AnyLayer]:
        """The layers, as often as the hidden state goes through them."""
        return self.model.layers * self.args.loops

    def make_cache(self) -> list[Cache]:
        """An empty cache for each layer, and for embeddings that look at tokens before."""
        mixers = [layer.mixer for layer in self.args.layers]
        again = [
            dataclasses.replace(mixer, window=mixer.again)
            if isinstance(mixer, specs.Attention) and mixer.again is not None
            else mixer
            for mixer in mixers
        ]
        mixers += again * (self.args.loops - 1)
        caches = [_cache_of(mixer, self.args.context_length) for mixer in mixers]
        return caches if self.args.ngrams is None else [*caches, ArraysCache()]

    def sanitize(self, weights: dict[str, mx.array]) -> dict[str, mx.array]:
        """Make the weights of a checkpoint those of the model.

        Args:
            weights: The weights of a checkpoint by name.

        Returns:
            Those that the model has parameters for, under their names.
        """
        weights = load_weights(whole_latents(text_weights(weights)), self.rules)
        # Old checkpoints store what RoPE derives from its base, and a tied output layer twice.
        return {
            name: value
            for name, value in weights.items()
            if not name.endswith("rotary_emb.inv_freq")
            and not (self.args.tied and name.startswith("lm_head."))
        }

    def checkpoint(self, weights: dict[str, mx.array]) -> dict[str, mx.array]:
        """Undo `sanitize`.

        Args:
            weights: Weights of the model by name.

        Returns:
            Those of a checkpoint.
        """
        return save_weights(weights, self.rules)
