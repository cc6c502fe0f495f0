"""Families of one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import granite_entries, stablelm_entries
from mlx_lm_py.models.gguf.experts import ernie_entries
from mlx_lm_py.models.gguf_names import BIAS, LAYER, POST_NORMS, QK_NORM, GGUFNames
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.gguf_names import SHARED as GGUF_SHARED
from mlx_lm_py.models.rules import Convert, Rename, Rule, Split, Stack
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Moe, Norm, Router, each

from .common import change_attention, decoder, layer_types, plain, sliding
from .glm import SHARED
from .llama import ernie, granite
from .qwen import EXPERTS, FUSED_EXPERTS, experts_of, sparse

__all__ = ["ARCHITECTURES", "granite_moe_rules"]


def __dir__() -> list[str]:
    return __all__


def stablelm(c: Config) -> Decoder:
    """StableLM (https://arxiv.org/abs/2402.17834): a quarter of a head rotates."""
    if c("qk_layernorm", False):
        raise ValueError("'qk_layernorm' in the configuration is not supported")
    norm = Norm(c("layer_norm_eps", 1e-5), kind="layer", bias=True)
    layer = plain(c, norm=norm, rope=c.rope(0.25), qkv_bias=c("use_qkv_bias", False))
    if c("use_parallel_residual", False):
        layer = dataclasses.replace(layer, order="parallel")
    return decoder(c, layer)


def nemotron(c: Config) -> Decoder:
    """Nemotron (https://arxiv.org/abs/2402.16819): norms less one, squared ReLU without a gate."""
    norm = Norm(c("norm_eps", 1e-5), kind="layer", bias=True, offset=1.0)
    bias = c("attention_bias", False)
    mixer = c.attention(c.rope(0.5), qkv_bias=bias, out_bias=bias)
    mlp = Mlp(c.hidden, c.act("relu2"), gated=False, bias=c("mlp_bias", False))
    return decoder(c, Layer(mixer, mlp, norm))


def exaone4(c: Config) -> Decoder:
    """EXAONE 4 (https://arxiv.org/abs/2507.11407): norms after each part."""
    norm = c.norm(default=1e-5)
    layer = dataclasses.replace(plain(c, norm=norm, qk_norm=norm), order="post")
    model = decoder(c, layer)
    if "sliding_window" not in c:
        return model
    window, pattern = c("sliding_window", int), 4
    full = [i for i, kind in enumerate(layer_types(c, pattern)) if kind == "full_attention"]
    model = each(model, lambda one: change_attention(one, rope=None), full)
    return each(model, lambda one: change_attention(one, window=window), sliding(c, pattern))


def ernie_moe(c: Config) -> Decoder:
    """ERNIE 4.5 with experts, whose choice a bias takes part in, and shared ones."""
    router = Router(normalize=True, bias=True)
    size = c("moe_intermediate_size", int)
    experts = Moe(
        c("moe_num_experts", int),
        c("moe_k", 2),
        size,
        router,
        c.act(),
        shared=c("moe_num_shared_experts", 0) * size,
    )
    first = c("moe_layer_start_index", 1)
    last = c("moe_layer_end_index", -1)
    step = c.positive("moe_layer_interval", 1)
    chosen = range(max(first, 0), c.depth if last < 0 else min(last + 1, c.depth))
    model = ernie(Config({"tie_word_embeddings": True, **c.values}))
    return each(
        model,
        lambda layer: dataclasses.replace(layer, ffn=experts),
        [i for i in chosen if (i + 1) % step == 0],
    )


def granite_moe(c: Config) -> Decoder:
    """Granite with experts (https://arxiv.org/abs/2505.08699)."""
    return sparse(c, granite(c), experts_of(c, Router(before=False)))


def granite_moe_rules(c: Config) -> Sequence[Rule]:
    """How Granite keeps its experts.

    Args:
        c: The configuration.

    Returns:
        The rules.
    """
    moe = "model.layers.*.mlp."
    hidden = c.hidden
    return (
        Rename("model.layers.*.block_sparse_moe", "model.layers.*.mlp"),
        Rename(f"{moe}router.layer", f"{moe}gate"),
        Split(
            f"{moe}input_linear",
            (f"{moe}switch_mlp.gate_proj", f"{moe}switch_mlp.up_proj"),
            (hidden, hidden),
            axis=1,
        ),
        Rename(f"{moe}output_linear", f"{moe}switch_mlp.down_proj"),
    )


_BIAS = "mlp.gate.e_score_correction_bias"
_ERNIE: tuple[Rule, ...] = (
    *EXPERTS,
    SHARED,
    Rename("model.layers.*.mlp.moe_statics.e_score_correction_bias", f"model.layers.*.{_BIAS}"),
    Convert(
        lambda weights: {k: v.flatten() if k.endswith(_BIAS) else v for k, v in weights.items()},
        lambda weights: {k: v[None] if k.endswith(_BIAS) else v for k, v in weights.items()},
    ),
)


def mixtral(c: Config) -> Decoder:
    """Mixtral (https://arxiv.org/abs/2401.04088): the weights of the chosen experts sum to one."""
    window = c("sliding_window", 0) if "sliding_window" in c else None
    layer = plain(c, norm=c.norm(default=1e-5), rope=c.rope(base=1e6), window=window)
    return sparse(c, decoder(c, layer), experts_of(c, Router(before=False)))


_MIXTRAL: tuple[Rule, ...] = (
    Rename("model.layers.*.block_sparse_moe", "model.layers.*.mlp"),
    FUSED_EXPERTS,
    *(
        Stack(f"model.layers.*.mlp.experts.*.{theirs}", f"model.layers.*.mlp.switch_mlp.{ours}")
        for theirs, ours in (("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj"))
    ),
)

_INTERLEAVED = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}

ARCHITECTURES = {
    "ernie4_5_moe": Architecture(
        ernie_moe,
        _ERNIE,
        gguf=GGUFNames(LAYER | GGUF_EXPERTS | GGUF_SHARED | BIAS, entries=ernie_entries),
    ),
    "granitemoe": Architecture(
        granite_moe,
        granite_moe_rules,
        gguf=GGUFNames(LAYER | GGUF_EXPERTS, _INTERLEAVED, entries=granite_entries),
    ),
    "exaone4": Architecture(
        exaone4,
        gguf=GGUFNames(LAYER | QK_NORM | POST_NORMS),
    ),
    "mixtral": Architecture(mixtral, _MIXTRAL, gguf=GGUFNames(LAYER | GGUF_EXPERTS, _INTERLEAVED)),
    "nemotron": Architecture(nemotron, gguf=GGUFNames(norms_hold_one=True)),
    "stablelm": Architecture(stablelm, gguf=GGUFNames(entries=stablelm_entries)),
}
