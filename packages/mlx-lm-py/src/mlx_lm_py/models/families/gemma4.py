"""Gemma 4 (https://ai.google.dev/gemma/docs/core)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import gemma as gguf
from mlx_lm_py.models.gguf_names import LAYER, QK_NORM, SANDWICH, GGUFNames
from mlx_lm_py.models.rules import Drop, Rename, Rule
from mlx_lm_py.models.spec import (
    Attention,
    Decoder,
    Inputs,
    Layer,
    Mlp,
    Moe,
    Norm,
    Rope,
    RoutedBeside,
)

from .common import decoder, layer_types, refuse, renamed
from .qwen import fused_experts

__all__ = ["ARCHITECTURES", "LAYER_INPUTS", "lending"]


def __dir__() -> list[str]:
    return __all__


_ROPES: Mapping[str, Mapping[str, Any]] = {
    "sliding_attention": {"rope_theta": 1e4},
    "full_attention": {
        "rope_type": "proportional",
        "partial_rotary_factor": 0.25,
        "rope_theta": 1e6,
    },
}


def lending(c: Config, types: Sequence[str]) -> list[dict[str, Any]]:
    """Which layers attend to what others have attended to.

    Args:
        c: The configuration.
        types: What kind of attention each layer has.

    Returns:
        For each layer what `Attention` says of it.

    Raises:
        ValueError: If a layer has none to borrow from.
    """
    first = c.depth - c("num_kv_shared_layers", 0)
    lenders = {kind: i for i, kind in enumerate(types[: max(first, 0)])}
    if first < c.depth and not set(types[max(first, 0) :]) <= lenders.keys():
        raise ValueError(
            "'num_kv_shared_layers' in the configuration leaves no layer to share with"
        )
    return [
        {"borrows": kind}
        if i >= first
        else {"lends": kind}
        if first < c.depth and lenders[kind] == i
        else {}
        for i, kind in enumerate(types)
    ]


def _of_layer(c: Config, i: int, name: str, theirs: str, default: int) -> int:
    """A number of layers that see everything: by a name of its own, or layer by layer."""
    layers: dict[str, Any] = c("per_layer_config", {})
    # Some write all numbers with as many digits: "05".
    own = next((one for key, one in layers.items() if key.isdecimal() and int(key) == i), None)
    if isinstance(own, dict) and name in own:
        return Config(own)(name, default)
    return c(theirs, default)


def _attention(c: Config, i: int, kind: str, shared: Mapping[str, Any]) -> Attention:
    width, kv_heads, merged = c("head_dim", 256), c.kv_heads, False
    if kind == "full_attention":
        width = _of_layer(c, i, "head_dim", "global_head_dim", 512)
        if c("attention_k_eq_v", False):
            merged = True
            names = ("num_key_value_heads", "num_global_key_value_heads")
            kv_heads = _of_layer(c, i, *names, kv_heads)
    ropes: dict[str, Any] = c("rope_scaling", {})
    own = Config(ropes.get(kind) or _ROPES[kind])
    scaling = own.values if own("rope_type", "default") != "default" else None
    rope = Rope(width, own("rope_theta", 1e4), scaling=scaling, context=c.context)
    norm = c.norm(default=1e-6)
    bias = c("attention_bias", False)
    return Attention(
        c.heads,
        kv_heads,
        width,
        rope,
        scale=1.0,
        qkv_bias=bias,
        out_bias=bias,
        qk_norm=norm,
        value_norm=dataclasses.replace(norm, weight=False),
        keys_are_values=merged,
        window=c("sliding_window", 512) if kind == "sliding_attention" else None,
        **shared,
    )


def _types(c: Config) -> list[str]:
    types = list(layer_types(c, c.positive("sliding_window_pattern", 6)))
    # The library has it so, whatever the configuration says.
    return [*types[:-1], "full_attention"]


def gemma4(c: Config) -> Decoder:
    """Wider heads where all is seen, few of whose pairs rotate; keys and values of others."""
    refuse(c, use_bidirectional_attention="vision")
    norm: Norm = c.norm(default=1e-6)
    act = c.act("gelu_pytorch_tanh")
    types = _types(c)
    width = c("hidden_size_per_layer_input", 256)
    beside = None
    if c("enable_moe_block", False):
        sizes = (c("num_experts", int), c("top_k_experts", int), c("moe_intermediate_size", int))
        beside = RoutedBeside(Moe(*sizes, act=act), norm)
    layers = []
    for i, (kind, shared) in enumerate(zip(types, lending(c, types), strict=True)):
        doubled = c("use_double_wide_mlp", False) and "borrows" in shared
        layers.append(
            Layer(
                _attention(c, i, kind, shared),
                Mlp(c.hidden * (2 if doubled else 1), act),
                norm,
                "sandwich",
                beside=beside,
                inputs=width,
                act=act,
                scaled=True,
            )
        )
    model = decoder(c, layers[0], tied=True, embed_scale=c.width**0.5)
    return dataclasses.replace(
        model,
        layers=tuple(layers),
        softcap=c("final_logit_softcapping", 0.0) or None,
        inputs=Inputs(width, c("vocab_size_per_layer_input", 262144), norm) if width else None,
    )


def gemma4_unified(c: Config) -> Decoder:
    """Without inputs of layers, and a longer window."""
    defaults = {"hidden_size_per_layer_input": 0, "sliding_window": 1024}
    return gemma4(Config({**defaults, **c.values}))


LAYER_INPUTS = (
    Rename("model.embed_tokens_per_layer", "model.layer_inputs.embed"),
    Rename("model.per_layer_model_projection", "model.layer_inputs.projection"),
    Rename("model.per_layer_projection_norm", "model.layer_inputs.norm"),
    *renamed(
        ("per_layer_input_gate", "layer_input.gate"),
        ("per_layer_projection", "layer_input.projection"),
        ("post_per_layer_input_norm", "layer_input.norm"),
    ),
)
"""What layers get of the tokens."""


def _rules(c: Config) -> Sequence[Rule]:
    first = c.depth - c("num_kv_shared_layers", 0)
    return (
        *(
            Drop(f"model.layers.{i}.self_attn.{name}")
            for i in range(first, c.depth)
            for name in ("k_proj", "v_proj", "k_norm", "v_norm")
        ),
        *LAYER_INPUTS,
        *renamed(
            ("router.proj", "beside.gate"),
            ("router.scale", "beside.scale"),
            ("router.per_expert_scale", "beside.expert_scale"),
            ("pre_feedforward_layernorm_2", "beside.before"),
            ("post_feedforward_layernorm_1", "beside.after_mlp"),
            ("post_feedforward_layernorm_2", "beside.after"),
        ),
        fused_experts(".experts.", ".beside.switch_mlp."),
        Rename(
            "model.layers.*.experts.switch_glu", "model.layers.*.beside.switch_mlp", undone=False
        ),
    )


_LAYER = {
    **LAYER,
    **QK_NORM,
    **SANDWICH,
    **gguf.INPUTS,
    "layer_output_scale.weight": "layer_scalar",
    "ffn_gate_inp": "router.proj",
    "ffn_gate_inp.scale": "router.scale",
    "ffn_down_exps.scale": "router.per_expert_scale",
    "pre_ffw_norm_2": "pre_feedforward_layernorm_2",
    "post_ffw_norm_1": "post_feedforward_layernorm_1",
    "post_ffw_norm_2": "post_feedforward_layernorm_2",
    **{f"ffn_{part}_exps": f"experts.switch_glu.{part}_proj" for part in ("gate", "up", "down")},
}
_GGUF = GGUFNames(
    _LAYER,
    exceeds_float16=True,
    outside=gguf.INPUTS_OUTSIDE,
    entries=gguf.gemma4_entries,
    each_layer=True,
)

ARCHITECTURES = {
    "gemma4_text": Architecture(gemma4, _rules, gguf=_GGUF),
    "gemma4_unified_text": Architecture(gemma4_unified, _rules),
}
