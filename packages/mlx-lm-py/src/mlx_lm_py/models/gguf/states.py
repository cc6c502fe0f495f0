"""What GGUF files hold of state spaces, delta networks and short convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.config import Config

from .metadata import Metadata

__all__ = [
    "DELTA",
    "KIMI",
    "MAMBA_CHANGES",
    "STATES",
    "STATE_CHANGES",
    "attending",
    "delta_changes",
    "delta_entries",
    "delta_orders",
    "falcon_h1_entries",
    "granite_hybrid_entries",
    "jamba_entries",
    "kimi_entries",
    "lfm2_entries",
    "mamba2_entries",
    "mamba_entries",
    "nemotron_entries",
    "states_at",
]


def __dir__() -> list[str]:
    return __all__


Entries = dict[str, Any]


def states_at(path: str) -> dict[str, str]:
    """The weights of a state space.

    Args:
        path: Where it is in a layer.

    Returns:
        Their names in a file, and in a layer.
    """
    return {
        "ssm_in": f"{path}.in_proj",
        "ssm_conv1d": f"{path}.conv1d",
        "ssm_x": f"{path}.x_proj",
        "ssm_dt": f"{path}.dt_proj",
        "ssm_a": f"{path}.A_log",
        "ssm_d": f"{path}.D",
        "ssm_norm": f"{path}.norm",
        "ssm_out": f"{path}.out_proj",
    }


STATES = states_at("mamba")

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


def _logarithm(value: mx.array, c: Config) -> mx.array:
    """Files have what is computed with: less than nothing, by however much a state decays."""
    return mx.log(mx.maximum(-value, 0))


def _flat_logarithm(value: mx.array, c: Config) -> mx.array:
    return _logarithm(value, c).flatten()


def _flat(value: mx.array, c: Config) -> mx.array:
    return value.flatten()


def _taps(value: mx.array, c: Config) -> mx.array:
    """A convolution's axis of one, which files leave out."""
    return value.reshape(-1, 1, value.shape[-1])


STATE_CHANGES: dict[str, Callable[[mx.array, Config], mx.array]] = {
    "ssm_a": _flat_logarithm,
    "ssm_d": _flat,
    "ssm_norm": _flat,
    "ssm_conv1d": _taps,
    "shortconv.conv": _taps,
    **dict.fromkeys((f"ssm_conv1d_{part}" for part in "qkv"), _taps),
}
"""What undoes llama.cpp's changes of a state's weights."""

MAMBA_CHANGES = STATE_CHANGES | {"ssm_a": _logarithm}
"""The same where each feature of a state decays by itself."""


def attending(m: Metadata) -> list[bool]:
    """Which layers attend: those that have keys.

    Args:
        m: The metadata.

    Returns:
        One for each layer.
    """
    return [count > 0 for count in m.each("attention.head_count_kv", 0)]


def _types(m: Metadata, other: str) -> list[str]:
    return ["full_attention" if one else other for one in attending(m)]


def _has_bias(m: Metadata, stem: str) -> bool:
    return bool(m.layers(f"{stem}.bias"))


def mamba_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """A state space in each layer; Falcon's normalizes what comes in."""
    eps = m("attention.layer_norm_rms_epsilon", float)
    falcon = m("ssm.dt_b_c_rms", bool, False)
    return {
        "model_type": "falcon_mamba" if falcon else "mamba",
        "intermediate_size": m("ssm.inner_size", int),
        "state_size": m("ssm.state_size", int),
        "time_step_rank": m("ssm.time_step_rank", int),
        "conv_kernel": m("ssm.conv_kernel", int),
        "use_bias": _has_bias(m, "ssm_in"),
        "use_conv_bias": _has_bias(m, "ssm_conv1d"),
        "layer_norm_epsilon": eps,
        "mixer_rms_eps": eps,
    }


def mamba2_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """A state space of heads in each layer."""
    heads = m("ssm.time_step_rank", int)
    return {
        "num_heads": heads,
        "head_dim": m("ssm.inner_size", int) // max(heads, 1),
        "state_size": m("ssm.state_size", int),
        "n_groups": m("ssm.group_count", int),
        "conv_kernel": m("ssm.conv_kernel", int),
        "use_bias": _has_bias(m, "ssm_in"),
        "use_conv_bias": _has_bias(m, "ssm_conv1d"),
        "layer_norm_epsilon": m("attention.layer_norm_rms_epsilon", float),
    }


def _hybrid(m: Metadata) -> Entries:
    return {
        "mamba_n_heads": m("ssm.time_step_rank", int),
        "mamba_d_ssm": m("ssm.inner_size", int),
        "mamba_d_state": m("ssm.state_size", int),
        "mamba_n_groups": m("ssm.group_count", int, 1),
        "mamba_d_conv": m("ssm.conv_kernel", int),
        "mamba_proj_bias": _has_bias(m, "ssm_in"),
        "mamba_conv_bias": _has_bias(m, "ssm_conv1d"),
    }


