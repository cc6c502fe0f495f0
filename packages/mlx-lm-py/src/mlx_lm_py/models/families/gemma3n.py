"""Gemma 3n (https://ai.google.dev/gemma/docs/gemma-3n)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import gemma as gguf
from mlx_lm_py.models.gguf_names import LAYER, QK_NORM, SANDWICH, GGUFNames
from mlx_lm_py.models.rules import Drop, Rename, Rule
from mlx_lm_py.models.spec import Decoder, Inputs, Layer, Mlp, Streams

from .common import decoder, layer_types, ropes
from .gemma4 import LAYER_INPUTS, lending

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _of_layers(c: Config, name: str, default: Any) -> list[Any]:
    """An entry that is of each layer, or of all."""
    found = c.values.get(name)
    found = default if found is None else found
    found = found if isinstance(found, list) else [found] * c.depth
    if len(found) != c.depth:
        raise ValueError(f"{name!r} in the configuration must be of each of the {c.depth} layers")
    return found


def gemma3n(c: Config) -> Decoder:
    """Four hidden states, few open gates, and keys and values of earlier layers."""
    norm = c.norm(default=1e-6)
    act = c.act("gelu_pytorch_tanh")
    full, local = ropes(c, base=1e6, local_base=c("rope_local_base_freq", 1e4))
    streams = Streams(
        c("altup_num_inputs", 4),
        c("altup_active_idx", 0),
        c("laurel_rank", 64),
        c("altup_correct_scale", True),
    )
    types = layer_types(c, 5)
    shared = lending(Config({"num_kv_shared_layers": 15, **c.values}), types)
    usual = [0.95] * 10 if c.depth > 10 else []
    sparsity = _of_layers(c, "activation_sparsity_pattern", usual + [0.0] * (c.depth - len(usual)))
    bias = c("attention_bias", False)
    width = c("hidden_size_per_layer_input", 256)

    def layer(i: int, hidden: Any, share: Any) -> Layer:
        is_local = types[i] == "sliding_attention"
        mixer = c.attention(
            local if is_local else full,
            scale=1.0,
            qkv_bias=bias,
            out_bias=bias,
            qk_norm=norm,
            value_norm=dataclasses.replace(norm, weight=False),
            window=c("sliding_window", 512) if is_local else None,
            **shared[i],
        )
        sizes = Config({"intermediate_size": hidden, "sparsity": share})
        mlp = Mlp(sizes.hidden, act, sparsity=sizes("sparsity", 0.0))
        return Layer(mixer, mlp, norm, "sandwich", inputs=width, act=act, streams=streams)

    sizes = zip(_of_layers(c, "intermediate_size", 16384), sparsity, strict=True)
    layers = tuple(layer(i, *pair) for i, pair in enumerate(sizes))
    model = decoder(c, layers[0], tied=True, embed_scale=c.width**0.5)
    return dataclasses.replace(
        model,
        layers=layers,
        softcap=c("final_logit_softcapping", 30.0) or None,
        inputs=Inputs(width, c("vocab_size_per_layer_input", 262144), norm),
        streams=streams,
    )


def _rules(c: Config) -> Sequence[Rule]:
    first = c.depth - c("num_kv_shared_layers", 15)
    return (
        *(
            Drop(f"model.layers.{i}.self_attn.{name}")
            for i in range(max(first, 0), c.depth)
            for name in ("k_proj", "v_proj", "k_norm", "v_norm")
        ),
        *LAYER_INPUTS,
        Rename("model.altup_projections", "model.streams.projections"),
        Rename("model.altup_unembed_projections", "model.streams.unembed_projections"),
    )


_GGUF = GGUFNames(
    {**LAYER, **QK_NORM, **SANDWICH, **gguf.INPUTS, **gguf.ALTUP},
    exceeds_float16=True,
    outside={
        **gguf.INPUTS_OUTSIDE,
        "altup_proj": "model.altup_projections",
        "altup_unembd_proj": "model.altup_unembed_projections",
    },
    joined=("altup_proj", "altup_unembd_proj"),
    rules=gguf.gemma3n_rules,
    entries=gguf.gemma3n_entries,
    each_layer=True,
)

ARCHITECTURES = {"gemma3n_text": Architecture(gemma3n, _rules, gguf=_GGUF)}
