"""Gemma.

Papers: https://arxiv.org/abs/2403.08295, https://arxiv.org/abs/2408.00118,
https://arxiv.org/abs/2503.19786.
"""

from __future__ import annotations

import dataclasses

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf_names import LAYER, QK_NORM, SANDWICH, GGUFNames
from mlx_lm_py.models.spec import Decoder, Norm, each

from .common import change_attention, decoder, plain, ropes, sliding

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _norm(c: Config) -> Norm:
    return dataclasses.replace(c.norm(default=1e-6), offset=1.0)


def gemma(c: Config) -> Decoder:
    """Norms less one, embeddings as long as their width, a gate of GELU."""
    layer = plain(c, norm=_norm(c), act="gelu_pytorch_tanh")
    # Older files name GELU where its approximation is meant.
    ffn = dataclasses.replace(layer.ffn, act="gelu_pytorch_tanh")
    layer = dataclasses.replace(layer, ffn=ffn)
    return decoder(c, layer, tied=True, embed_scale=c.width**0.5)


def gemma2(c: Config) -> Decoder:
    """Norms on both sides, capped scores and logits, and a window in every other layer."""
    cap = c("attn_logit_softcapping", 0.0)
    model = gemma(c)
    final = c("final_logit_softcapping", 0.0)
    model = dataclasses.replace(model, softcap=final or None)
    model = each(
        model,
        lambda layer: change_attention(
            dataclasses.replace(layer, order="sandwich"),
            scale=c.positive("query_pre_attn_scalar", 256.0) ** -0.5,
            softcap=cap or None,
        ),
    )
    window = c("sliding_window", 4096)
    return each(model, lambda layer: change_attention(layer, window=window), sliding(c, 2))


def gemma3(c: Config) -> Decoder:
    """Queries and keys are normalized; five windows to one layer without."""
    full, local = ropes(c, base=1e6, local_base=c("rope_local_base_freq", 1e4))
    model = each(
        gemma2(c),
        lambda layer: change_attention(layer, rope=full, qk_norm=layer.norm, window=None),
    )
    window = c("sliding_window", 4096)
    return each(
        model,
        lambda layer: change_attention(layer, rope=local, window=window),
        sliding(c, c.positive("sliding_window_pattern", 6)),
    )


ARCHITECTURES = {
    "gemma": Architecture(gemma, gguf=GGUFNames(norms_hold_one=True)),
    "gemma2": Architecture(gemma2, gguf=GGUFNames(LAYER | SANDWICH, norms_hold_one=True)),
    "gemma3_text": Architecture(
        gemma3, gguf=GGUFNames(LAYER | SANDWICH | QK_NORM, norms_hold_one=True)
    ),
}
