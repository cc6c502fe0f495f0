"""DeepSeek-V4.1, without the layers that look up n-grams."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Drop, Rename, Rule, Stack
from mlx_lm_py.models.spec import Choice, Compressed, Decoder, Hyper, Layer, Moe, Rope, Router

from .common import decoder, refuse, renamed
from .glm import SHARED

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


_SCORES: dict[str, Literal["root", "sigmoid", "softmax"]] = {
    "sqrtsoftplus": "root",
    "sigmoid": "sigmoid",
    "softmax": "softmax",
}


def deepseek_v41(c: Config) -> Decoder:
    """A window, groups of positions chosen from all, and several hidden states."""
    refuse(c, engram_layer_ids=[])
    score = c("scoring_func", "sqrtsoftplus")
    if score not in _SCORES:
        raise ValueError(f"'scoring_func' {score!r} is not supported; known: {', '.join(_SCORES)}")
    hidden, top_k = c("moe_intermediate_size", 2304), c("num_experts_per_tok", 6)
    router = Router(
        _SCORES[score],
        normalize=c("norm_topk_prob", True) and top_k > 1,
        logit_scale=1 / c.positive("gate_temp", 1.0),
        scale=c("routed_scaling_factor", 1.5),
        bias=True,
    )
    limit = c("swiglu_limit", 10.0)
    experts = Moe(
        c("n_routed_experts", 384),
        top_k,
        hidden,
        router,
        "bounded_silu",
        shared=hidden,
        limit=limit,
        shared_limit=limit,
    )
    norm = c.norm(default=1e-20)
    streams = Hyper(c("hc_mult", 4), c("hc_sinkhorn_iters", 20), c("hc_eps", 1e-6))
    layer = Layer(_attention(c, 0), experts, norm, streams=streams)
    model = decoder(c, layer, streams=streams)
    mixers = [_attention(c, i) for i in range(c.depth)]
    _check_groups(mixers)
    pairs = zip(model.layers, mixers, strict=True)
    layers = (dataclasses.replace(one, mixer=mixer) for one, mixer in pairs)
    return dataclasses.replace(model, layers=tuple(layers))


def _check_groups(mixers: Sequence[Compressed]) -> None:
    """Refuse layers that share groups, or the choice of them, and disagree about their size."""
    sizes: dict[str, int] = {}
    for mixer in mixers:
        if not mixer.ratio:
            continue
        if mixer.sums:
            sizes["sums"] = mixer.ratio
        if mixer.choice is not None:
            sizes |= {"keys": mixer.ratio} if mixer.sums else {}
            sizes |= {"candidates": mixer.ratio} if mixer.choice.candidates else {}
        if set(sizes.values()) - {mixer.ratio}:
            raise ValueError(
                "'compress_ratios' in the configuration must be the same for layers that share "
                f"groups or the choice of them, not {mixer.ratio} after {sizes}"
            )


def _layers(c: Config, name: str) -> list[int]:
    numbers: list[int] = c(name, [])
    return numbers


def _attention(c: Config, i: int) -> Compressed:
    """The attention of a layer. Those with groups have positions with a base of their own."""
    rope_dim = c("qk_rope_head_dim", 64)
    ratios: list[Any] = c("compress_ratios", [])
    ratio: Any = ratios[i] if i < len(ratios) else 0
    if type(ratio) is not int:
        raise ValueError(f"'compress_ratios' in the configuration has {ratio!r}, which is no int")
    rope = Rope(rope_dim, c("rope_theta", 10000.0), True)
    choice = None
    if ratio:
        scaling = c.scaling()
        if scaling is not None and scaling.get("rope_type") != "default":
            scaling = {"factor": 1.0, **scaling, "rope_type": "yarn", "attention_factor": 1.0}
        rope = Rope(rope_dim, c("compress_rope_theta", 160000.0), True, scaling, c.context)
        if i in _layers(c, "index_source_layer_ids"):
            is_source = i == c("candidate_source_layer_id", -1)
            choice = Choice(
                c("index_n_heads", 32),
                c("index_head_dim", 128),
                c("index_topk", 512),
                c("candidate_topk_blocks", 2048) if is_source else 0,
                c("candidate_block_size", 8),
            )
    return Compressed(
        c.heads,
        c("head_dim", 512),
        rope_dim,
        c("q_lora_rank", 1280),
        c("o_groups", 8),
        c("o_lora_rank", 1024),
        c.norm(default=1e-20),
        rope,
        c("sliding_window", 128),
        ratio,
        bool(ratio) and i in _layers(c, "kv_source_layer_ids"),
        choice,
    )


def _rules(c: Config) -> Sequence[Rule]:
    groups = c("o_groups", 8)

    def is_apart(name: str) -> bool:
        return ".self_attn.o_a_proj." in name

    def load(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        return {
            name: mx.unflatten(value, 0, (groups, -1))
            if is_apart(name) and value.ndim == 2
            else value
            for name, value in weights.items()
        }

    def save(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        return {k: v.flatten(0, 1) if is_apart(k) else v for k, v in weights.items()}

    experts = (("w1", "gate_proj"), ("w2", "down_proj"), ("w3", "up_proj"))
    attention = (
        ("attn_sink", "sinks"),
        ("wq_a", "q_a_proj"),
        ("wq_b", "q_b_proj"),
        ("q_norm", "q_a_norm"),
        ("wkv", "kv_proj"),
        ("wo_a", "o_a_proj"),
        ("wo_b", "o_b_proj"),
        ("compressor.wkv", "compressor.kv_proj"),
        ("compressor.wgate", "compressor.gate_proj"),
        ("compressor.norm", "compressor.kv_norm"),
        ("indexer.wq_b", "indexer.q_b_proj"),
        ("indexer.wk", "indexer.k_proj"),
    )
    return (
        *(Drop(name) for name in ("vision", "aligner", "image_*", "mtp")),
        Drop("layers.*.ffn.gate.bias_vl"),
        Rename("layers", "model.layers"),
        Rename("embed", "model.embed_tokens"),
        Rename("norm", "model.norm"),
        Rename("head", "lm_head"),
        *renamed(
            *(
                (f"hc_{part}_{kind}", f"{part}_hc.{kind}")
                for part in ("attn", "ffn")
                for kind in ("fn", "base", "scale")
            ),
            ("attn_norm", "input_layernorm"),
            ("ffn_norm", "post_attention_layernorm"),
            ("ffn", "mlp"),
            ("attn", "self_attn"),
            ("mlp.gate.bias", "mlp.gate.e_score_correction_bias"),
            *((f"self_attn.{theirs}", f"self_attn.{ours}") for theirs, ours in attention),
            *(
                (f"mlp.shared_experts.{theirs}", f"mlp.shared_experts.{ours}")
                for theirs, ours in experts
            ),
        ),
        *(
            Stack(f"model.layers.*.mlp.experts.*.{theirs}", f"model.layers.*.mlp.switch_mlp.{ours}")
            for theirs, ours in experts
        ),
        SHARED,
        Rename(
            "model.layers.*.mlp.experts.switch_mlp", "model.layers.*.mlp.switch_mlp", undone=False
        ),
        Convert(load, save),
    )


ARCHITECTURES = {"deepseek_v41": Architecture(deepseek_v41, _rules)}
