"""Ling and Ring, whose checkpoints are called Bailing (https://arxiv.org/abs/2503.05139)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.experts import bailing_entries
from mlx_lm_py.models.gguf.latent import JOINED, LATENT, join_latents
from mlx_lm_py.models.gguf.per_layer import LING_CHANGES, ling_entries
from mlx_lm_py.models.gguf_names import BIAS, INTERLEAVED, LAYER, QK_NORM, GGUFNames
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.gguf_names import SHARED as GGUF_SHARED
from mlx_lm_py.models.rules import Convert, Join, Rename, Rule, Split
from mlx_lm_py.models.spec import Decay, Decoder, Delta, Layer, Mla, Moe, Rope, Router, each

from .common import (
    CONVOLUTIONS,
    decoder,
    drop_mtp,
    kinds,
    plain,
    refuse,
    renamed,
    unit_rows,
)
from .deepseek import yarn_scale
from .glm import SHARED
from .qwen import EXPERTS, experts_of

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _experts(c: Config) -> Moe:
    groups = c("n_group", 1)
    router = Router(
        "sigmoid" if c("score_function", "softmax") == "sigmoid" else "softmax",
        normalize=c("norm_topk_prob", True) and c("num_experts_per_tok", 1) > 1,
        scale=c("routed_scaling_factor", 1.0),
        bias=c("moe_router_enable_expert_bias", False),
        groups=groups,
        top_groups=min(c("topk_group", groups), groups),
    )
    shared = 0
    if c("moe_router_enable_shared_expert", True):
        each_one = c("moe_shared_expert_intermediate_size", 0) or c("moe_intermediate_size", int)
        shared = each_one * c("num_shared_experts", 0)
    return experts_of(c, router, shared=shared)


def bailing_moe(c: Config) -> Decoder:
    """Queries, keys and values in one weight; experts, and some that all tokens use."""
    refuse(c, use_bias=False)
    norm = c.norm(default=1e-6)
    share = c("rotary_dim", 0) / c.head_dim or 1.0
    layer = plain(
        c,
        norm=norm,
        rope=c.rope(share),
        qkv_bias=c("use_qkv_bias", False),
        qk_norm=norm if c("use_qk_norm", False) else None,
    )
    experts = _experts(c)

    def sparse(one: Layer) -> Layer:
        return dataclasses.replace(one, ffn=experts)

    return each(decoder(c, layer), sparse, range(c("first_k_dense_replace", 0), c.depth))


def _recurrent(c: Config) -> list[int]:
    """The layers without attention: all but the last of each group, and what is left of one."""
    size = c.positive("layer_group_size", 1)
    whole = c.depth // size * size
    usual = [
        "linear_attention" if (i + 1) % size and i < whole else "full_attention"
        for i in range(c.depth)
    ]
    types = kinds(c, usual, "linear_attention", "full_attention")
    return [i for i, kind in enumerate(types) if kind == "linear_attention"]


def _slopes(heads: int) -> list[float]:
    """A geometric series, as of https://arxiv.org/abs/2108.12409."""
    whole = 2 ** math.floor(math.log2(heads))
    own = [2.0 ** (-8 * (i + 1) / whole) for i in range(whole)]
    between = [2.0 ** (-4 * (i + 1) / whole) for i in range(2 * whole)]
    return own + between[::2][: heads - whole]


def _faded(c: Config, model: Decoder, first: int) -> Decoder:
    """Give layers linear attention, that of later ones fading more slowly."""
    norm = c.norm(default=1e-6)
    last = max(1, c.depth - 1)

    def change(i: int, layer: Layer) -> Layer:
        share = 1 - max(0, i - first) / last + 1e-5
        mixer = Decay(
            c.heads,
            c.head_dim,
            tuple(slope * share for slope in _slopes(c.heads)),
            c.rope(),
            norm,
            c("group_norm_size", 1),
            norm if c("use_qk_norm", False) else None,
            c("use_qkv_bias", False),
        )
        return dataclasses.replace(layer, mixer=mixer)

    chosen = set(_recurrent(c))
    layers = (change(i, one) if i in chosen else one for i, one in enumerate(model.layers))
    return dataclasses.replace(model, layers=tuple(layers))


def bailing_moe_linear(c: Config) -> Decoder:
    """Ring-linear (https://arxiv.org/abs/2510.19338): linear attention in most layers."""
    return _faded(c, bailing_moe(c), 1)


def bailing_hybrid(c: Config) -> Decoder:
    """Ling 2.5 with latent attention beside that; Ling 3 with delta networks beside that."""
    sigmoid = {"score_function": "sigmoid", "moe_router_enable_expert_bias": True}
    if not _is_third(c):
        sigmoid |= {"use_qk_norm": True, "partial_rotary_factor": 0.5}
    c = Config({**sigmoid, **c.values, "num_key_value_heads": c.heads})
    model = bailing_moe(Config({**c.values, "moe_shared_expert_intermediate_size": _shared(c)}))
    norm = c.norm(default=1e-6)
    nope, rope_dim = c("qk_nope_head_dim", 128), c("qk_rope_head_dim", 64)
    interleaved = c("rope_interleave", True)
    base = c("rope_theta", 6e6)
    latent = Mla(
        c.heads,
        c("kv_lora_rank", 512),
        nope,
        rope_dim,
        c("v_head_dim", 128),
        Rope(rope_dim, base, interleaved, c.scaling(), c.context),
        norm,
        c("q_lora_rank", 0) or None,
        yarn_scale(c, nope + rope_dim),
        c("use_qkv_bias", False),
        gate="head" if _is_third(c) else None,
    )
    model = each(model, lambda one: dataclasses.replace(one, mixer=latent))
    if not _is_third(c):
        return _faded(c, model, 0)
    refuse(c, kda_safe_gate=True, no_kda_lora=True)
    delta = Delta(
        c.heads,
        c.heads,
        c("head_dim", 128),
        c("head_dim", 128),
        norm,
        c("short_conv_kernel_size", 4),
        gate_act="sigmoid",
        rows=True,
        floor=c("kda_lower_bound", -5.0),
    )
    return each(model, lambda one: dataclasses.replace(one, mixer=delta), _recurrent(c))


