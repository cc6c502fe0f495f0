"""Gear, as mlx-lm has it: Gemma 3 with short convolutions in place of some attention."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Drop, Join, Rule
from mlx_lm_py.models.spec import ConvGate, Decoder, Mlp, each

from .common import CONVOLUTIONS, change_attention, kinds, refuse
from .gemma import gemma3

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _conv(c: Config) -> list[int]:
    types = kinds(
        c, ["full_attention"] * c.depth, "full_attention", "sliding_attention", "conv_mixer"
    )
    return [i for i, kind in enumerate(types) if kind == "conv_mixer"]


def gear(c: Config) -> Decoder:
    """Layers that attend to everything, to a window, or convolve keys and values."""
    refuse(c, use_bidirectional_attention=False)
    conv = _conv(c)
    types: list[str] = c("layer_types", ["full_attention"] * c.depth)
    given = {name: value for name, value in c.values.items() if value is not None}
    usual = {"query_pre_attn_scalar": c.head_dim, "sliding_window": 512}
    attending = ["full_attention" if i in conv else kind for i, kind in enumerate(types)]
    model = gemma3(Config({**usual, **given, "layer_types": attending}))
    bias = c("attention_bias", False)
    ffn = Mlp(c.hidden, c.act("gelu_pytorch_tanh"))
    model = each(
        model,
        lambda one: dataclasses.replace(
            change_attention(one, qkv_bias=bias, out_bias=bias), ffn=ffn
        ),
    )
    mixer = ConvGate(
        c.heads, c.kv_heads, c.head_dim, c("conv_L_cache", 3), model.layers[0].norm, bias
    )
    return each(model, lambda one: dataclasses.replace(one, mixer=mixer), conv)


def _rules(c: Config) -> Sequence[Rule]:
    mixer = "model.layers.*.local_mixer."
    rows = (c.kv_heads * c.head_dim,) * 2
    return (
        Drop("model.embed_scale"),
        Join((f"{mixer}key_conv", f"{mixer}value_conv"), f"{mixer}conv1d", rows),
        CONVOLUTIONS,
    )


ARCHITECTURES = {"gear": Architecture(gear, _rules)}
