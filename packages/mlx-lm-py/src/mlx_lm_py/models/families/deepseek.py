"""DeepSeek: https://arxiv.org/abs/2405.04434, https://arxiv.org/abs/2412.19437."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import latent
from mlx_lm_py.models.gguf.experts import deepseek_entries
from mlx_lm_py.models.gguf_names import BIAS, INTERLEAVED, LAYER, QK_NORM, GGUFNames
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.gguf_names import SHARED as GGUF_SHARED
from mlx_lm_py.models.rules import Drop, Rule
from mlx_lm_py.models.spec import Decoder, Layer, Mla, Mlp, Rope, Router, each

from .common import decoder, plain
from .glm import SHARED, with_experts
from .qwen import EXPERTS, experts_of

__all__ = ["ARCHITECTURES", "GGUF_LATENT", "deepseek_rules", "deepseek_v3", "yarn_scale"]


def __dir__() -> list[str]:
    return __all__


def yarn_scale(c: Config, width: int) -> float:
    """What products of queries and keys are multiplied by, where the context has been stretched.

    Args:
        c: The configuration.
        width: The width of a head.

    Returns:
        The number.
    """
    scaling = c.scaling() or {}
    scale: float = width**-0.5
    weight = scaling.get("mscale_all_dim")
    if weight and scaling.get("rope_type", scaling.get("type")) != "default":
        factor = float(scaling.get("factor", 1.0))
        scale *= (0.1 * float(weight) * math.log(max(factor, 1.0)) + 1.0) ** 2
    return scale


def _latent(c: Config, *, interleaved: bool) -> Mla:
    nope, rope_dim = c("qk_nope_head_dim", 128), c("qk_rope_head_dim", 64)
    rope = Rope(rope_dim, c("rope_theta", 10000.0), interleaved, c.scaling(), c.context)
    return Mla(
        c.heads,
        kv_rank=c("kv_lora_rank", 512),
        nope_dim=nope,
        rope_dim=rope_dim,
        value_dim=c("v_head_dim", 128),
        rope=rope,
        norm=dataclasses.replace(c.norm(default=1e-6), eps=1e-6),
        q_rank=c("q_lora_rank", 0) or None,
        scale=yarn_scale(c, nope + rope_dim),
        bias=c("attention_bias", False),
    )


def deepseek_v3(c: Config) -> Decoder:
    """Latent attention; experts chosen by sigmoids with a bias, from the best groups."""
    mixer = _latent(c, interleaved=c("rope_interleave", True))
    model = decoder(c, Layer(mixer, Mlp(c.hidden, c.act()), c.norm(default=1e-6)))
    defaults = Config({"n_group": 8, "topk_group": 4, "first_k_dense_replace": 3, **c.values})
    return with_experts(defaults, model)


def deepseek_v2(c: Config) -> Decoder:
    """Latent attention; experts by softmax, from the groups with the best ones."""
    mixer = _latent(c, interleaved=True)
    model = decoder(c, Layer(mixer, Mlp(c.hidden, c.act()), c.norm(default=1e-6)))
    grouped = c("topk_method", "greedy") == "group_limited_greedy"
    router = Router(
        scale=c("routed_scaling_factor", 1.0),
        groups=c("n_group", 1) if grouped else 1,
        top_groups=c("topk_group", 1) if grouped else 1,
        group_score="best",
    )
    shared = c("n_shared_experts", 2) * c("moe_intermediate_size", 1407)
    experts = experts_of(c, router, shared=shared)
    first = c("first_k_dense_replace", 0)
    return each(model, lambda layer: dataclasses.replace(layer, ffn=experts), range(first, c.depth))


def glm4_moe_lite(c: Config) -> Decoder:
    """DeepSeek-V3 with experts of one group after the first layer."""
    types = c("mlp_layer_types", ["dense"])
    first = {"first_k_dense_replace": types.count("dense"), "n_group": 1, "topk_group": 1}
    return deepseek_v3(Config({**first, "rms_norm_eps": 1e-5, **c.values}))


def youtu(c: Config) -> Decoder:
    """Latent attention without experts."""
    mixer = _latent(c, interleaved=c("rope_interleave", True))
    return decoder(c, Layer(mixer, Mlp(c.hidden, c.act()), c.norm(default=1e-6)), tied=True)


def minicpm3(c: Config) -> Decoder:
    """Latent attention without experts; scales of embeddings, depth and logits."""
    mixer = _latent(c, interleaved=False)
    layer = Layer(mixer, Mlp(c.hidden, c.act()), c.norm(default=1e-5))
    return decoder(
        c,
        dataclasses.replace(layer, residual=c("scale_depth", 1.4) / c.depth**0.5),
        tied=True,
        embed_scale=c("scale_emb", 12.0),
        logit_scale=c("dim_model_base", 256) / c.width,
    )


def deepseek(c: Config) -> Decoder:
    """DeepSeekMoE (https://arxiv.org/abs/2401.06066): plain attention, experts by softmax."""
    bias = c("attention_bias", False)
    layer = plain(c, norm=c.norm(default=1e-6), qkv_bias=bias, out_bias=bias)
    model = decoder(c, layer)
    if "n_routed_experts" not in c:
        return model
    router = Router(normalize=c("norm_topk_prob", False), scale=c("routed_scaling_factor", 1.0))
    shared = c("n_shared_experts", 0) * c("moe_intermediate_size", 1407)
    experts = experts_of(c, router, shared=shared)
    first, step = c("first_k_dense_replace", 0), c.positive("moe_layer_freq", 1)
    chosen = [i for i in range(first, c.depth) if i % step == 0]
    return each(model, lambda layer: dataclasses.replace(layer, ffn=experts), chosen)


def dots1(c: Config) -> Decoder:
    """Plain attention with norms of queries and keys, and the experts of DeepSeek-V3."""
    norm = c.norm(default=1e-6)
    bias = c("attention_bias", False)
    layer = plain(c, norm=norm, qkv_bias=bias, out_bias=bias, qk_norm=norm)
    model = decoder(c, layer)
    return with_experts(Config({"first_k_dense_replace": 0, **c.values}), model)


def deepseek_rules(c: Config) -> Sequence[Rule]:
    """Experts one by one, and layers that predict further tokens.

    Args:
        c: The configuration.

    Returns:
        The rules.
    """
    return (Drop(f"model.layers.{c.depth}"), *EXPERTS, SHARED)


_MOE = GGUF_EXPERTS | GGUF_SHARED | BIAS
GGUF_LATENT = GGUFNames(
    LAYER | latent.LATENT | _MOE,
    joined=latent.JOINED,
    rules=latent.join_latents,
    entries=latent.deepseek_entries,
)

ARCHITECTURES = {
    "deepseek": Architecture(
        deepseek,
        deepseek_rules,
        gguf=GGUFNames(LAYER | GGUF_EXPERTS | GGUF_SHARED, INTERLEAVED, entries=deepseek_entries),
    ),
    "deepseek_v2": Architecture(deepseek_v2, deepseek_rules, gguf=GGUF_LATENT),
    "deepseek_v3": Architecture(deepseek_v3, deepseek_rules, gguf=GGUF_LATENT),
    "glm4_moe_lite": Architecture(glm4_moe_lite, deepseek_rules, gguf=GGUF_LATENT),
    "minicpm3": Architecture(
        minicpm3,
        gguf=GGUFNames(
            LAYER | latent.LATENT, joined=latent.JOINED, entries=latent.minicpm3_entries
        ),
    ),
    "youtu": Architecture(youtu, gguf=GGUF_LATENT),
    "dots1": Architecture(dots1, deepseek_rules, gguf=GGUFNames(LAYER | QK_NORM | _MOE)),
}
