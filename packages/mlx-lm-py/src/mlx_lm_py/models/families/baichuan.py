"""Baichuan-M1 (https://arxiv.org/abs/2502.12671)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Rule, Split
from mlx_lm_py.models.spec import Attention, Decoder

from .common import decoder, plain, refuse, unit_rows

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def baichuan_m1(c: Config) -> Decoder:
    """Keys and values are mixed with those before; windows with heads of their own."""
    refuse(c, conv_window=2)
    windowed = set(c("sliding_window_layers", [0])) if "sliding_window_layers" in c else set()
    layer = plain(c, norm=c.norm(default=1e-6))

    def mixer(i: int) -> Attention:
        local = i in windowed
        heads = (local and c("num_swa_attention_heads", 0)) or c.heads
        kv_heads = (local and c("num_swa_key_value_heads", 0)) or c.kv_heads
        if c.width % heads:
            raise ValueError(f"the width {c.width} must be a multiple of {heads} heads")
        width = c.width // heads
        window = c("sliding_window", int) if local else None
        return Attention(heads, kv_heads, width, c.rope(head_dim=width), window=window, taps=True)

    layers = tuple(dataclasses.replace(layer, mixer=mixer(i)) for i in range(c.depth))
    return dataclasses.replace(decoder(c, layer), layers=layers)


def _unit_head(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    return unit_rows(weights, "lm_head.weight", axis=-1)


def _rules(c: Config) -> Sequence[Rule]:
    rules: list[Rule] = [Convert(_unit_head, lambda weights: weights)]
    for i, layer in enumerate(baichuan_m1(c).layers):
        assert isinstance(layer.mixer, Attention)
        own = f"model.layers.{i}.self_attn."
        names = tuple(f"{own}{part}_proj" for part in "qkv")
        keys = layer.mixer.kv_heads * layer.mixer.head_dim
        rules.append(Split(f"{own}W_pack", names, (c.width, keys, keys)))
    return rules


ARCHITECTURES = {"baichuan_m1": Architecture(baichuan_m1, _rules)}
