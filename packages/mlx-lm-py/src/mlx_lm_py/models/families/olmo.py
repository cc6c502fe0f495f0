"""OLMo and OLMoE.

Papers: https://arxiv.org/abs/2402.00838, https://arxiv.org/abs/2501.00656,
https://arxiv.org/abs/2409.02060.
"""

from __future__ import annotations

import dataclasses

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import olmo_entries
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.gguf_names import LAYER, POST_NORMS, QK_NORM, GGUFNames
from mlx_lm_py.models.spec import Decoder, Norm, Router, each

from .common import change_attention, decoder, plain, ropes, sliding
from .qwen import EXPERTS, experts_of, sparse

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def olmo(c: Config) -> Decoder:
    """Norms without weights; queries, keys and values are clipped."""
    bias = c("attention_bias", False)
    layer = plain(
        c,
        norm=Norm(1e-5, kind="layer", weight=False),
        qkv_bias=bias,
        out_bias=bias,
        clip=c("clip_qkv", 0.0) or None,
    )
    return decoder(c, layer)


def olmo2(c: Config) -> Decoder:
    """Norms after each part alone; all heads of queries and of keys are normalized as one."""
    norm = c.norm(default=1e-5)
    bias = c("attention_bias", False)
    layer = plain(c, norm=norm, qkv_bias=bias, out_bias=bias, qk_norm=norm, qk_norm_over="all")
    return decoder(c, dataclasses.replace(layer, order="post"))


def olmo3(c: Config) -> Decoder:
    """Three windows, whose positions are not scaled, to one without."""
    window = c("sliding_window", 4096)
    full, local = ropes(c, base=500000.0)
    model = each(olmo2(c), lambda layer: change_attention(layer, rope=full))
    return each(
        model, lambda layer: change_attention(layer, rope=local, window=window), sliding(c, 4)
    )


def olmoe(c: Config) -> Decoder:
    """Experts; all heads of queries and of keys are normalized as one."""
    norm = c.norm(default=1e-5)
    bias = c("attention_bias", False)
    layer = plain(
        c,
        norm=norm,
        qkv_bias=bias,
        out_bias=bias,
        qk_norm=norm,
        qk_norm_over="all",
        clip=c("clip_qkv", 0.0) or None,
    )
    return sparse(c, decoder(c, layer), experts_of(c, Router(normalize=c("norm_topk_prob", False))))


_GGUF = GGUFNames(LAYER | QK_NORM | POST_NORMS, entries=olmo_entries)

ARCHITECTURES = {
    "olmo": Architecture(
        olmo,
        gguf=GGUFNames(
            interleaved={"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}
        ),
    ),
    "olmo2": Architecture(olmo2, gguf=_GGUF),
    "olmo3": Architecture(olmo3, gguf=_GGUF),
    "olmoe": Architecture(olmoe, EXPERTS, gguf=GGUFNames(LAYER | QK_NORM | GGUF_EXPERTS)),
}
