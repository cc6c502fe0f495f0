"""Kimi Linear (https://arxiv.org/abs/2510.26692), and Kimi K3."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import delta, latent, states
from mlx_lm_py.models.gguf_names import BIAS, EXPERTS, LAYER, SHARED, GGUFNames
from mlx_lm_py.models.rules import Convert, Join, Rename, Rule, Stack
from mlx_lm_py.models.spec import Decoder, Delta, Layer, Mla, Mlp, Moe, Norm, each

from .common import CONVOLUTIONS, decoder, drop_mtp, kinds, refuse, renamed
from .glm import with_experts

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _sizes(c: Config) -> tuple[int, int, int]:
    """Heads, their width, and taps of the layers without attention."""
    own: dict[str, Any] = c("linear_attn_config", {})
    inner = Config(own)
    return (
        c("linear_num_heads", 0) or inner("num_heads", int),
        c("linear_head_dim", 0) or inner("head_dim", int),
        c("linear_conv_kernel_dim", 0) or inner("short_conv_kernel_size", 4),
    )


def _recurrent(c: Config) -> list[int]:
    own: dict[str, Any] = c("linear_attn_config", {})
    numbers = set(own.get("kda_layers", ()))
    default = ["linear_attention" if i + 1 in numbers else "full_attention" for i in range(c.depth)]
    types = kinds(c, default, "linear_attention", "full_attention")
    return [i for i, kind in enumerate(types) if kind == "linear_attention"]


def kimi_linear(c: Config) -> Decoder:
    """Three delta networks whose rows decay by themselves to one latent attention, no positions.

    Kimi K3, whose text part has the same name, has gates of features, blocks of layers that look at
    what earlier ones came to, and experts of fewer features.
    """
    refuse(c, mla_use_nope=True, moe_layer_freq=1, moe_router_activation_func="sigmoid")
    own = Config(c("linear_attn_config", {}))
    norm = c.norm(default=1e-5)
    nope, rope = c("qk_nope_head_dim", 128), c("qk_rope_head_dim", 64)
    # The norm of what is compressed keeps its own default.
    latent = dataclasses.replace(norm, eps=1e-6)
    value = c("v_head_dim", 128)
    mla = Mla(
        c.heads,
        c("kv_lora_rank", 512),
        nope,
        rope,
        value,
        rope=None,
        norm=latent,
        q_rank=c("q_lora_rank", 0) or None,
        gate="feature" if c("mla_use_output_gate", False) else None,
    )
    heads, width, taps = _sizes(c)
    network = Delta(
        heads,
        heads,
        width,
        width,
        norm,
        taps=taps,
        gate_act="sigmoid",
        rank=width,
        whole_gate=own("use_full_rank_gate", False),
        floor=own("gate_lower_bound", 0.0),
    )
    act, limit = c.act(), (0.0, 0.0)
    if act == "situ":
        linear = c("activation_situ_linear_beta", 0.0)
        limit = (c("activation_situ_beta", 0.0) or 1.0, linear)
    model = decoder(c, Layer(mla, Mlp(c.hidden, act, limit=limit if any(limit) else 0.0), norm))
    if "attn_res_block_size" in c:
        size = c.positive("attn_res_block_size", 1)
        layers = (
            dataclasses.replace(one, opens=i % size == 0) for i, one in enumerate(model.layers)
        )
        model = dataclasses.replace(model, layers=tuple(layers))
    model = each(model, lambda one: dataclasses.replace(one, mixer=network), _recurrent(c))
    values = {
        "n_group": c("num_expert_group", 1),
        "num_experts_per_tok": c(c.first("num_experts_per_token", "num_experts_per_tok"), 8),
        "n_shared_experts": c("num_shared_experts", 1),
        "norm_topk_prob": c("moe_renormalize", True),
        **c.values,
    }
    if "mlp_layer_types" in c:
        values["first_k_dense_replace"] = c("mlp_layer_types", [""]).count("dense")
    return each(with_experts(Config(values), model), lambda one: _narrowed(c, one, limit, norm))


def _narrowed(c: Config, layer: Layer, limit: tuple[float, float], norm: Norm) -> Layer:
    """Give experts the width that they work on, and the bounds of what they let through."""
    if not isinstance(layer.ffn, Moe):
        return layer
    ffn = dataclasses.replace(
        layer.ffn,
        latent=c("routed_expert_hidden_size", 0),
        latent_norm=norm if c("latent_moe_use_norm", False) else None,
        limit=limit if any(limit) else 0.0,
        shared_limit=limit if any(limit) else 0.0,
    )
    return dataclasses.replace(layer, ffn=ffn)


def _flat(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    return {k: v.flatten() if k.endswith("A_log") else v for k, v in weights.items()}


def _unflat(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    return {k: v.reshape(1, 1, -1, 1) if k.endswith("A_log") else v for k, v in weights.items()}


_OF_MLX_LM = tuple(
    Rename(f"model.layers.*.{theirs}", f"model.layers.*.{ours}", undone=False)
    for theirs, ours in (
        ("mlp.e_score_correction_bias", "mlp.gate.e_score_correction_bias"),
        ("linear_attn.qkv_proj", "linear_attn.in_proj_qkv"),
        ("linear_attn.qkv_conv.conv", "linear_attn.conv1d"),
    )
)
_MIXES = tuple(
    Rename(f"model.{name}_{part}.weight", f"model.{name}.{part}_weight")
    for name in ("layers.*.self_attention_res", "layers.*.mlp_res", "output_attn_res")
    for part in ("proj", "norm")
)


def _rules(c: Config) -> Sequence[Rule]:
    heads, width, _ = _sizes(c)
    rows = (heads * width,) * 3
    linear = (
        Rename(f"model.layers.{i}.self_attn", f"model.layers.{i}.linear_attn")
        for i in _recurrent(c)
    )
    mixer = "model.layers.*.linear_attn."
    experts = (("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj"))
    return (
        *drop_mtp(c),
        *linear,
        *renamed(
            ("block_sparse_moe", "mlp"),
            ("mlp.shared_experts", "mlp.shared_expert"),
            ("mlp.routed_expert_down_proj", "mlp.fc1_latent_proj"),
            ("mlp.routed_expert_up_proj", "mlp.fc2_latent_proj"),
            ("mlp.routed_expert_norm", "mlp.latent_norm"),
            ("self_attn.g_proj", "self_attn.gate_proj"),
            ("linear_attn.g_proj", "linear_attn.in_proj_z"),
            ("linear_attn.b_proj", "linear_attn.in_proj_b"),
            ("linear_attn.o_norm", "linear_attn.norm"),
            ("linear_attn.o_proj", "linear_attn.out_proj"),
        ),
        *(
            Stack(f"model.layers.*.mlp.experts.*.{theirs}", f"model.layers.*.mlp.switch_mlp.{ours}")
            for theirs, ours in experts
        ),
        *_OF_MLX_LM,
        *_MIXES,
        Join(tuple(f"{mixer}{p}_proj" for p in "qkv"), f"{mixer}in_proj_qkv", rows),
        Join(tuple(f"{mixer}{p}_conv1d" for p in "qkv"), f"{mixer}conv1d", rows),
        CONVOLUTIONS,
        Convert(_flat, _unflat),
    )


def _gguf_rules(c: Config) -> Sequence[Rule]:
    """What makes keys and values, and what blocks are weighed by, of which files have products."""

    def apart(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        parted = dict(weights)
        for name, value in weights.items():
            if name.endswith("_res_proj.weight"):
                parted[name] = value.reshape(1, -1)
                parted[name.replace("_res_proj.", "_res_norm.")] = mx.ones_like(value.flatten())
        return parted

    return (*latent.join_latents(c), Convert(apart, dict))


ARCHITECTURES = {
    "kimi_linear": Architecture(
        kimi_linear,
        _rules,
        gguf=GGUFNames(
            LAYER | latent.LATENT | delta.KIMI | delta.KIMI_K3 | EXPERTS | SHARED | BIAS,
            changes=states.STATE_CHANGES,
            joined=latent.JOINED,
            outside={"output_res_score": "model.output_attn_res_proj"},
            rules=_gguf_rules,
            entries=delta.kimi_entries,
            each_layer=True,
        ),
    )
}
