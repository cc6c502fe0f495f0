"""LongCat (https://arxiv.org/abs/2509.01322)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Drop, Rename, Rule, Stack
from mlx_lm_py.models.spec import Decoder, Layer, Mla, Mlp, Moe, Ngrams, Rope, Router

from .common import decoder, refuse
from .deepseek import yarn_scale
from .qwen import EXPERTS

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def longcat(c: Config) -> Decoder:
    """Two layers to one layer with experts, which are added behind the second; some are idle."""
    refuse(c, zero_expert_type="identity", attention_method="MLA", router_bias=False)
    layers = c("num_layers", 28)
    c = Config({"num_hidden_layers": 2 * layers, **c.values})
    if c.depth != 2 * layers:
        raise ValueError(f"'num_hidden_layers' is {c.depth}, not twice 'num_layers' ({layers})")
    norm = c.norm(default=1e-5)
    nope, rope_dim = c("qk_nope_head_dim", 128), c("qk_rope_head_dim", 64)
    rank, q_rank = c.positive("kv_lora_rank", 512), c("q_lora_rank", 0)
    scale_q = c("mla_scale_q_lora", True) and q_rank
    mixer = Mla(
        c.heads,
        rank,
        nope,
        rope_dim,
        c("v_head_dim", 128),
        Rope(rope_dim, c("rope_theta", 1e7), True, c.scaling(), c.context),
        # That of what is compressed keeps its own default.
        dataclasses.replace(norm, eps=1e-5 if _is_ngram(c) else 1e-6),
        q_rank or None,
        yarn_scale(c, nope + rope_dim),
        c("attention_bias", False),
        scales=(
            (c.width / q_rank) ** 0.5 if scale_q else 1.0,
            (c.width / rank) ** 0.5 if c("mla_scale_kv_lora", True) else 1.0,
        ),
    )
    router = Router(
        normalize=c("norm_topk_prob", False), scale=c("routed_scaling_factor", 6.0), bias=True
    )
    experts = Moe(
        c("n_routed_experts", 512),
        c(c.first("moe_topk", "num_experts_per_tok"), 12),
        c(c.first("expert_ffn_hidden_size", "moe_intermediate_size"), 2048),
        router,
        idle=c("zero_expert_num", 0),
    )
    mlp = Mlp(c(c.first("ffn_hidden_size", "intermediate_size"), 12288))
    first, second = Layer(mixer, mlp, norm, shortcut=experts), Layer(mixer, mlp, norm)
    return dataclasses.replace(decoder(c, first), layers=(first, second) * layers)


def _is_ngram(c: Config) -> bool:
    return c("model_type", "").endswith("ngram")


def longcat_ngram(c: Config) -> Decoder:
    """Embeddings of up to four tokens beside that of the last one."""
    ngrams = Ngrams(
        c("emb_neighbor_num", 4),
        c("emb_split_num", 4),
        c("ngram_vocab_size_ratio", 78) * c.vocab_size,
    )
    return dataclasses.replace(longcat(c), ngrams=ngrams)


_NGRAMS = (
    Rename("model.ngram_embeddings.word_embeddings", "model.embed_tokens"),
    Rename("model.ngram_embeddings", "model.ngrams"),
)


def _without_idle(c: Config) -> Convert:
    """The library keeps a part of experts that give back what they get."""
    count = c("n_routed_experts", 512)

    def load(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        kept = {}
        for name, value in weights.items():
            number = name.partition(".mlp.experts.")[2].partition(".")[0]
            if not number.isdecimal() or int(number) < count:
                kept[name] = value
        return kept

    return Convert(load, lambda weights: weights)


def _rules(c: Config) -> Sequence[Rule]:
    rules: list[Rule] = [Drop("model.mtp"), _without_idle(c)]
    # From the last, as a layer's new number is that of another before it is renamed.
    for i in reversed(range(c("num_layers", 28))):
        theirs = f"model.layers.{i}."
        for j in reversed(range(2)):
            ours = f"model.layers.{2 * i + j}."
            rules += [
                Rename(f"{theirs}self_attn.{j}", f"{ours}self_attn"),
                Rename(f"{theirs}mlps.{j}", f"{ours}own_mlp"),
                Rename(f"{theirs}input_layernorm.{j}", f"{ours}input_layernorm"),
                Rename(f"{theirs}post_attention_layernorm.{j}", f"{ours}post_attention_layernorm"),
            ]
        rules.append(Rename(f"{theirs}mlp", f"model.layers.{2 * i}.shortcut_mlp"))
    return (
        *rules,
        Rename("model.layers.*.own_mlp", "model.layers.*.mlp"),
        Rename("model.layers.*.shortcut_mlp.router.classifier", "model.layers.*.shortcut_mlp.gate"),
        Rename(
            "model.layers.*.shortcut_mlp.router.e_score_correction_bias",
            "model.layers.*.shortcut_mlp.gate.e_score_correction_bias",
        ),
        *(
            dataclasses.replace(
                rule,
                theirs=rule.theirs.replace(".mlp.", ".shortcut_mlp."),
                ours=rule.ours.replace(".mlp.", ".shortcut_mlp."),
            )
            for rule in EXPERTS
            if isinstance(rule, Stack)
        ),
        *(_NGRAMS if _is_ngram(c) else ()),
    )


ARCHITECTURES = {
    "longcat_flash": Architecture(longcat, _rules),
    "longcat_flash_ngram": Architecture(longcat_ngram, _rules),
}
