"""Ling and Ring, whose checkpoints are called Bailing (https://arxiv.org/abs/2503.05139)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Rename, Rule, Split
from mlx_lm_py.models.spec import Decoder, Layer, Moe, Router, each

from .common import decoder, drop_mtp, plain, refuse, renamed, unit_rows
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


_NAMES = renamed(
    ("attention.dense", "self_attn.o_proj"),
    ("attention.query_layernorm", "self_attn.q_norm"),
    ("attention.key_layernorm", "self_attn.k_norm"),
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
        Split("model.layers.*.attention.query_key_value", names, rows),
        *_NAMES,
        _OF_MLX,
        *EXPERTS,
        SHARED,
    )


ARCHITECTURES = {"bailing_moe": Architecture(bailing_moe, _rules)}
