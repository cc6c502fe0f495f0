"""Gemma.

Papers: https://arxiv.org/abs/2403.08295, https://arxiv.org/abs/2408.00118,
https://arxiv.org/abs/2503.19786.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import gemma_entries
from mlx_lm_py.models.gguf_names import LAYER, QK_NORM, SANDWICH, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm, RgLru, each

from .common import CONVOLUTIONS, change_attention, decoder, plain, renamed, ropes, sliding

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _norm(c: Config) -> Norm:
    return dataclasses.replace(c.norm(default=1e-6), offset=1.0)


def gemma(c: Config) -> Decoder:
    """Norms less one, embeddings as long as their width, a gate of GELU."""
    layer = plain(c, norm=_norm(c), act="gelu_pytorch_tanh")
    # Older files name GELU where its approximation is meant.
    layer = dataclasses.replace(layer, ffn=Mlp(c.hidden, "gelu_pytorch_tanh"))
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


def vaultgemma(c: Config) -> Decoder:
    """Gemma 2 with norms before each part alone (https://arxiv.org/abs/2510.15001)."""
    return each(gemma2(c), lambda layer: dataclasses.replace(layer, order="pre"))


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


def recurrent_gemma(c: Config) -> Decoder:
    """Two recurrent units to one layer that attends to a window (https://arxiv.org/abs/2404.07839)."""
    norm = _norm(c)
    rope = c.rope(0.5)
    attention = c.attention(
        rope,
        qkv_bias=c("attention_bias", False),
        out_bias=True,
        window=c("attention_window_size", 2048),
    )
    mlp = Mlp(c.hidden // 2, "gelu_pytorch_tanh", bias=True)
    unit = RgLru(c("lru_width", 0) or c.width, c.heads, c("conv1d_width", 4))
    # The library rounds this one number.
    scale = float(mx.array(c.width**0.5).astype(mx.bfloat16))
    model = decoder(c, Layer(unit, mlp, norm), tied=True, embed_scale=scale)
    model = dataclasses.replace(model, softcap=c("logits_soft_cap", 30.0))
    return each(model, lambda one: dataclasses.replace(one, mixer=attention), _attending(c))


def _attending(c: Config) -> list[int]:
    pattern = c("block_types", ["recurrent", "recurrent", "attention"])
    names = {"recurrent", "attention", "linear_attention", "sliding_attention"}
    if not pattern or not set(pattern) <= names:
        raise ValueError(f"'block_types' in the configuration is {pattern}")
    kinds = (pattern * c.depth)[: c.depth]
    return [i for i, kind in enumerate(kinds) if kind.endswith("attention") and kind[0] != "l"]


def _recurrent_rules(c: Config) -> Sequence[Rule]:
    attends = _attending(c)
    return (
        Rename("model.final_norm", "model.norm"),
        *(
            Rename(
                f"model.layers.{i}.temporal_block",
                f"model.layers.{i}." + ("self_attn" if i in attends else "recurrent"),
            )
            for i in range(c.depth)
        ),
        *renamed(
            ("temporal_pre_norm", "input_layernorm"),
            ("channel_pre_norm", "post_attention_layernorm"),
            ("mlp_block", "mlp"),
        ),
        CONVOLUTIONS,
    )


def _gguf_names(layer: Mapping[str, str]) -> GGUFNames:
    # Trained in bfloat16, with hidden states of up to hundreds of thousands.
    return GGUFNames(layer, norms_hold_one=True, exceeds_float16=True, entries=gemma_entries)


ARCHITECTURES = {
    "recurrent_gemma": Architecture(recurrent_gemma, _recurrent_rules),
    "gemma": Architecture(gemma, gguf=_gguf_names(LAYER)),
    "gemma2": Architecture(gemma2, gguf=_gguf_names(LAYER | SANDWICH)),
    "gemma3_text": Architecture(gemma3, gguf=_gguf_names(LAYER | SANDWICH | QK_NORM)),
    "vaultgemma": Architecture(
        vaultgemma, renamed(("pre_feedforward_layernorm", "post_attention_layernorm"))
    ),
}
