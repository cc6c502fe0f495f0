"""Ministral 3, Mistral 4 and Llama 4: queries that grow with their position."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import latent
from mlx_lm_py.models.gguf.dense import ministral_entries
from mlx_lm_py.models.gguf.experts import llama4_entries
from mlx_lm_py.models.gguf_names import EXPERTS, LAYER, SHARED, GGUFNames
from mlx_lm_py.models.rules import Convert, Rule
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Moe, Norm, Router, Stretch, each

from .common import change_attention, decoder, plain, renamed
from .deepseek import GGUF_LATENT, deepseek_rules, deepseek_v3

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _stretch(c: Config) -> Stretch | None:
    scaling = Config(c.scaling() or {})
    share = scaling("llama_4_scaling_beta", 0.0)
    if not share:
        return None
    return Stretch(share, scaling("original_max_position_embeddings", 16384))


def ministral3(c: Config) -> Decoder:
    """Llama with queries that grow past the original context."""
    window = c("sliding_window", 0) if "sliding_window" in c else None
    layer = plain(c, norm=c.norm(default=1e-5), window=window)
    stretch = _stretch(c)
    return decoder(c, change_attention(layer, stretch=stretch))


def mistral4(c: Config) -> Decoder:
    """Latent attention with such queries, and experts by softmax."""
    stretch = _stretch(c)
    defaults = {"n_group": 1, "topk_group": 1, "first_k_dense_replace": 0, **c.values}
    model = deepseek_v3(Config(defaults))
    router = Router(
        normalize=c("norm_topk_prob", True),
        scale=c("routed_scaling_factor", 1.0),
        groups=c("n_group", 1),
        top_groups=c("topk_group", 1),
    )

    def change(layer: Layer) -> Layer:
        if isinstance(layer.ffn, Moe):
            layer = dataclasses.replace(layer, ffn=dataclasses.replace(layer.ffn, router=router))
        return change_attention(layer, stretch=stretch)

    return each(model, change)


def llama4(c: Config) -> Decoder:
    """Attention within pieces, in each fourth layer to everything without positions; experts."""
    bias = c("attention_bias", False)
    chunk = c("attention_chunk_size", 8192)
    layer = plain(
        c,
        norm=c.norm(default=1e-5),
        rope=c.rope(base=500000.0, interleaved=True),
        qkv_bias=bias,
        out_bias=bias,
        chunk=chunk,
    )
    if c("use_qk_norm", True):
        # It has no weights, and comes after the rotation.
        bare = Norm(layer.norm.eps, weight=False)
        layer = change_attention(layer, qk_norm=bare, norm_after_rope=True)
    layer = dataclasses.replace(layer, ffn=Mlp(c("intermediate_size_mlp", 16384), c.act()))
    interval = c.positive("no_rope_layer_interval", 4)
    rotated = c("no_rope_layers", []) or [(i + 1) % interval for i in range(c.depth)]
    if len(rotated) != c.depth:
        raise ValueError(f"'no_rope_layers' must be of each of the {c.depth} layers")
    tuned = c("attn_temperature_tuning", True)
    stretch = Stretch(c("attn_scale", 0.1), c("floor_scale", 8192), 1) if tuned else None
    model = each(
        decoder(c, layer),
        lambda one: change_attention(one, rope=None, qk_norm=None, chunk=None, stretch=stretch),
        [i for i, flag in enumerate(rotated) if not flag],
    )
    experts = Moe(
        c("num_local_experts", 16),
        c("num_experts_per_tok", 1),
        c.hidden,
        Router("sigmoid"),
        c.act(),
        shared=c.hidden,
        weight_inputs=True,
    )
    step = c.positive("interleave_moe_layer_step", 1)
    sparse: list[int] = c("moe_layers", list(range(step - 1, c.depth, step)))

    def with_experts(one: Layer) -> Layer:
        return dataclasses.replace(one, ffn=experts)

    return each(model, with_experts, sparse)


_EXPERTS = ".mlp.experts."
_SWITCH = ".mlp.switch_mlp."


def _load(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """Experts lie in one array each, with the features that come in as rows."""
    loaded: dict[str, mx.array] = {}
    for name, value in weights.items():
        if name.endswith(f"{_EXPERTS}gate_up_proj"):
            stem = name.removesuffix(f"{_EXPERTS}gate_up_proj") + _SWITCH
            gate, up = mx.split(value.swapaxes(1, 2), 2, axis=1)
            loaded |= {f"{stem}gate_proj.weight": gate, f"{stem}up_proj.weight": up}
        elif name.endswith(f"{_EXPERTS}down_proj"):
            loaded[name.replace(_EXPERTS, _SWITCH) + ".weight"] = value.swapaxes(1, 2)
        else:
            loaded[name] = value
    return loaded


def _save(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    if any(_SWITCH in name and name.endswith(".scales") for name in weights):
        return weights
    saved: dict[str, mx.array] = {}
    for name, value in weights.items():
        if name.endswith(f"{_SWITCH}gate_proj.weight"):
            both = mx.concatenate([value, weights[name.replace("gate_proj", "up_proj")]], axis=1)
            target = name.replace(f"{_SWITCH}gate_proj.weight", f"{_EXPERTS}gate_up_proj")
            saved[target] = both.swapaxes(1, 2)
        elif name.endswith(f"{_SWITCH}down_proj.weight"):
            target = name.replace(_SWITCH, _EXPERTS).removesuffix(".weight")
            saved[target] = value.swapaxes(1, 2)
        elif not name.endswith(f"{_SWITCH}up_proj.weight"):
            saved[name] = value
    return saved


_LLAMA4: Sequence[Rule] = (
    *renamed(("feed_forward", "mlp"), ("mlp.router", "mlp.gate")),
    Convert(_load, _save),
)

_INTERLEAVED = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}

ARCHITECTURES = {
    "llama4_text": Architecture(
        llama4, _LLAMA4, gguf=GGUFNames(LAYER | EXPERTS | SHARED, entries=llama4_entries)
    ),
    "ministral3": Architecture(
        ministral3, gguf=GGUFNames(LAYER, _INTERLEAVED, entries=ministral_entries)
    ),
    "mistral4": Architecture(
        mistral4,
        deepseek_rules,
        gguf=dataclasses.replace(GGUF_LATENT, entries=latent.mistral4_entries),
    ),
}
