"""Nemotron-H (https://arxiv.org/abs/2504.03624)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import states
from mlx_lm_py.models.gguf_names import BIAS, EXPERTS, LAYER, SHARED, GGUFNames
from mlx_lm_py.models.rules import Drop, Rename, Rule, Stack
from mlx_lm_py.models.spec import Decoder, Layer, Mamba2, Mlp, Moe, Norm, Router

from .common import CONVOLUTIONS, decoder, kinds

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


_KINDS = {"M": "linear_attention", "*": "full_attention", "-": "mlp", "E": "moe"}
_OTHER = {"mamba": "linear_attention", "attention": "full_attention"}


def _kinds(c: Config) -> list[str]:
    pattern = c("hybrid_override_pattern", "")
    default = [_KINDS.get(letter, letter) for letter in pattern]
    listed: list[str] = c("layers_block_type", default)
    sizes = Config({"num_hidden_layers": len(listed), **c.values})
    known = (*_KINDS.values(), *_OTHER)
    found = kinds(sizes, default, *known, name="layers_block_type")
    return [_OTHER.get(kind, kind) for kind in found]


def nemotron_h(c: Config) -> Decoder:
    """One part a layer: a state space, attention without positions, or a squared ReLU."""
    norm = Norm(c(c.first("layer_norm_epsilon", "norm_eps"), 1e-5))
    act = c("mlp_hidden_act", "relu2")
    bias = c("attention_bias", False)
    states = Mamba2(
        c("mamba_num_heads", int),
        c("mamba_head_dim", int),
        c("ssm_state_size", int),
        c("n_groups", 8),
        c("conv_kernel", 4),
        c(c.first("mamba_proj_bias", "use_bias"), False),
        c("use_conv_bias", True),
        norm,
        norm_groups=c("n_groups", 8),
        step_limits=(c("time_step_min", 0.001), math.inf),
    )
    mlp = Mlp(c.hidden, act, gated=False, bias=c("mlp_bias", False))
    layers = {
        "linear_attention": Layer(states, None, norm),
        "full_attention": Layer(c.attention(qkv_bias=bias, out_bias=bias), None, norm),
        "mlp": Layer(None, mlp, norm),
    }
    found = _kinds(c)
    if "moe" in found:
        layers["moe"] = Layer(None, _experts(c, act), norm)
    sizes = Config({"num_hidden_layers": len(found), **c.values})
    model = decoder(sizes, layers["mlp"])
    return dataclasses.replace(model, layers=tuple(layers[kind] for kind in found))


def _experts(c: Config, act: str) -> Moe:
    router = Router(
        "sigmoid",
        normalize=c("norm_topk_prob", True),
        scale=c("routed_scaling_factor", 1.0),
        bias=True,
        groups=c("n_group", 1),
        top_groups=c("topk_group", 1),
    )
    return Moe(
        c("n_routed_experts", int),
        c("num_experts_per_tok", int),
        c("moe_intermediate_size", int),
        router,
        act,
        shared=c("moe_shared_expert_intermediate_size", 0),
        gated=False,
        latent=c("moe_latent_size", 0),
    )


def _rules(c: Config) -> Sequence[Rule]:
    parts = {
        "linear_attention": ("mamba", "input_layernorm"),
        "full_attention": ("self_attn", "input_layernorm"),
        "mlp": ("mlp", "post_attention_layernorm"),
        "moe": ("mlp", "post_attention_layernorm"),
    }
    renamed: list[Rule] = []
    for i, kind in enumerate(_kinds(c)):
        part, norm = parts[kind]
        renamed += [
            Rename(f"backbone.layers.{i}.mixer", f"model.layers.{i}.{part}"),
            Rename(f"backbone.layers.{i}.norm", f"model.layers.{i}.{norm}"),
        ]
    experts = "model.layers.*.mlp.experts.*."
    return (
        Drop("mtp"),
        Rename("backbone.embeddings", "model.embed_tokens"),
        Rename("backbone.norm_f", "model.norm"),
        *renamed,
        *(
            Stack(f"{experts}{part}_proj", f"model.layers.*.mlp.switch_mlp.{part}_proj")
            for part in ("up", "down")
        ),
        # mlx-lm's names of the same.
        Rename(
            "model.layers.*.mlp.switch_mlp.fc1",
            "model.layers.*.mlp.switch_mlp.up_proj",
            undone=False,
        ),
        Rename(
            "model.layers.*.mlp.switch_mlp.fc2",
            "model.layers.*.mlp.switch_mlp.down_proj",
            undone=False,
        ),
        Rename("model.layers.*.mlp.shared_experts", "model.layers.*.mlp.shared_expert"),
        CONVOLUTIONS,
    )


_GGUF = GGUFNames(
    LAYER
    | states.STATES
    | EXPERTS
    | SHARED
    | BIAS
    | {
        # What it is the norm of, the layer tells.
        "attn_norm": "backbone.layers.*.norm",
        "ssm_dt.bias": "mamba.dt_bias",
        "ffn_latent_down": "mlp.fc1_latent_proj",
        "ffn_latent_up": "mlp.fc2_latent_proj",
    },
    changes=states.STATE_CHANGES,
    entries=states.nemotron_entries,
    each_layer=True,
)

ARCHITECTURES = {"nemotron_h": Architecture(nemotron_h, _rules, gguf=_GGUF)}
