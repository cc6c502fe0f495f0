"""Experts beside attention to windows, which have positions of their own.

AFMoE (Trinity), EXAONE-MoE, Laguna, Mellum 2, MiMo-V2-Flash.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import experts as gguf
from mlx_lm_py.models.gguf_names import BIAS, LAYER, QK_NORM, SANDWICH, GGUFNames
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.gguf_names import SHARED as GGUF_SHARED
from mlx_lm_py.models.rules import Rule
from mlx_lm_py.models.spec import Decoder, Layer, Router, each

from .common import (
    change_attention,
    decoder,
    drop_mtp,
    kinds,
    layer_types,
    plain,
    renamed,
    ropes,
    sliding,
)
from .glm import with_experts
from .qwen import EXPERTS, experts_of

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _full(c: Config, each_n: int = 0) -> list[int]:
    return [i for i, kind in enumerate(layer_types(c, each_n)) if kind == "full_attention"]


def _sparse(c: Config, default: int) -> list[int]:
    """The layers with experts."""
    first = c("first_k_dense_replace", default)
    usual = ["dense" if i < first else "sparse" for i in range(c.depth)]
    found = kinds(c, usual, "sparse", "dense", name="mlp_layer_types")
    return [i for i, kind in enumerate(found) if kind == "sparse"]


def exaone_moe(c: Config) -> Decoder:
    """Three windows with positions to one layer without; the experts of DeepSeek-V3."""
    norm = c.norm(default=1e-5)
    window, pattern = c("sliding_window", 4096), c.positive("sliding_window_pattern", 4)
    model = decoder(c, plain(c, norm=norm, qk_norm=norm))
    model = each(model, lambda one: change_attention(one, rope=None), _full(c, pattern))
    model = each(model, lambda one: change_attention(one, window=window), sliding(c, pattern))
    shared = c("num_shared_experts", 1)
    first = next(iter(_sparse(c, 1)), c.depth)
    return with_experts(
        Config({"n_shared_experts": shared, "first_k_dense_replace": first, **c.values}), model
    )


def afmoe(c: Config) -> Decoder:
    """Norms on both sides, gates of attention, positions in windows alone."""
    norm = c.norm(default=1e-5)
    layer = plain(c, norm=norm, qk_norm=norm, gate="feature")
    layer = dataclasses.replace(layer, order="sandwich")
    scale = c.width**0.5 if c("mup_enabled", False) else 1.0
    window, pattern = c("sliding_window", 1024), c.positive("global_attn_every_n_layers", 4)
    model = decoder(c, layer, embed_scale=scale)
    model = each(model, lambda one: change_attention(one, rope=None), _full(c, pattern))
    model = each(model, lambda one: change_attention(one, window=window), sliding(c, pattern))
    router = Router("sigmoid", normalize=True, scale=c("route_scale", 1.0), bias=True)
    shared = c("num_shared_experts", 0) * c("moe_intermediate_size", int)
    experts = experts_of(c, router, shared=shared)
    return each(
        model,
        lambda one: dataclasses.replace(one, ffn=experts),
        range(c("num_dense_layers", 1), c.depth),
    )


def mellum(c: Config) -> Decoder:
    """Qwen3 with experts, windows, and positions of each kind of layer."""
    norm = c.norm(default=1e-6)
    full, local = ropes(c, base=500000.0)
    bias = c("attention_bias", False)
    layer = plain(c, norm=norm, rope=full, qkv_bias=bias, out_bias=bias, qk_norm=norm)
    window = c("sliding_window", 1024)
    model = each(
        decoder(c, layer), lambda one: change_attention(one, rope=local, window=window), sliding(c)
    )
    experts = experts_of(c, Router(normalize=c("norm_topk_prob", True)))
    return each(model, lambda one: dataclasses.replace(one, ffn=experts), _sparse(c, 0))


def laguna(c: Config) -> Decoder:
    """Numbers of heads and positions of each layer, and a softplus gate."""
    norm = c.norm(default=1e-6)
    full, local = ropes(c, base=500000.0)
    bias = c("attention_bias", False)
    gates = c.values.get("gating", True)
    if c("moe_router_logit_softcapping", 0.0) or c("moe_apply_router_weight_on_input", False):
        raise ValueError("capped logits of routers, and weights of inputs, are not supported")
    layer = plain(
        c,
        norm=norm,
        rope=full,
        qkv_bias=bias,
        out_bias=bias,
        qk_norm=norm,
        gate="head" if gates in (True, "per-head") else "feature" if gates else None,
        gate_act="softplus",
    )
    window = c("sliding_window", 512)
    model = each(
        decoder(c, layer), lambda one: change_attention(one, rope=local, window=window), sliding(c)
    )
    heads: list[int] = c("num_attention_heads_per_layer", [c.heads] * c.depth)
    if len(heads) != c.depth:
        raise ValueError(f"'num_attention_heads_per_layer' must be of each of {c.depth} layers")
    pairs = zip(model.layers, heads, strict=True)
    layers = tuple(change_attention(one, heads=count) for one, count in pairs)
    model = dataclasses.replace(model, layers=layers)
    router = Router("sigmoid", normalize=True, scale=c("moe_routed_scaling_factor", 1.0), bias=True)
    experts = experts_of(c, router, shared=c("shared_expert_intermediate_size", 512))
    return each(model, lambda one: dataclasses.replace(one, ffn=experts), _sparse(c, 1))


def _published(c: Config) -> Config:
    """The entries of the published file in the library's terms."""
    if "hybrid_layer_pattern" not in c:
        return c
    pattern, experts = c("hybrid_layer_pattern", list), c("moe_layer_freq", list)
    share = c("partial_rotary_factor", 0.334)
    bases = {"full": c("rope_theta", 5e6), "sliding": c("swa_rope_theta", 1e4)}
    return Config(
        {
            **c.values,
            "layer_types": [("sliding" if one else "full") + "_attention" for one in pattern],
            "mlp_layer_types": ["sparse" if one else "dense" for one in experts],
            "sliding_window": c("sliding_window_size", c("sliding_window", 128)) + 1,
            "rope_parameters": {
                f"{kind}_attention": {"rope_theta": base, "partial_rotary_factor": share}
                for kind, base in bases.items()
            },
        }
    )


