"""Qwen3-Next, Qwen3.5 and OLMo Hybrid: gated delta networks beside attention.

Papers: https://arxiv.org/abs/2412.06464, https://arxiv.org/abs/2505.06708.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import delta, experts, states
from mlx_lm_py.models.gguf.metadata import Metadata
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.gguf_names import LAYER, POST_ATTENTION, QK_NORM, SHARED, GGUFNames
from mlx_lm_py.models.rules import Convert, Join, Rule, Split
from mlx_lm_py.models.spec import Decoder, Delta, Router, each

from .common import ATTENDS, CONVOLUTIONS, decoder, drop_mtp, kinds, plain, renamed
from .qwen import EXPERTS, experts_of, sparse

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _delta(c: Config, eps: float, beta: float = 1.0) -> Delta:
    return Delta(
        key_heads=c("linear_num_key_heads", int),
        value_heads=c("linear_num_value_heads", int),
        key_dim=c("linear_key_head_dim", int),
        value_dim=c("linear_value_head_dim", int),
        norm=dataclasses.replace(c.norm(default=eps), eps=eps),
        taps=c("linear_conv_kernel_dim", 4),
        beta=beta,
    )


def _recurrent(c: Config) -> list[int]:
    step = c.positive("full_attention_interval", 4)
    default = ["linear_attention" if (i + 1) % step else "full_attention" for i in range(c.depth)]
    types = kinds(c, default, "linear_attention", *ATTENDS)
    return [i for i, kind in enumerate(types) if kind == "linear_attention"]


def qwen3_5(c: Config) -> Decoder:
    """Three gated delta networks to one layer of gated attention; norms less one."""
    norm = dataclasses.replace(c.norm(default=1e-6), offset=1.0)
    bias = c("attention_bias", False)
    layer = plain(
        c,
        norm=norm,
        rope=c.rope(0.25),
        qkv_bias=bias,
        out_bias=bias,
        qk_norm=norm,
        gate="feature",
    )
    network = _delta(c, norm.eps)
    model = decoder(c, layer)
    return each(model, lambda one: dataclasses.replace(one, mixer=network), _recurrent(c))


def qwen3_next(c: Config) -> Decoder:
    """Experts, and one that all tokens use, behind a gate."""
    router = Router(normalize=c("norm_topk_prob", True))
    shared = c("shared_expert_intermediate_size", 512)
    defaults = Config({"intermediate_size": 1, **c.values})
    return sparse(c, qwen3_5(defaults), experts_of(c, router, shared=shared, shared_gate=True))


def olmo_hybrid(c: Config) -> Decoder:
    """Norms before a gated delta network, which may turn signs; after attention as in OLMo 2."""
    norm = c.norm(default=1e-6)
    bias = c("attention_bias", False)
    rope = c.rope() if "rope_theta" in c else None
    layer = plain(c, norm=norm, qkv_bias=bias, out_bias=bias, qk_norm=norm, qk_norm_over="all")
    mixer = dataclasses.replace(layer.mixer, rope=rope)  # type: ignore[type-var]
    model = decoder(c, dataclasses.replace(layer, mixer=mixer, order="post"))
    network = _delta(c, 1e-5, 2.0 if c("linear_allow_neg_eigval", True) else 1.0)
    return each(
        model, lambda one: dataclasses.replace(one, mixer=network, order="pre"), _recurrent(c)
    )


_NORMS = ("_layernorm.weight", "q_norm.weight", "k_norm.weight", "model.norm.weight")


def _less_one(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """mlx-lm adds the one that norms are short of when it turns the convolutions."""
    turned = any(k.endswith("conv1d.weight") and v.shape[-1] == 1 for k, v in weights.items())
    if not turned:
        return weights
    return {k: v - 1 if k.endswith(_NORMS) else v for k, v in weights.items()}


_MIXER = "model.layers.*.linear_attn."
_ATTENTION = "model.layers.*.self_attn."


def _shared(c: Config) -> tuple[Rule, ...]:
    q_and_gate = (f"{_ATTENTION}q_proj", f"{_ATTENTION}gate_proj")
    return (
        *drop_mtp(c),
        Convert(_less_one, lambda weights: weights),
        CONVOLUTIONS,
        *EXPERTS,
        Split(f"{_ATTENTION}q_proj", q_and_gate, (c.head_dim, c.head_dim), heads=c.heads),
    )


def _next_rules(c: Config) -> Sequence[Rule]:
    heads = c("linear_num_key_heads", int)
    share = c("linear_num_value_heads", int) // heads
    width, values = c("linear_key_head_dim", int), c("linear_value_head_dim", int) * share
    parts = tuple(f"{_MIXER}{part}" for part in ("q", "k", "v"))
    rows = (heads * width, heads * width, heads * values)
    return (
        *_shared(c),
        Split(
            f"{_MIXER}in_proj_qkvz",
            (*parts, f"{_MIXER}in_proj_z"),
            (width, width, values, values),
            heads=heads,
        ),
        Join(parts, f"{_MIXER}in_proj_qkv", rows),
        Split(
            f"{_MIXER}in_proj_ba",
            (f"{_MIXER}in_proj_b", f"{_MIXER}in_proj_a"),
            (share, share),
            heads=heads,
        ),
    )


def _olmo_rules(c: Config) -> Sequence[Rule]:
    keys = c("linear_num_key_heads", int) * c("linear_key_head_dim", int)
    rows = (keys, keys, c("linear_num_value_heads", int) * c("linear_value_head_dim", int))
    return (
        *renamed(
            ("attention_layer_norm", "input_layernorm"),
            ("feedforward_layer_norm", "post_attention_layernorm"),
        ),
        Join(tuple(f"{_MIXER}{p}_proj" for p in "qkv"), f"{_MIXER}in_proj_qkv", rows),
        Join(tuple(f"{_MIXER}{p}_conv1d" for p in "qkv"), f"{_MIXER}conv1d", rows),
        CONVOLUTIONS,
        *renamed(
            *((f"linear_attn.{p}_proj", f"linear_attn.in_proj_{p}") for p in "ab"),
            ("linear_attn.g_proj", "linear_attn.in_proj_z"),
            ("linear_attn.o_proj", "linear_attn.out_proj"),
            ("linear_attn.o_norm", "linear_attn.norm"),
        ),
    )


_LAYER = LAYER | QK_NORM | POST_ATTENTION | delta.DELTA
_SHARED = SHARED | {"ffn_gate_inp_shexp": "mlp.shared_expert_gate"}


def _next_entries(m: Metadata, config: Mapping[str, Any]) -> dict[str, Any]:
    return {**delta.delta_entries(m, config), **experts.shared_expert(m, config)}


def _gguf(layer: Mapping[str, str], *, tiled: bool = True) -> GGUFNames:
    """Those after Qwen3-Next take turns with the values of heads that share keys."""
    return GGUFNames(
        layer,
        norms_hold_one=True,
        orders=delta.ORDERS if tiled else {},
        changes=delta.CHANGES if tiled else states.STATE_CHANGES,
        entries=_next_entries,
    )


ARCHITECTURES = {
    "olmo_hybrid": Architecture(olmo_hybrid, _olmo_rules),
    "qwen3_5": Architecture(qwen3_5, _shared, gguf=_gguf(_LAYER)),
    "qwen3_5_moe": Architecture(qwen3_next, _shared, gguf=_gguf(_LAYER | GGUF_EXPERTS | _SHARED)),
    "qwen3_next": Architecture(
        qwen3_next, _next_rules, gguf=_gguf(_LAYER | GGUF_EXPERTS | _SHARED, tiled=False)
    ),
}
