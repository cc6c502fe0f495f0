"""GLM: https://arxiv.org/abs/2406.12793, https://arxiv.org/abs/2508.06471."""

from __future__ import annotations

import dataclasses

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import glm_entries
from mlx_lm_py.models.gguf_names import BIAS, LAYER, POST_ATTENTION, QK_NORM, GGUFNames
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.gguf_names import SHARED as GGUF_SHARED
from mlx_lm_py.models.rules import Drop, Rename
from mlx_lm_py.models.spec import Decoder, Layer, Router, each

from .common import decoder, plain
from .phi import fused_mlp
from .qwen import EXPERTS, experts_of

__all__ = ["ARCHITECTURES", "GGUF_GLM_MOE", "SHARED", "with_experts"]


def __dir__() -> list[str]:
    return __all__


def glm(c: Config) -> Decoder:
    """Half of each head rotates, neighbours together."""
    layer = plain(
        c,
        norm=c.norm(default=1.5625e-7),
        rope=c.rope(0.5, interleaved=True),
        qkv_bias=c("attention_bias", False),
    )
    return decoder(c, layer)


def glm4(c: Config) -> Decoder:
    """Norms on both sides."""
    return each(glm(c), lambda layer: dataclasses.replace(layer, order="sandwich"))


def glm4_moe(c: Config) -> Decoder:
    """Experts chosen by sigmoids with a bias, from the best groups; dense layers first."""
    norm = c.norm(default=1e-5)
    layer = plain(
        c,
        norm=norm,
        rope=c.rope(0.5),
        qkv_bias=c("attention_bias", False),
        qk_norm=norm if c("use_qk_norm", False) else None,
    )
    return with_experts(c, decoder(c, layer))


def with_experts(c: Config, model: Decoder) -> Decoder:
    """Give the layers after the first ones the experts of DeepSeek-V3.

    Args:
        c: The configuration.
        model: The decoder.

    Returns:
        The decoder with experts (https://arxiv.org/abs/2412.19437).
    """
    router = Router(
        score="sigmoid",
        normalize=c("norm_topk_prob", True),
        scale=c("routed_scaling_factor", 1.0),
        bias=True,
        groups=c("n_group", 1),
        top_groups=c("topk_group", 1),
    )
    shared = c("n_shared_experts", 0) * c("moe_intermediate_size", int)
    experts = experts_of(c, router, shared=shared)

    def sparse(layer: Layer) -> Layer:
        return dataclasses.replace(layer, ffn=experts)

    return each(model, sparse, range(c("first_k_dense_replace", 1), c.depth))


_GLM4_NORMS = tuple(
    Rename(f"model.layers.*.{theirs}", f"model.layers.*.{ours}")
    for theirs, ours in (
        # The second is the first's name in the model.
        ("post_attention_layernorm", "pre_feedforward_layernorm"),
        ("post_self_attn_layernorm", "post_attention_layernorm"),
        ("post_mlp_layernorm", "post_feedforward_layernorm"),
    )
)
SHARED = Rename("model.layers.*.mlp.shared_experts", "model.layers.*.mlp.shared_expert")

GGUF_GLM_MOE = GGUFNames(
    LAYER | QK_NORM | POST_ATTENTION | GGUF_EXPERTS | GGUF_SHARED | BIAS, entries=glm_entries
)

ARCHITECTURES = {
    "glm": Architecture(
        glm,
        lambda c: (fused_mlp(c),),
        gguf=GGUFNames(LAYER | {"ffn_up": "mlp.gate_up_proj"}),
    ),
    "glm4": Architecture(
        glm4,
        lambda c: (fused_mlp(c), *_GLM4_NORMS),
        gguf=GGUFNames(
            LAYER
            | {
                "ffn_up": "mlp.gate_up_proj",
                "post_attention_norm": "post_self_attn_layernorm",
                "post_ffw_norm": "post_mlp_layernorm",
            }
        ),
    ),
    "glm4_moe": Architecture(
        glm4_moe,
        lambda c: (Drop(f"model.layers.{c.depth}"), *EXPERTS, SHARED),
        gguf=GGUF_GLM_MOE,
    ),
}