def mimo_v2(c: Config) -> Decoder:
    """Windows with sinks and twice the keys; values narrower than keys."""
    c = _published(c)
    full, local = ropes(c, base=5e6)
    bias = c("attention_bias", False)
    layer = plain(
        c,
        norm=c.norm(default=1e-5),
        rope=full,
        qkv_bias=bias,
        value_dim=c("v_head_dim", 128),
        value_scale=c("attention_value_scale", 1.0),
    )
    window = c("sliding_window", 129)
    kv_heads = c("swa_num_key_value_heads", 2 * c.kv_heads)

    def windowed(one: Layer) -> Layer:
        return change_attention(one, rope=local, window=window, sinks=True, kv_heads=kv_heads)

    model = each(decoder(c, layer), windowed, sliding(c))
    router = Router(
        "sigmoid",
        normalize=c("norm_topk_prob", True),
        scale=c("routed_scaling_factor", 1.0),
        bias=True,
        groups=c("n_group", 1),
        top_groups=c("topk_group", 1),
    )
    experts = experts_of(c, router)
    return each(model, lambda one: dataclasses.replace(one, ffn=experts), _sparse(c, 1))


def _named(*pairs: tuple[str, str]) -> Callable[[Config], Sequence[Rule]]:
    return lambda c: (*drop_mtp(c), *EXPERTS, *renamed(*pairs))


_BIAS = "mlp.gate.e_score_correction_bias"
_SHARED = ("mlp.shared_experts", "mlp.shared_expert")

_MOE = LAYER | GGUF_EXPERTS | GGUF_SHARED | BIAS
_GATE = {"attn_gate": "self_attn.gate_proj"}

ARCHITECTURES = {
    "afmoe": Architecture(
        afmoe,
        _named(
            ("mlp.router.gate", "mlp.gate"),
            ("mlp.expert_bias", _BIAS),
            _SHARED,
            ("pre_mlp_layernorm", "pre_feedforward_layernorm"),
            ("post_mlp_layernorm", "post_feedforward_layernorm"),
        ),
        gguf=GGUFNames(_MOE | QK_NORM | SANDWICH | _GATE, entries=gguf.afmoe_entries),
    ),
    "exaone_moe": Architecture(
        exaone_moe,
        _named(("mlp.e_score_correction_bias", _BIAS), _SHARED),
        gguf=GGUFNames(_MOE | QK_NORM, entries=gguf.exaone_entries),
    ),
    "laguna": Architecture(
        laguna,
        _named(
            ("mlp.experts.e_score_correction_bias", _BIAS),
            ("self_attn.g_proj", "self_attn.gate_proj"),
        ),
        gguf=GGUFNames(_MOE | QK_NORM | _GATE, entries=gguf.laguna_entries, each_layer=True),
    ),
    "mellum": Architecture(
        mellum, _named(), gguf=GGUFNames(_MOE | QK_NORM, entries=gguf.mellum_entries)
    ),
    "mimo_v2_flash": Architecture(
        mimo_v2,
        _named(("self_attn.attention_sink_bias", "self_attn.sinks")),
        gguf=GGUFNames(
            _MOE | {"attn_sinks.weight": "self_attn.sinks"},
            entries=gguf.mimo_entries,
            each_layer=True,
        ),
    ),
}
