"""What GGUF files hold of RWKV-7."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Drop, Rule

from .metadata import Metadata

__all__ = ["RWKV7", "RWKV7_CHANGES", "RWKV7_RULES", "rwkv7_entries"]


def __dir__() -> list[str]:
    return __all__


Entries = dict[str, Any]
Changes = dict[str, Callable[[mx.array, Config], mx.array]]

_LORA = {"1.weight": "0.weight", "2.weight": "2.weight", "0.weight": "2.bias"}
_LERP = "rwkvag"

RWKV7 = {
    "attn_norm": "attn_norm",
    "attn_norm_2": "ffn_norm",
    **{
        f"time_mix_{part}{theirs}": f"attn.{part}_lora.lora.{ours}"
        for part in "wav"
        for theirs, ours in _LORA.items()
    },
    "time_mix_g1": "attn.g_lora.lora.0",
    "time_mix_g2": "attn.g_lora.lora.2",
    "time_mix_ln": "attn.g_norm",
    **{f"time_mix_{name}.weight": f"attn.{name}" for name in ("k_a", "k_k", "r_k")},
    "time_mix_receptance": "attn.r_proj",
    "time_mix_key": "attn.k_proj",
    "time_mix_value": "attn.v_proj",
    "time_mix_output": "attn.o_proj",
    "time_mix_lerp_fused.weight": "attn.x_x",
    "channel_mix_key": "ffn.key",
    "channel_mix_value": "ffn.value",
    "channel_mix_lerp_k.weight": "ffn.x_k",
}
"""The weights of a layer of RWKV-7."""

RWKV7_CHANGES: Changes = {
    "time_mix_r_k.weight": lambda value, c: value.reshape(-1, c("head_dim", 64)),
    "time_mix_lerp_fused.weight": lambda value, c: value.reshape(len(_LERP), 1, 1, -1),
    "channel_mix_lerp_k.weight": lambda value, c: value.flatten(),
}
"""What undoes llama.cpp's changes of them."""


def rwkv7_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Ranks of what each feature is made of."""
    return {
        "head_dim": m("wkv.head_size", int),
        "norm_eps": m("attention.layer_norm_epsilon", float),
        "decay_low_rank_dim": m("attention.decay_lora_rank", int),
        "a_low_rank_dim": m("attention.iclr_lora_rank", int),
        "v_low_rank_dim": m("attention.value_residual_mix_lora_rank", int),
        "gate_low_rank_dim": m("attention.gate_lora_rank", int),
    }


def _apart(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """Shares of the position before are one weight in files."""
    apart: dict[str, mx.array] = {}
    for name, value in weights.items():
        if name.endswith("attn.x_x"):
            apart |= {f"{name[:-1]}{letter}": value[i] for i, letter in enumerate(_LERP)}
        else:
            apart[name] = value
    return apart


# The first layer has values of its own alone.
RWKV7_RULES: tuple[Rule, ...] = (Drop("model.layers.0.attn.v_lora"), Convert(_apart, dict))
"""What takes weights of files apart."""
