"""Kimi Linear (https://arxiv.org/abs/2510.26692)."""

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
from mlx_lm_py.models.spec import Decoder, Delta, Layer, Mla, Mlp, each

from .common import CONVOLUTIONS, decoder, drop_mtp, kinds, renamed
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
    """Three delta networks whose rows decay by themselves to one latent attention, no positions."""
    norm = c.norm(default=1e-5)
    nope, rope = c("qk_nope_head_dim", 128), c("qk_rope_head_dim", 64)
    # The norm of what is compressed keeps its own default.
    latent = dataclasses.replace(norm, eps=1e-6)
    value = c("v_head_dim", 128)
    mla = Mla(c.heads, c("kv_lora_rank", 512), nope, rope, value, rope=None, norm=latent)
    heads, width, taps = _sizes(c)
    network = Delta(heads, heads, width, width, norm, taps=taps, gate_act="sigmoid", rank=width)
    model = decoder(c, Layer(mla, Mlp(c.hidden, c.act()), norm))
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
    return with_experts(Config(values), model)


def _flat(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    return {k: v.flatten() if k.endswith("A_log") else v for k, v in weights.items()}


def _unflat(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    return {k: v.reshape(1, 1, -1, 1) if k.endswith("A_log") else v for k, v in weights.items()}


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
            ("linear_attn.b_proj", "linear_attn.in_proj_b"),
            ("linear_attn.o_norm", "linear_attn.norm"),
            ("linear_attn.o_proj", "linear_attn.out_proj"),
        ),
        *(
            Stack(f"model.layers.*.mlp.experts.*.{theirs}", f"model.layers.*.mlp.switch_mlp.{ours}")
            for theirs, ours in experts
        ),
        Join(tuple(f"{mixer}{p}_proj" for p in "qkv"), f"{mixer}in_proj_qkv", rows),
        Join(tuple(f"{mixer}{p}_conv1d" for p in "qkv"), f"{mixer}conv1d", rows),
        CONVOLUTIONS,
        Convert(_flat, _unflat),
    )


ARCHITECTURES = {
    "kimi_linear": Architecture(
        kimi_linear,
        _rules,
        gguf=GGUFNames(
            LAYER | latent.LATENT | delta.KIMI | EXPERTS | SHARED | BIAS,
            changes=states.STATE_CHANGES,
            joined=latent.JOINED,
            rules=latent.join_latents,
            entries=delta.kimi_entries,
            each_layer=True,
        ),
    )
}
