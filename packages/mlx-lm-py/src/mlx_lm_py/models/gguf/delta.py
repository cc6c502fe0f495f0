"""What GGUF files hold of delta networks, Kimi's among them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.config import Config

from .metadata import Metadata
from .states import STATE_CHANGES, attending

__all__ = ["CHANGES", "DELTA", "KIMI", "KIMI_K3", "ORDERS", "delta_entries", "kimi_entries"]


def __dir__() -> list[str]:
    return __all__


Entries = dict[str, Any]

DELTA = {
    "attn_qkv": "linear_attn.in_proj_qkv",
    "attn_gate": "linear_attn.in_proj_z",
    "ssm_ba": "linear_attn.in_proj_ba",
    "ssm_beta": "linear_attn.in_proj_b",
    "ssm_alpha": "linear_attn.in_proj_a",
    "ssm_conv1d": "linear_attn.conv1d",
    "ssm_dt.bias": "linear_attn.dt_bias",
    "ssm_a": "linear_attn.A_log",
    "ssm_norm": "linear_attn.norm",
    "ssm_out": "linear_attn.out_proj",
}
"""The weights of a gated delta network."""

KIMI = {
    **{f"ssm_conv1d_{part}": f"self_attn.{part}_conv1d" for part in "qkv"},
    **{f"ssm_{part}": f"self_attn.{part}_proj" for part in ("f_a", "f_b", "g_a", "g_b")},
    "ssm_beta": "self_attn.b_proj",
    "ssm_dt.bias": "self_attn.dt_bias",
    "ssm_a": "self_attn.A_log",
    "ssm_norm": "self_attn.o_norm",
}
"""Those of Kimi's, besides ``attn_q``, ``attn_k``, ``attn_v`` and ``attn_output``."""


KIMI_K3 = {
    "ssm_g": "self_attn.g_proj",
    "attn_gate": "self_attn.g_proj",
    "attn_res_score": "self_attention_res_proj",
    "ffn_res_score": "mlp_res_proj",
    **{
        f"ffn_routed_{theirs}": f"mlp.routed_expert_{ours}"
        for theirs, ours in (("down", "down_proj"), ("up", "up_proj"), ("norm", "norm"))
    },
}
"""What Kimi K3 has besides: gates of features, mixes of blocks, and experts of fewer features."""


def _kimi_heads(m: Metadata) -> int:
    """Each decays by itself."""
    found = m.layers("ssm_a")
    return math.prod(m.tensors[f"blk.{found[0]}.ssm_a"].shape) if found else 1


def kimi_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Delta networks in layers without keys; of Kimi K3 more than that."""
    width = m("kda.head_dim", int)
    rope = m("rope.dimension_count", int)
    attends = attending(m)
    return {
        "linear_attn_config": {
            "kda_layers": [i + 1 for i, one in enumerate(attends) if not one],
            "full_attn_layers": [i + 1 for i, one in enumerate(attends) if one],
            "num_heads": _kimi_heads(m),
            "head_dim": width,
            "short_conv_kernel_size": m("ssm.conv_kernel", int, 4),
            "use_full_rank_gate": bool(m.layers("ssm_g.weight")),
            "gate_lower_bound": m("kda.gate_lower_bound", float, 0.0),
        },
        "qk_rope_head_dim": rope,
        "qk_nope_head_dim": m("attention.key_length_mla", int) - rope,
        "v_head_dim": m("attention.value_length_mla", int),
        "partial_rotary_factor": None,
        "num_shared_experts": m("expert_shared_count", int, 1),
        "num_experts_per_token": m("expert_used_count", int),
        "num_expert_group": m("expert_group_count", int, 1),
        # Files may have how many groups are chosen of, and not how many there are: one.
        "topk_group": m("expert_group_used_count", int, 1) if "expert_group_count" in m else 1,
        "moe_renormalize": m("expert_weights_norm", bool, True),
        **(_k3_entries(m) if "attn_res.block_size" in m else {}),
    }


def _k3_entries(m: Metadata) -> Entries:
    return {
        "attn_res_block_size": m("attn_res.block_size", int),
        "hidden_act": "situ",
        "activation_situ_beta": m("activation.situ_beta", float),
        "activation_situ_linear_beta": m("activation.situ_linear_beta", float, 0.0),
        "mla_use_output_gate": bool(m.layers("attn_gate.weight")),
        "routed_expert_hidden_size": m("expert_latent_length", int, 0),
        "latent_moe_use_norm": bool(m.layers("ffn_routed_norm.weight")),
    }


def delta_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Three delta networks to one layer of attention."""
    heads = m("ssm.time_step_rank", int)
    step = m("full_attention_interval", int, 4)
    recurrent = [int((i + 1) % max(step, 1) != 0) for i in range(m.depth)]
    if "attention.recurrent_layers" in m:
        recurrent = m.each("attention.recurrent_layers")
    return {
        "linear_conv_kernel_dim": m("ssm.conv_kernel", int),
        "linear_key_head_dim": m("ssm.state_size", int),
        "linear_value_head_dim": m("ssm.inner_size", int) // max(heads, 1),
        "linear_num_key_heads": m("ssm.group_count", int),
        "linear_num_value_heads": heads,
        "full_attention_interval": step,
        "layer_types": ["linear_attention" if one else "full_attention" for one in recurrent],
        "norm_topk_prob": m("expert_weights_norm", bool, True),
    }


def _values(c: Config, width: int, first: int = 0) -> list[int] | None:
    """The order of values by the head of keys that they share; files take turns."""
    keys, values = c("linear_num_key_heads", int), c("linear_num_value_heads", int)
    share = values // max(keys, 1)
    if share <= 1:
        return None
    turns = mx.arange(values * width).reshape(share, keys, width).swapaxes(0, 1).flatten()
    order: list[int] = (turns + first).tolist()
    return [*range(first), *order]


def _of_values(c: Config) -> list[int] | None:
    return _values(c, c("linear_value_head_dim", int))


def _of_heads(c: Config) -> list[int] | None:
    return _values(c, 1)


def _of_all(c: Config) -> list[int] | None:
    """Queries and keys come first."""
    first = 2 * c("linear_num_key_heads", int) * c("linear_key_head_dim", int)
    return _values(c, c("linear_value_head_dim", int), first)


ORDERS: dict[str, Callable[[Config], list[int] | None]] = {
    "attn_qkv": _of_all,
    "ssm_conv1d": _of_all,
    "attn_gate": _of_values,
    **dict.fromkeys(("ssm_beta", "ssm_alpha", "ssm_a", "ssm_dt.bias"), _of_heads),
}
"""The orders of rows of Qwen3.5's delta networks."""


def _columns(value: mx.array, c: Config) -> mx.array:
    order = _of_values(c)
    return value if order is None else value[:, mx.array(order)]


CHANGES = STATE_CHANGES | {"ssm_out": _columns}
"""What undoes llama.cpp's changes of their weights."""
