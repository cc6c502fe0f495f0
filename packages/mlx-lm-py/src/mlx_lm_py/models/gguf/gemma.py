"""What GGUF files say of Gemma 3n and Gemma 4, and of Muse Glimmer, whose layers differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Rule

from .experts import window_types
from .metadata import Metadata

__all__ = [
    "ALTUP",
    "INPUTS",
    "INPUTS_OUTSIDE",
    "gemma3n_entries",
    "gemma3n_rules",
    "gemma4_entries",
    "muse_entries",
    "muse_rules",
]


def __dir__() -> list[str]:
    return __all__


Entries = dict[str, Any]

INPUTS = {
    "inp_gate": "per_layer_input_gate",
    "proj": "per_layer_projection",
    "post_norm": "post_per_layer_input_norm",
}
"""What a layer gets of the tokens."""

INPUTS_OUTSIDE = {
    "per_layer_token_embd": "model.embed_tokens_per_layer",
    "per_layer_model_proj": "model.per_layer_model_projection",
    "per_layer_proj_norm": "model.per_layer_projection_norm",
}
"""What that is made of."""

ALTUP = {
    "altup_correct_scale.weight": "altup.correct_output_scale",
    "altup_correct_coef": "altup.correction_coefs",
    "altup_predict_coef": "altup.prediction_coefs",
    "altup_router": "altup.modality_router",
    "altup_router_norm": "altup.router_norm",
    "laurel_l": "laurel.linear_left",
    "laurel_r": "laurel.linear_right",
    "laurel_post_norm": "laurel.post_laurel_norm",
}
"""Several hidden states of which a layer transforms one, and the shortcut beside attention."""


def _inputs(m: Metadata) -> Entries:
    table = m.tensors.get("per_layer_token_embd.weight")
    return {
        "hidden_size_per_layer_input": m("embedding_length_per_layer_input", int, 0),
        "num_kv_shared_layers": m("attention.shared_kv_layers", int, 0),
        **({"vocab_size_per_layer_input": table.shape[0]} if table else {}),
    }


def gemma4_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Layers that see everything have heads of another width, and the factors of their pairs."""
    types = window_types(m, 6)
    full = [i for i, kind in enumerate(types) if kind == "full_attention"]
    local = next((i for i, kind in enumerate(types) if kind != "full_attention"), 0)
    width, base = config["head_dim"], config["rope_theta"]
    heads, hidden = m.each("attention.head_count_kv"), m.each("feed_forward_length")
    experts = m("expert_count", int, 0)
    ropes = {
        "full_attention": {"rope_theta": base},
        "sliding_attention": {"rope_theta": m("rope.freq_base_swa", float, 10000.0)},
    }
    return {
        **_inputs(m),
        "model_type": "gemma4_text",
        "layer_types": types,
        "rope_parameters": ropes,
        "partial_rotary_factor": None,
        "head_dim": m("attention.key_length_swa", int, width),
        "num_key_value_heads": heads[local],
        "per_layer_config": {
            str(i): {"head_dim": width, "num_key_value_heads": heads[i]} for i in full
        },
        "attention_k_eq_v": not all(m.has(f"blk.{i}.attn_v.weight") for i in full[:1]),
        "intermediate_size": hidden[0],
        "use_double_wide_mlp": hidden[-1] != hidden[0],
        "enable_moe_block": bool(experts),
        **({"top_k_experts": m("expert_used_count", int)} if experts else {}),
    }


def gemma3n_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Deviations above the mean tell which share of a gate is closed."""
    shares = m.numbers(f"{m.architecture}.activation_sparsity_scale")
    shortcut = m.tensors.get("blk.0.laurel_l.weight")
    return {
        **_inputs(m),
        "layer_types": window_types(m, 5),
        "rope_local_base_freq": m("rope.freq_base_swa", float, 10000.0),
        "intermediate_size": m.each("feed_forward_length"),
        "activation_sparsity_pattern": [round(NormalDist().cdf(one), 6) for one in shares],
        "altup_num_inputs": m("altup.num_inputs", int, 4),
        "altup_active_idx": m("altup.active_idx", int, 0),
        "altup_correct_scale": m.has("blk.0.altup_correct_scale.weight"),
        **({"laurel_rank": shortcut.shape[0]} if shortcut else {}),
    }


def gemma3n_rules(c: Config) -> Sequence[Rule]:
    """What goes between hidden states lies in one weight.

    Args:
        c: The configuration.

    Returns:
        The rule.
    """

    def part(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        parted: dict[str, mx.array] = {}
        for name, value in weights.items():
            if name.startswith("model.altup_") and value.ndim == 3:
                stem, _, kind = name.rpartition(".")
                parted |= {f"{stem}.{i}.{kind}": value[i] for i in range(value.shape[0])}
            else:
                parted[name] = value
        return parted

    return (Convert(part, dict),)


def muse_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Positions where there is a window; files have no smaller epsilon of norms after parts."""
    types = window_types(m, 4)
    base = config["rope_theta"]
    return {
        "layer_types": types,
        "layer_rope_theta": [base if kind == "sliding_attention" else 0.0 for kind in types],
        "output_multiplier": m("logit_scale", float),
    }


def muse_rules(c: Config) -> Sequence[Rule]:
    """The scale of queries has become a norm's weight, which is the same in each feature.

    Args:
        c: The configuration.

    Returns:
        The rule.
    """
    scale = c("qk_scale_factor", 3.87)

    def check(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        kept = {}
        for name, value in weights.items():
            if not name.endswith(("q_norm.weight", "k_norm.weight")):
                kept[name] = value
                continue
            expected = scale if "q_norm" in name else 1.0
            if not mx.allclose(value.astype(mx.float32), mx.array(expected), 1e-3).item():
                raise ValueError(f"the GGUF weight of '{name}' is not {expected} in each feature")
        return kept

    return (Convert(check, dict),)