def falcon_h1_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The multipliers are in the weights already."""
    return {
        **_hybrid(m),
        "mamba_rms_norm": bool(m.layers("ssm_norm.weight")),
        "mamba_norm_before_gate": False,
    }


def granite_hybrid_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """States in layers without keys, and positions only where there are no states."""
    hidden = m("feed_forward_length", int)
    experts = m("expert_count", int, 0)
    return {
        **_hybrid(m),
        "layer_types": _types(m, "mamba"),
        "position_embedding_type": "rope" if m("rope.scaling.finetuned", bool, True) else "nope",
        "num_local_experts": experts,
        "shared_intermediate_size": m("expert_shared_feed_forward_length", int, hidden),
        "logits_scaling": m("logit_scale", float, 1.0),
        **({"moe_intermediate_size": hidden} if experts else {}),
    }


def jamba_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Attention and experts in layers at equal distances."""
    inner = m("ssm.inner_size", int)
    attends = [i for i, one in enumerate(attending(m)) if one]
    experts = m.layers("ffn_gate_inp.weight")
    return {
        **_period(m, "attn_layer", attends),
        **_period(m, "expert_layer", experts),
        "num_experts": m("expert_count", int, 1) if experts else 1,
        "mamba_expand": inner // max(config["hidden_size"], 1),
        "mamba_d_state": m("ssm.state_size", int),
        "mamba_dt_rank": m("ssm.time_step_rank", int),
        "mamba_d_conv": m("ssm.conv_kernel", int),
        "mamba_proj_bias": _has_bias(m, "ssm_in"),
        "mamba_conv_bias": _has_bias(m, "ssm_conv1d"),
    }


def _period(m: Metadata, name: str, found: list[int]) -> Entries:
    depth = m.depth
    offset = found[0] if found else depth
    period = found[1] - offset if len(found) > 1 else depth + 1
    if found != [i for i in range(depth) if i % period == offset % period]:
        raise ValueError(f"the layers {found} of '{m.architecture}' are not at equal distances")
    return {f"{name}_period": period, f"{name}_offset": offset % period}


def nemotron_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """One part a layer, which its tensors tell."""
    letters = dict.fromkeys(m.layers("attn_output.weight"), "*")
    letters |= dict.fromkeys(m.layers("ffn_up.weight"), "-")
    letters |= dict.fromkeys(m.layers("ffn_gate_inp.weight"), "E")
    return {
        "hybrid_override_pattern": "".join(letters.get(i, "M") for i in range(m.depth)),
        "mamba_num_heads": m("ssm.time_step_rank", int),
        "mamba_head_dim": m("ssm.inner_size", int) // max(m("ssm.time_step_rank", int), 1),
        "ssm_state_size": m("ssm.state_size", int),
        "n_groups": m("ssm.group_count", int),
        "conv_kernel": m("ssm.conv_kernel", int),
        "mamba_proj_bias": _has_bias(m, "ssm_in"),
        "use_conv_bias": _has_bias(m, "ssm_conv1d"),
        "attention_bias": _has_bias(m, "attn_q"),
        "mlp_bias": _has_bias(m, "ffn_up"),
        "layer_norm_epsilon": config.get("rms_norm_eps", config.get("layer_norm_epsilon")),
        "n_routed_experts": m("expert_count", int, 0),
        "moe_shared_expert_intermediate_size": m("expert_shared_feed_forward_length", int, 0),
        "moe_latent_size": m("moe_latent_size", int, 0),
        "n_group": m("expert_group_count", int, 1),
        "topk_group": m("expert_group_used_count", int, 1),
    }


def lfm2_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Convolutions in layers without keys."""
    return {
        "layer_types": _types(m, "conv"),
        "norm_eps": m("attention.layer_norm_rms_epsilon", float),
        "conv_L_cache": m("shortconv.l_cache", int),
        "conv_bias": _has_bias(m, "shortconv.conv"),
        "block_auto_adjust_ff_dim": False,
        "tie_embedding": config["tie_word_embeddings"],
        "num_dense_layers": m("leading_dense_block_count", int, 0),
        "use_expert_bias": bool(m.layers("exp_probs_b.bias")),
        "norm_topk_prob": m("expert_weights_norm", bool, True),
    }


def _kimi_heads(m: Metadata) -> int:
    """Each decays by itself."""
    found = m.layers("ssm_a")
    return math.prod(m.tensors[f"blk.{found[0]}.ssm_a"].shape) if found else 1


def kimi_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Delta networks in layers without keys."""
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
        },
        "qk_rope_head_dim": rope,
        "qk_nope_head_dim": m("attention.key_length_mla", int) - rope,
        "v_head_dim": m("attention.value_length_mla", int),
        "partial_rotary_factor": None,
        "num_shared_experts": m("expert_shared_count", int, 1),
        "num_experts_per_token": m("expert_used_count", int),
        "num_expert_group": m("expert_group_count", int, 1),
        "moe_renormalize": m("expert_weights_norm", bool, True),
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


delta_orders: dict[str, Callable[[Config], list[int] | None]] = {
    "attn_qkv": _of_all,
    "ssm_conv1d": _of_all,
    "attn_gate": _of_values,
    **dict.fromkeys(("ssm_beta", "ssm_alpha", "ssm_a", "ssm_dt.bias"), _of_heads),
}
"""The orders of rows of Qwen3.5's delta networks."""


def _columns(value: mx.array, c: Config) -> mx.array:
    order = _of_values(c)
    return value if order is None else value[:, mx.array(order)]


delta_changes = STATE_CHANGES | {"ssm_out": _columns}
"""What undoes llama.cpp's changes of their weights."""
