"""What GGUF files hold of architectures whose layers differ: in sizes, windows, blocks or parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.config import Config

from .experts import window_types
from .latent import latent_entries
from .metadata import Metadata
from .states import STATE_CHANGES, attending

__all__ = [
    "LING_CHANGES",
    "PLAMO2_CHANGES",
    "deci_entries",
    "ling_entries",
    "minimax_entries",
    "plamo2_entries",
    "step_entries",
]


def __dir__() -> list[str]:
    return __all__


Entries = dict[str, Any]
Changes = dict[str, Callable[[mx.array, Config], mx.array]]


def _back(value: mx.array, c: Config) -> mx.array:
    """What is no norm of a layer has no one added to it."""
    return value + 1


PLAMO2_CHANGES: Changes = {
    **STATE_CHANGES,
    "post_attention_norm": lambda value, c: value - 1 / 5,
    "post_ffw_norm": lambda value, c: value - 1 / 5**1.5,
    "attn_q_norm.weight": _back,
    "attn_k_norm.weight": _back,
}
"""What undoes llama.cpp's changes of PLaMo 2's weights."""


def plamo2_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """State spaces in layers without keys, which must come in turns."""
    states = [not one for one in attending(m)]
    entries: Entries = {
        "hidden_size_per_head": m("attention.key_length", int),
        "mamba_num_heads": m("ssm.time_step_rank", int),
        "mamba_d_state": m("ssm.state_size", int),
        "mamba_d_conv": m("ssm.conv_kernel", int),
        "mamba_enabled": any(states),
    }
    if not any(states):
        return entries
    for step in range(2, 2 * m.depth + 2):
        usual = [i % step != step // 2 for i in range(m.depth)]
        if m.depth <= step // 2:
            usual = [True] * (m.depth - 1) + [False]
        if usual == states:
            return entries | {"mamba_step": step}
    raise ValueError(f"the layers of '{m.architecture}' with keys are not at equal distances")


def step_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Numbers of heads and positions by the kind of a layer, bounds of gates by the layer."""
    types = window_types(m, 2)
    local = [kind == "sliding_attention" for kind in types]
    heads, kv_heads = m.each("attention.head_count"), m.each("attention.head_count_kv")

    def first(counts: list[int], windowed: bool) -> int:
        usual = config["num_attention_heads"]
        return next((n for n, one in zip(counts, local, strict=True) if one == windowed), usual)

    base = config["rope_theta"]
    bases = {True: m("rope.freq_base_swa", float, base), False: base}
    entries: Entries = {
        "num_attention_heads": first(heads, False),
        "num_attention_groups": first(kv_heads, False),
        "attention_other_setting": {
            "num_attention_heads": first(heads, True),
            "num_attention_groups": first(kv_heads, True),
        },
        "layer_types": types,
        "rope_theta": [bases[one] for one in local],
        # Half of a head rotates where there is no window, and by factors there alone.
        "partial_rotary_factors": [1.0 if one else 0.5 for one in local],
        "partial_rotary_factor": None,
        "yarn_only_types": ["full_attention"],
        "use_head_wise_attn_gate": bool(m.layers("attn_gate.weight")),
        "moe_layers_enum": ",".join(map(str, m.layers("ffn_gate_inp.weight"))),
        "moe_num_experts": m("expert_count", int, 1),
        "moe_top_k": m("expert_used_count", int, 1),
        "share_expert_dim": m("expert_shared_feed_forward_length", int, 0),
        "moe_router_scaling_factor": m("expert_weights_scale", float, 1.0),
        "norm_expert_weight": m("expert_weights_norm", bool, False),
    }
    for key, name in (("exp", "swiglu_limits"), ("shexp", "swiglu_limits_shared")):
        if f"swiglu_clamp_{key}" in m:
            entries[name] = m.numbers(f"{m.architecture}.swiglu_clamp_{key}")
    return entries


def minimax_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Experts, and indexes, in the layers that have their tensors."""
    experts, indexed = m.layers("ffn_gate_inp.weight"), m.layers("indexer.q_proj.weight")
    hidden = m("expert_feed_forward_length", int)
    return {
        "intermediate_size": hidden,
        "dense_intermediate_size": config["intermediate_size"],
        "shared_intermediate_size": hidden * m("expert_shared_count", int, 1),
        "num_local_experts": m("expert_count", int),
        "rotary_dim": m("rope.dimension_count", int),
        "moe_layer_freq": [int(i in experts) for i in range(m.depth)],
        "sparse_attention_config": {
            "sparse_num_index_heads": m("attention.indexer.head_count", int),
            "sparse_index_dim": m("attention.indexer.key_length", int),
            "sparse_block_size": m("attention.indexer.block_size", int),
            "sparse_topk_blocks": m("attention.indexer.top_k", int),
            "sparse_local_block": m("attention.indexer.local_blocks", int),
            "sparse_attention_freq": [int(i in indexed) for i in range(m.depth)],
        },
    }


LING_CHANGES: Changes = {
    **STATE_CHANGES,
    # The exponential is not negated, as in files of others.
    "ssm_a": lambda value, c: mx.log(value).flatten(),
}
"""What undoes llama.cpp's changes of Ling 3's weights."""


def ling_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Delta networks in layers without keys."""
    types = ["full_attention" if one else "linear_attention" for one in attending(m)]
    return {
        **latent_entries(m, config),
        "model_type": "bailing_hybrid",
        "layer_types": types,
        "head_dim": m("kda.head_dim", int),
        "short_conv_kernel_size": m("ssm.conv_kernel", int),
        "kda_safe_gate": m("kda.safe_gate", bool, True),
        "kda_lower_bound": m("kda.gate_lower_bound", float),
        "no_kda_lora": True,
        "num_shared_experts": m("expert_shared_count", int, 1),
        "moe_shared_expert_intermediate_size": m("expert_shared_feed_forward_length", int),
        "norm_topk_prob": m("expert_weights_norm", bool, True),
        "n_group": m("expert_group_count", int, 0) or 1,
        "topk_group": m("expert_group_used_count", int, 1) if "expert_group_count" in m else 1,
    }


def deci_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """What is left of each layer: no heads, no keys and no features mean what is not there."""
    heads, kv_heads = m.each("attention.head_count"), m.each("attention.head_count_kv")
    blocks: list[Entries] = []
    for own, shared, hidden in zip(heads, kv_heads, m.each("feed_forward_length"), strict=True):
        attention: Entries = {"no_op": True}
        if own and not shared:
            attention = {"replace_with_linear": True}
        elif own:
            attention = {"n_heads_in_group": own // shared}
        # A factor that comes to as many in whole steps of 256.
        factor = (hidden - 128) * 3 / 2 / config["hidden_size"]
        ffn: Entries = {"ffn_mult": factor} if hidden else {"no_op": True}
        blocks.append({"attention": attention, "ffn": ffn})
    return {"model_type": "nemotron-nas", "block_configs": blocks}
