"""Apple's foundation models (https://arxiv.org/abs/2507.13575)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Rename, Rule, Split
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm

from .common import change_attention, decoder, renamed

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _usual(c: Config) -> Config:
    """The entries by their usual names."""
    return Config(
        {
            **c.values,
            "hidden_size": c("hidden_dim", int),
            "num_hidden_layers": c("num_layers", int),
            "num_attention_heads": c("num_heads", int),
            "num_key_value_heads": c("num_kv_heads", int),
            "intermediate_size": int(c("hidden_dim", int) * c("hidden_dim_scale_factor", 3.25)),
        }
    )


def afm7(c: Config) -> Decoder:
    """Keys and values of 8 bits; the last layers attend to what one before them has seen."""
    c = _usual(c)
    mixer = c.attention(
        c.rope(interleaved=True, base=50000.0),
        qk_norm=Norm(1e-5),
        norm_after_rope=True,
        rounded=True,
    )
    model = decoder(c, Layer(mixer, Mlp(c.hidden), c.norm(default=1e-5)), tied=True)
    first = c.depth - c("num_kv_reuse_layers", int)
    if not 0 < first <= c.depth:
        raise ValueError("'num_kv_reuse_layers' leaves no layer with keys")
    last = change_attention(model.layers[0], lends="keys")
    reusing = change_attention(model.layers[0], borrows="keys", rounded=False)
    layers = (*model.layers[: first - 1], last, *(reusing,) * (c.depth - first))
    return dataclasses.replace(model, layers=layers)


def _rules(c: Config) -> Sequence[Rule]:
    c = _usual(c)
    reused = c("num_kv_reuse_layers", int)
    rows = (c.width, *(c.kv_heads * c.head_dim,) * 2)
    return (
        Rename("model.embedding", "model.embed_tokens"),
        Rename("model.output_norm", "model.norm"),
        *(
            Rename(f"model.kv_reuse_layers.{i}", f"model.layers.{c.depth - reused + i}")
            for i in range(reused)
        ),
        *renamed(("self_attn.out_proj", "self_attn.o_proj")),
        *(
            Split(
                f"model.layers.{i}.self_attn.qkv_proj",
                tuple(f"model.layers.{i}.self_attn.{part}_proj" for part in "qkv"),
                rows,
            )
            for i in range(c.depth - reused)
        ),
    )


ARCHITECTURES = {"afm7": Architecture(afm7, _rules)}
