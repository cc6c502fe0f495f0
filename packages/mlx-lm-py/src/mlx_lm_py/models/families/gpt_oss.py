"""gpt-oss (https://arxiv.org/abs/2508.10925)."""

from __future__ import annotations

import dataclasses

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.experts import gpt_oss_entries
from mlx_lm_py.models.gguf_names import EXPERTS, LAYER, POST_ATTENTION, GGUFNames
from mlx_lm_py.models.rules import Convert, Rename
from mlx_lm_py.models.spec import Attention, Decoder, Layer, Moe, Router, each

from .common import change_attention, decoder, sliding

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def gpt_oss(c: Config) -> Decoder:
    """Heads may attend to nothing; a window in every other layer; experts of a bounded SwiGLU."""
    # The correction range of its YaRN is not rounded.
    scaling = {"truncate": False, **(c.scaling() or {})}
    rope = c.rope(base=150000.0)
    rope = dataclasses.replace(rope, scaling=scaling if c.scaling() else None)
    bias = c("attention_bias", True)
    mixer = Attention(
        c.heads, c.kv_heads, c("head_dim", 64), rope, qkv_bias=bias, out_bias=bias, sinks=True
    )
    experts = Moe(
        c(c.first("num_local_experts", "num_experts"), 128),
        c(c.first("num_experts_per_tok", "experts_per_token"), 4),
        c.hidden,
        Router(before=False),
        "clamped_swiglu",
        bias=True,
    )
    model = decoder(c, Layer(mixer, experts, c.norm(default=1e-5)))
    window = c("sliding_window", 128)
    return each(model, lambda layer: change_attention(layer, window=window), sliding(c, 2))


def _load(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """Part the gates from what they let through, which take turns, and name packed weights."""
    loaded: dict[str, mx.array] = {}
    for name, value in weights.items():
        if ".mlp.experts." not in name:
            loaded[name] = value
            continue
        stem, _, kind = name.partition(".mlp.experts.")
        part, _, suffix = kind.partition("_proj")
        suffix = suffix.removeprefix("_").removeprefix(".") or "weight"
        if suffix == "blocks":
            suffix, value = "weight", value.view(mx.uint32).flatten(-2)
        elif suffix == "weight" and value.dtype != mx.uint32 and kind.endswith("_proj"):
            value = value.swapaxes(-1, -2)
        target = f"{stem}.mlp.switch_mlp."
        if part == "gate_up":
            loaded[f"{target}gate_proj.{suffix}"] = value[:, ::2]
            loaded[f"{target}up_proj.{suffix}"] = value[:, 1::2]
        else:
            loaded[f"{target}{part}_proj.{suffix}"] = value
    return loaded


def _save(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    saved: dict[str, mx.array] = {}
    for name, value in weights.items():
        stem, found, kind = name.partition(".mlp.switch_mlp.")
        if not found:
            saved[name] = value
            continue
        part, _, suffix = kind.partition("_proj.")
        packed = f"{stem}.mlp.switch_mlp.{part}_proj.scales" in weights
        if part == "up":
            continue
        if part == "gate":
            part = "gate_up"
            other = weights[name.replace("gate_proj", "up_proj")]
            value = mx.stack([value, other], axis=2).reshape(value.shape[0], -1, *value.shape[2:])
        if suffix == "weight" and packed:
            suffix = "blocks"
            value = mx.unflatten(value, -1, (-1, 4)).view(mx.uint8)
        elif suffix == "weight":
            value = value.swapaxes(-1, -2)
        end = "" if suffix == "weight" else f"_{suffix}"
        saved[f"{stem}.mlp.experts.{part}_proj{end}"] = value
    return saved


ARCHITECTURES = {
    "gpt_oss": Architecture(
        gpt_oss,
        (Convert(_load, _save), Rename("model.layers.*.mlp.router", "model.layers.*.mlp.gate")),
        gguf=GGUFNames(
            LAYER | EXPERTS | POST_ATTENTION | {"attn_sinks.weight": "self_attn.sinks"},
            entries=gpt_oss_entries,
        ),
    ),
}
