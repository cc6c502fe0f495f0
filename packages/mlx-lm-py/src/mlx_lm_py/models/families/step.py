"""Step 3.5 (https://arxiv.org/abs/2602.10604)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.per_layer import step_entries
from mlx_lm_py.models.gguf_names import LAYER, QK_NORM, GGUFNames
from mlx_lm_py.models.rules import Convert, Drop, Rename, Rule
from mlx_lm_py.models.spec import Attention, Decoder, Layer, Mlp, Moe, Router

from .common import decoder, drop_mtp, layer_types, renamed

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _of_layer(c: Config, name: str, i: int, default: float) -> float:
    """An entry that may be one for each layer."""
    found = c.values.get(name)
    if isinstance(found, list):
        # Those of layers that predict further tokens come last.
        if len(found) < c.depth:
            raise ValueError(f"{name!r} in the configuration must be of each of {c.depth} layers")
        found = found[i]
    return Config({name: found})(name, default)


def step3p5(c: Config) -> Decoder:
    """Numbers of heads and positions of each layer, a gate for each head, bounded experts."""
    norm = dataclasses.replace(c.norm(default=1e-5), offset=1.0)
    types = c("layer_types", ["sliding_attention", "full_attention"] * c.depth)[: c.depth]
    types = layer_types(Config({**c.values, "layer_types": types}))
    layers = tuple(_layer(c, i, kind, norm) for i, kind in enumerate(types))
    return dataclasses.replace(decoder(c, layers[0]), layers=layers)


def _layer(c: Config, i: int, kind: str, norm: Any) -> Layer:
    heads, kv_heads = c.heads, c("num_attention_groups", 0) or c.kv_heads
    other: dict[str, Any] = c("attention_other_setting", {})
    if kind == "sliding_attention" and other:
        own = Config(other)
        heads, kv_heads = own("num_attention_heads", int), own("num_attention_groups", int)
    scaled: list[str] = c("yarn_only_types", [])
    rope = Config(
        {
            "rope_theta": _of_layer(c, "rope_theta", i, 10000.0),
            "partial_rotary_factor": _of_layer(c, "partial_rotary_factors", i, 1.0),
            "rope_scaling": None if scaled and kind not in scaled else c.values.get("rope_scaling"),
            "max_position_embeddings": c.context,
        }
    ).rope(head_dim=c.head_dim)
    mixer = Attention(
        heads,
        kv_heads,
        c.head_dim,
        rope,
        qk_norm=norm,
        gate="head" if c("use_head_wise_attn_gate", True) else None,
        window=c("sliding_window", 512) if kind == "sliding_attention" else None,
    )
    shared_limit = _of_layer(c, "swiglu_limits_shared", i, 0.0)
    if i not in _sparse(c):
        return Layer(mixer, Mlp(c.hidden, limit=shared_limit), norm)
    router = Router(
        "sigmoid",
        normalize=c("norm_expert_weight", True),
        scale=c("moe_router_scaling_factor", 3.0),
        bias=True,
    )
    experts = Moe(
        c("moe_num_experts", 288),
        c("moe_top_k", 8),
        c("moe_intermediate_size", 1280),
        router,
        shared=c(c.first("share_expert_dim", "share_expert_dims"), 1280),
        limit=_of_layer(c, "swiglu_limits", i, 0.0),
        shared_limit=shared_limit,
    )
    return Layer(mixer, experts, norm)


def _sparse(c: Config) -> set[int]:
    """The layers with experts."""
    if "moe_layers_enum" not in c:
        return set(range(1, c.depth))
    try:
        return {int(one) for one in c("moe_layers_enum", str).split(",") if one.strip()}
    except ValueError:
        raise ValueError("'moe_layers_enum' in the configuration must be numbers") from None


def _less_one(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """mlx-lm adds the one that norms are short of when it renames the experts."""
    if not any(".mlp.switch_mlp." in name for name in weights):
        return weights
    return {k: v - 1 if k.endswith("norm.weight") else v for k, v in weights.items()}


def _rules(c: Config) -> Sequence[Rule]:
    moe = (
        Rename(f"model.layers.{i}.moe.{name}", f"model.layers.{i}.mlp.switch_mlp.{name}")
        for i in _sparse(c)
        for name in ("gate_proj", "up_proj", "down_proj")
    )
    return (
        *drop_mtp(c),
        Drop("model.layers.*.mtp"),
        Convert(_less_one, lambda weights: weights),
        *moe,
        *renamed(
            ("moe.gate", "mlp.gate"),
            ("moe.router_bias", "mlp.gate.e_score_correction_bias"),
            ("share_expert", "mlp.shared_expert"),
            ("self_attn.g_proj", "self_attn.gate_proj"),
        ),
        # As mlx-lm names them.
        Rename("model.layers.*.mlp.gate.gate", "model.layers.*.mlp.gate", undone=False),
        Rename(
            "model.layers.*.mlp.gate.router_bias",
            "model.layers.*.mlp.gate.e_score_correction_bias",
            undone=False,
        ),
        Rename("model.layers.*.mlp.share_expert", "model.layers.*.mlp.shared_expert", undone=False),
    )


_GGUF = GGUFNames(
    {
        **LAYER,
        **QK_NORM,
        "attn_gate": "self_attn.g_proj",
        "ffn_gate_inp": "moe.gate",
        "exp_probs_b.bias": "moe.router_bias",
        **{f"ffn_{part}_exps": f"moe.{part}_proj" for part in ("gate", "up", "down")},
        **{f"ffn_{part}_shexp": f"share_expert.{part}_proj" for part in ("gate", "up", "down")},
    },
    norms_hold_one=True,
    entries=step_entries,
    each_layer=True,
)

ARCHITECTURES = {"step3p5": Architecture(step3p5, _rules, gguf=_GGUF)}
