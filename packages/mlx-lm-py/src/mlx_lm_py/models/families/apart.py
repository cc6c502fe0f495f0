"""Families of one whose parts are found nowhere else: Apertus, BitNet, NanoChat, Phi-3.5-MoE."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import phi_entries, xielu_entries, xielu_rules
from mlx_lm_py.models.gguf.experts import hunyuan_entries
from mlx_lm_py.models.gguf_names import BIAS, LAYER, QK_NORM, SHARED, GGUFNames
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.rules import Convert, Rename, Rule, Stack
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm, Router

from .common import decoder, plain, renamed
from .glm import GGUF_GLM_MOE, with_experts
from .llama import hunyuan_dense
from .qwen import EXPERTS, experts_of

__all__ = ["ARCHITECTURES", "turned"]


def __dir__() -> list[str]:
    return __all__


def apertus(c: Config) -> Decoder:
    """Apertus (https://arxiv.org/abs/2509.14233): xIELU without a gate."""
    norm = c.norm(default=1e-5)
    bias = c("attention_bias", False)
    mixer = c.attention(c.rope(base=12e6), qkv_bias=bias, out_bias=bias, qk_norm=norm)
    return decoder(c, Layer(mixer, Mlp(c.hidden, "xielu", gated=False), norm))


def bitnet(c: Config) -> Decoder:
    """BitNet b1.58 (https://arxiv.org/abs/2504.12285): norms before the last projections."""
    norm = c.norm(default=1e-5)
    bias = c("attention_bias", False)
    layer = plain(c, norm=norm, act="relu2", qkv_bias=bias, out_bias=bias, out_norm=norm)
    ffn = Mlp(c.hidden, c.act("relu2"), norm=norm)
    return decoder(c, dataclasses.replace(layer, ffn=ffn), tied=True)


def nanochat(c: Config) -> Decoder:
    """NanoChat (https://github.com/karpathy/nanochat): norms without weights, everywhere."""
    norm = Norm(c("rms_norm_eps", 1e-6), weight=False)
    bias = c("attention_bias", False)
    mixer = c.attention(c.rope(), qkv_bias=bias, out_bias=bias, qk_norm=norm, norm_after_rope=True)
    layer = Layer(mixer, Mlp(c.hidden, c.act("relu2"), gated=False), norm)
    cap = c("final_logit_softcapping", 15.0)
    return decoder(c, layer, embed_norm=norm, softcap=cap or None)


def turned(c: Config) -> Convert:
    """Heads rotate the other way: their halves change places.

    Args:
        c: The configuration.

    Returns:
        The rule.
    """
    heads = {"q_proj": c.heads, "k_proj": c.kv_heads}

    def turn(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        changed = dict(weights)
        for name, value in weights.items():
            count = heads.get(name.rpartition(".")[0].rpartition(".")[2])
            if count:
                halves = value.reshape(count, 2, value.shape[0] // count // 2, *value.shape[1:])
                changed[name] = halves[:, ::-1].reshape(value.shape)
        return changed

    return Convert(turn, turn)


def _nanochat_rules(c: Config) -> Sequence[Rule]:
    return (turned(c), *renamed(("mlp.fc1", "mlp.up_proj"), ("mlp.fc2", "mlp.down_proj")))


def phimoe(c: Config) -> Decoder:
    """Phi-3.5-MoE (https://arxiv.org/abs/2404.14219): one expert after the other is chosen."""
    norm = Norm(c("rms_norm_eps", 1e-5), kind="layer", bias=True)
    bias = c("attention_bias", False)
    window = c("sliding_window", 0) if "sliding_window" in c else None
    mixer = c.attention(c.rope(base=1e6), qkv_bias=bias, out_bias=bias, window=window)
    layer = Layer(mixer, experts_of(c, Router("mixer")), norm)
    return decoder(c, layer, head_bias=c("lm_head_bias", False))


def minimax_m2(c: Config) -> Decoder:
    """MiniMax-M2: experts chosen by sigmoids with a bias; all heads are normalized as one."""
    # MiniMax-Text-01 has the same type.
    kinds: list[int] = c("attn_type_list", [])
    types: list[str] = c("layer_types", [])
    if 0 in kinds or "linear_attention" in types:
        name = "attn_type_list" if 0 in kinds else "layer_types"
        raise ValueError(
            f"'{name}' in the configuration is of MiniMax-Text-01, whose linear attention is not "
            "supported"
        )
    norm = c.norm(default=1e-6)
    share = c("rotary_dim", c.head_dim) / c.head_dim
    mixer = c.attention(c.rope(share, base=5e6), qk_norm=norm, qk_norm_over="all")
    router = Router("sigmoid", normalize=True, bias=True)
    return decoder(c, Layer(mixer, experts_of(c, router), norm))


def solar_open(c: Config) -> Decoder:
    """GLM-4.5 with whole heads that rotate, and experts in all layers."""
    bias = c("attention_bias", False)
    layer = plain(c, norm=c.norm(default=1e-5), rope=c.rope(base=1e6), qkv_bias=bias)
    return with_experts(Config({"first_k_dense_replace": 0, **c.values}), decoder(c, layer))


def hunyuan_moe(c: Config) -> Decoder:
    """Hunyuan-A13B: the attention of the dense one, experts, and one that all tokens use."""
    if c("use_cla", False):
        raise ValueError("'use_cla' in the configuration is not supported")
    model = hunyuan_dense(c)

    def number(name: str, default: int) -> int:
        value = c.values.get(name)
        if value == []:
            raise ValueError(f"'{name}' in the configuration must not be empty")
        return default if value is None else value[0] if isinstance(value, list) else value

    experts = experts_of(
        Config(
            {
                **c.values,
                "num_experts": number("num_experts", 1),
                "num_experts_per_tok": number("moe_topk", 1),
                "moe_intermediate_size": number("moe_intermediate_size", c.hidden),
            }
        ),
        Router(normalize=True),
        shared=c.hidden * number("num_shared_expert", 1),
    )
    layers = tuple(dataclasses.replace(layer, ffn=experts) for layer in model.layers)
    return dataclasses.replace(model, layers=layers)


_MIXTRAL_NAMES = tuple(
    Stack(f"model.layers.*.mlp.experts.*.{theirs}", f"model.layers.*.mlp.switch_mlp.{ours}")
    for theirs, ours in (("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj"))
)
_BLOCK_SPARSE: Sequence[Rule] = (
    Rename("model.layers.*.block_sparse_moe", "model.layers.*.mlp"),
    *_MIXTRAL_NAMES,
)
_HUNYUAN: Sequence[Rule] = (
    *EXPERTS,
    *renamed(
        ("self_attn.query_layernorm", "self_attn.q_norm"),
        ("self_attn.key_layernorm", "self_attn.k_norm"),
        ("mlp.gate.wg", "mlp.gate"),
        ("mlp.shared_mlp", "mlp.shared_expert"),
    ),
)

ARCHITECTURES = {
    "apertus": Architecture(
        apertus,
        renamed(
            ("attention_layernorm", "input_layernorm"),
            ("feedforward_layernorm", "post_attention_layernorm"),
        ),
        gguf=GGUFNames(LAYER | QK_NORM, rules=xielu_rules, entries=xielu_entries),
    ),
    "bitnet": Architecture(
        bitnet,
        gguf=GGUFNames(
            LAYER | {"attn_sub_norm": "self_attn.attn_sub_norm", "ffn_sub_norm": "mlp.ffn_sub_norm"}
        ),
    ),
    "hunyuan": Architecture(
        hunyuan_moe,
        _HUNYUAN,
        gguf=GGUFNames(LAYER | QK_NORM | GGUF_EXPERTS | SHARED, entries=hunyuan_entries),
    ),
    "minimax_m2": Architecture(
        minimax_m2,
        (
            *_BLOCK_SPARSE,
            *renamed(("mlp.e_score_correction_bias", "mlp.gate.e_score_correction_bias")),
        ),
        gguf=GGUFNames(LAYER | QK_NORM | GGUF_EXPERTS | BIAS),
    ),
    "nanochat": Architecture(nanochat, _nanochat_rules),
    "phimoe": Architecture(
        phimoe, _BLOCK_SPARSE, gguf=GGUFNames(LAYER | GGUF_EXPERTS, entries=phi_entries)
    ),
    "solar_open": Architecture(
        solar_open,
        (*EXPERTS, *renamed(("mlp.shared_experts", "mlp.shared_expert"))),
        gguf=GGUF_GLM_MOE,
    ),
}
