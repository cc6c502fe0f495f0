"""What GGUF files say of experts beside attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .metadata import Metadata

__all__ = [
    "afmoe_entries",
    "bailing_entries",
    "dbrx_entries",
    "deepseek_entries",
    "ernie_entries",
    "exaone_entries",
    "first_dense",
    "gpt_oss_entries",
    "hunyuan_entries",
    "laguna_entries",
    "llama4_entries",
    "mellum_entries",
    "mimo_entries",
    "normalized",
    "shared_expert",
    "spark_entries",
    "window_types",
]


def __dir__() -> list[str]:
    return __all__


Entries = dict[str, Any]


def normalized(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The weights of the chosen experts sum to one where the file does not say otherwise."""
    return {"norm_topk_prob": m("expert_weights_norm", bool, True)}


def shared_expert(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Older files do not tell how many features the shared expert has."""
    name = next((f"blk.{i}.ffn_up_shexp.weight" for i in m.layers("ffn_up_shexp.weight")), None)
    return {"shared_expert_intermediate_size": m.tensors[name].shape[0]} if name else {}


def first_dense(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Sigmoids choose experts after the first layers."""
    return {
        "num_dense_layers": m("leading_dense_block_count", int, 0),
        "norm_topk_prob": m("expert_weights_norm", bool, True),
    }


def window_types(m: Metadata, each: int, *, full_first: bool = False) -> list[str]:
    """Which layers have a window.

    Args:
        m: The metadata.
        each: How many layers there are from one without to the next, where the file does not say.
        full_first: Whether the first of these is without, rather than the last.

    Returns:
        The kind of each layer.
    """
    if not m("attention.sliding_window", int, 0):
        return ["full_attention"] * m.depth
    full = 0 if full_first else each - 1
    usual = [int(i % each != full) for i in range(m.depth)]
    found = usual
    if "attention.sliding_window_pattern" in m:
        found = m.each("attention.sliding_window_pattern")
    return ["sliding_attention" if one else "full_attention" for one in found]


def exaone_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Three windows to one layer without positions."""
    return {
        "layer_types": window_types(m, 4),
        "num_shared_experts": m("expert_shared_count", int, 0),
    }


def afmoe_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """As above; llama.cpp always scales the embedding."""
    return {
        "layer_types": window_types(m, 4),
        "num_shared_experts": m("expert_shared_count", int, 0),
        "num_dense_layers": m("leading_dense_block_count", int, 0),
        "route_scale": m("expert_weights_scale", float, 1.0),
        "mup_enabled": True,
    }


def _two_ropes(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Positions of layers without and with a window."""
    base, width = config["rope_theta"], config["head_dim"]
    dims = m("rope.dimension_count", int, width)
    own = config.get("rope_scaling") or {"rope_type": "default"}
    full = {**own, "rope_theta": base, "partial_rotary_factor": dims / width}
    local = {
        "rope_type": "default",
        "rope_theta": m("rope.freq_base_swa", float, base),
        "partial_rotary_factor": m("rope.dimension_count_swa", int, dims) / width,
    }
    return {
        "rope_parameters": {"full_attention": full, "sliding_attention": local},
        "rope_scaling": None,
        "partial_rotary_factor": None,
    }


def spark_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Windows, and positions of each kind of layer."""
    return {**_two_ropes(m, config), "layer_types": window_types(m, 4)}


def mellum_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Windows, and positions of each kind of layer."""
    return {
        **_two_ropes(m, config),
        "layer_types": window_types(m, 4),
        "mlp_layer_types": _sparse(m),
        "norm_topk_prob": m("expert_weights_norm", bool, True),
    }


def _sparse(m: Metadata) -> list[str]:
    experts = m.layers("ffn_gate_inp.weight")
    return ["sparse" if i in experts else "dense" for i in range(m.depth)]


def laguna_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Numbers of heads of each layer; the gate's width tells what it has a number for."""
    heads = m.each("attention.head_count")
    gate = m.tensors["blk.0.attn_gate.weight"].shape[0] if m.has("blk.0.attn_gate.weight") else 0
    return {
        **_two_ropes(m, config),
        "layer_types": window_types(m, 4, full_first=True),
        "mlp_layer_types": _sparse(m),
        "num_attention_heads_per_layer": heads,
        "gating": "per-head" if gate == heads[0] else "per-element" if gate else False,
        "moe_routed_scaling_factor": m("expert_weights_scale", float, 1.0),
    }


def mimo_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Numbers of keys of each kind of layer; values narrower than keys."""
    types = window_types(m, 4)
    pairs = list(zip(types, m.each("attention.head_count_kv"), strict=True))
    counts = dict(pairs)
    if set(pairs) != set(counts.items()):
        raise ValueError(f"'{m.architecture}.attention.head_count_kv' differs within a kind")
    most = max(counts.values())
    return {
        **_two_ropes(m, config),
        "layer_types": types,
        "mlp_layer_types": _sparse(m),
        # The key itself is seen, too.
        "sliding_window": m("attention.sliding_window", int) + 1,
        "num_key_value_heads": counts.get("full_attention", most),
        "swa_num_key_value_heads": counts.get("sliding_attention", most),
        "v_head_dim": m("attention.value_length", int),
        "attention_value_scale": m("attention.value_scale", float, 1.0),
        "norm_topk_prob": m("expert_weights_norm", bool, True),
    }


def hunyuan_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The shared expert is some times as wide as a dense layer."""
    shared = m("expert_shared_feed_forward_length", int, 0)
    return {
        "moe_topk": m("expert_used_count", int),
        "num_shared_expert": shared // max(config["intermediate_size"], 1),
    }


def ernie_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Experts in every so many layers after the first ones."""
    return {
        "use_bias": config["attention_bias"],
        "moe_num_experts": m("expert_count", int),
        "moe_k": m("expert_used_count", int),
        "moe_num_shared_experts": m("expert_shared_count", int, 0),
        "moe_layer_start_index": m("leading_dense_block_count", int, 0),
        "moe_layer_interval": m("interleave_moe_layer_step", int, 1),
    }


def gpt_oss_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """All feed-forward layers are experts; a window in every other layer."""
    return {
        "num_local_experts": m("expert_count", int),
        "intermediate_size": m("expert_feed_forward_length", int),
        "layer_types": window_types(m, 2),
    }


def dbrx_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Names of its own; the weights of the chosen experts always sum to one."""
    return {
        "d_model": config["hidden_size"],
        "n_layers": config["num_hidden_layers"],
        "n_heads": config["num_attention_heads"],
        "max_seq_len": config["max_position_embeddings"],
        "attn_config": {
            "kv_n_heads": config["num_key_value_heads"],
            "clip_qkv": m("attention.clamp_kqv", float, 0.0),
            "rope_theta": config["rope_theta"],
        },
        "ffn_config": {
            "ffn_hidden_size": config["intermediate_size"],
            "moe_num_experts": m("expert_count", int),
            "moe_top_k": m("expert_used_count", int),
            "moe_normalize_expert_weights": 1.0,
        },
    }


def deepseek_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The first DeepSeek's experts, whose weights are what they are."""
    return {
        "n_routed_experts": m("expert_count", int),
        "norm_topk_prob": m("expert_weights_norm", bool, False),
    }


def bailing_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Sigmoids where the file says so, and a bias where there is one."""
    own = m("expert_shared_feed_forward_length", int, 0)
    return {
        "model_type": "bailing_moe",
        "num_shared_experts": m("expert_shared_count", int, 0),
        **({"moe_shared_expert_intermediate_size": own} if own else {}),
        "score_function": "sigmoid" if m("expert_gating_func", int, 1) == 2 else "softmax",
        "moe_router_enable_expert_bias": bool(m.layers("exp_probs_b.bias")),
        "use_qk_norm": m.has("blk.0.attn_q_norm.weight"),
        "use_qkv_bias": config["attention_bias"],
        "norm_topk_prob": m("expert_weights_norm", bool, False),
    }


def llama4_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Pieces of 8192, but for each fourth layer, which has no positions."""
    types = window_types(m, 4) if "attention.sliding_window_pattern" in m else []
    heads_normed = m("expert_count", int, 0) != 128
    return {
        "num_local_experts": m("expert_count", int, 0),
        "intermediate_size": m("expert_feed_forward_length", int),
        "intermediate_size_mlp": m("feed_forward_length", int),
        "interleave_moe_layer_step": m("interleave_moe_layer_step", int, 1),
        "moe_layers": m.layers("ffn_gate_inp.weight"),
        "no_rope_layers": [int(kind == "sliding_attention") for kind in types],
        "use_qk_norm": heads_normed,
    }
