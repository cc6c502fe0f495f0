"""What GGUF files hold of state spaces and short convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.config import Config

from .dense import granite_entries
from .metadata import Metadata

__all__ = [
    "MAMBA_CHANGES",
    "STATES",
    "STATE_CHANGES",
    "attending",
    "falcon_h1_entries",
    "granite_hybrid_entries",
    "jamba_entries",
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


def _attending_at(m: Metadata) -> list[int]:
    return [i for i, one in enumerate(attending(m)) if one]


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


_MULTIPLIERS = ("attention.scale", "embedding_scale", "logit_scale", "residual_scale")


def granite_hybrid_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """States in layers without keys, and positions only where there are no states.

    Files of Bamba, which has positions beside states, have the name of Granite's.
    """
    hidden = m("feed_forward_length", int)
    experts = m("expert_count", int, 0)
    turns = m("rope.scaling.finetuned", bool, True)
    states = m.layers("ssm_in.weight")
    if turns and states and not experts and not any(key in m for key in _MULTIPLIERS):
        return {**_hybrid(m), "model_type": "bamba", "attn_layer_indices": _attending_at(m)}
    return {
        **_hybrid(m),
        **granite_entries(m, config),
        "layer_types": _types(m, "mamba"),
        "position_embedding_type": "rope" if turns else "nope",
        "num_local_experts": experts,
        "shared_intermediate_size": m("expert_shared_feed_forward_length", int, hidden),
        **({"moe_intermediate_size": hidden} if experts else {}),
    }


def jamba_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Attention and experts in layers at equal distances."""
    inner = m("ssm.inner_size", int)
    attends = _attending_at(m)
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