def _is_third(c: Config) -> bool:
    """Whether it is Ling 3, which has the name of Ling 2.5."""
    return any(name in c for name in ("kda_lower_bound", "kda_safe_gate", "no_kda_lora"))


def _shared(c: Config) -> int:
    """The features of one of the shared experts, of which the entry is of all."""
    count = max(c("num_shared_experts", 1), 1)
    return (c("moe_shared_expert_intermediate_size", 0) // count) or c("moe_intermediate_size", int)


_NAMES = renamed(
    ("attention", "self_attn"),
    ("self_attn.dense", "self_attn.o_proj"),
    ("self_attn.query_layernorm", "self_attn.q_norm"),
    ("self_attn.key_layernorm", "self_attn.k_norm"),
    # Of latent attention.
    ("self_attn.g_proj", "self_attn.gate_proj"),
    ("mlp.gate.expert_bias", "mlp.gate.e_score_correction_bias"),
)
_OF_MLX = Rename("model.layers.*.mlp.gate.gate_proj", "model.layers.*.mlp.gate", undone=False)


def _unit_head(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    return unit_rows(weights, "lm_head.weight", axis=0)


def _rules(c: Config) -> Sequence[Rule]:
    width = c.head_dim
    rows = (c.heads * width, c.kv_heads * width, c.kv_heads * width)
    names = tuple(f"model.layers.*.self_attn.{part}_proj" for part in "qkv")
    head = (Convert(_unit_head, lambda weights: weights),) if c("norm_head", False) else ()
    return (
        *drop_mtp(c),
        *head,
        Rename("model.word_embeddings", "model.embed_tokens"),
        *_NAMES,
        Split("model.layers.*.self_attn.query_key_value", names, rows),
        _OF_MLX,
        *EXPERTS,
        SHARED,
    )


def _hybrid_rules(c: Config) -> Sequence[Rule]:
    theirs = "model.layers.{}.attention"
    ours = "model.layers.{}.linear_attn"
    rules: list[Rule] = []
    names = {
        "query_key_value": "qkv_proj",
        "dense": "o_proj",
        "g_norm": "norm",
        "query_layernorm": "q_norm",
        "key_layernorm": "k_norm",
    }
    if _is_third(c):
        names = {"f_proj": "in_proj_a", "b_proj": "in_proj_b", "g_proj": "in_proj_z"}
        names |= {"o_norm": "norm", "o_proj": "out_proj"}
    for i in _recurrent(c):
        layer = ours.format(i)
        rules.append(Rename(theirs.format(i), layer))
        rules += [Rename(f"{layer}.{name}", f"{layer}.{own}") for name, own in names.items()]
    if _is_third(c):
        mixer, rows = ours.format("*"), (c.heads * c("head_dim", 128),) * 3
        rules += [
            Join(tuple(f"{mixer}.{p}_proj" for p in "qkv"), f"{mixer}.in_proj_qkv", rows),
            Join(tuple(f"{mixer}.{p}_conv1d" for p in "qkv"), f"{mixer}.conv1d", rows),
            CONVOLUTIONS,
        ]
    return (*rules, *_rules(c))


_GGUF3 = GGUFNames(
    {
        **LAYER,
        **LATENT,
        **GGUF_EXPERTS,
        **GGUF_SHARED,
        **BIAS,
        **{f"attn_{part}": f"attention.{part}_proj" for part in "qkv"},
        "attn_output": "attention.o_proj",
        "attn_gate": "attention.g_proj",
        **{f"ssm_conv1d_{part}": f"attention.{part}_conv1d" for part in "qkv"},
        "ssm_a": "attention.A_log",
        "ssm_beta": "attention.b_proj",
        "ssm_dt.bias": "attention.dt_bias",
        "ssm_f_a": "attention.f_proj",
        "ssm_g_a": "attention.g_proj",
        "ssm_norm": "attention.o_norm",
    },
    changes=LING_CHANGES,
    joined=JOINED,
    rules=join_latents,
    entries=ling_entries,
    each_layer=True,
)

ARCHITECTURES = {
    "bailing_hybrid": Architecture(bailing_hybrid, _hybrid_rules, gguf=_GGUF3),
    "bailing_moe": Architecture(
        bailing_moe,
        _rules,
        gguf=GGUFNames(
            {
                **LAYER,
                **QK_NORM,
                **GGUF_EXPERTS,
                **GGUF_SHARED,
                **BIAS,
                # Files of the second Ling have it whole, and its rows as they are.
                "attn_qkv": "attention.query_key_value",
            },
            INTERLEAVED,
            entries=bailing_entries,
        ),
    ),
    "bailing_moe_linear": Architecture(bailing_moe_linear, _hybrid_rules),
}
