"""What GGUF files say of latent attention, whose keys and values are made apart there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Rule

from .dense import scale_entries
from .metadata import Metadata

__all__ = [
    "INDEXER",
    "JOINED",
    "LATENT",
    "deepseek_entries",
    "join_latents",
    "latent_entries",
    "minicpm3_entries",
    "mistral4_entries",
    "sparse_entries",
]


def __dir__() -> list[str]:
    return __all__


LATENT = {
    "attn_q_a": "self_attn.q_a_proj",
    "attn_q_a_norm": "self_attn.q_a_layernorm",
    "attn_q_b": "self_attn.q_b_proj",
    "attn_kv_a_mqa": "self_attn.kv_a_proj_with_mqa",
    "attn_kv_a_norm": "self_attn.kv_a_layernorm",
    "attn_kv_b": "self_attn.kv_b_proj",
    "attn_k_b": "self_attn.k_b_proj",
    "attn_v_b": "self_attn.v_b_proj",
}
"""The weights of a layer besides ``attn_q`` and ``attn_output``."""

INDEXER = {
    "indexer.k_norm": "self_attn.indexer.k_norm",
    "indexer.proj": "self_attn.indexer.weights_proj",
    "indexer.attn_k": "self_attn.indexer.wk",
    "indexer.attn_q_b": "self_attn.indexer.wq_b",
}
"""What chooses the keys that are attended to."""

JOINED = ("attn_kv_b", "attn_k_b", "attn_v_b")
"""Those of which heads are taken apart or put together."""


def join_latents(c: Config) -> Sequence[Rule]:
    """What makes keys, transposed for each head, above what makes values.

    Args:
        c: The configuration.

    Returns:
        The rule.
    """

    def join(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        joined = dict(weights)
        for name in weights:
            if not name.endswith(".k_b_proj.weight"):
                continue
            other = name.replace(".k_b_proj.", ".v_b_proj.")
            if other not in weights:
                raise ValueError(f"the GGUF file has no tensor for '{other}'")
            keys, values = joined.pop(name).swapaxes(1, 2), joined.pop(other)
            both = mx.concatenate([keys, values], axis=1)
            joined[name.replace(".k_b_proj.", ".kv_b_proj.")] = both.reshape(-1, both.shape[-1])
        return joined

    return (Convert(join, dict),)


def latent_entries(m: Metadata, config: Mapping[str, Any]) -> dict[str, Any]:
    """The widths of the parts of a head.

    Args:
        m: The metadata.
        config: The usual entries.

    Returns:
        Further entries.
    """
    rope = m("rope.dimension_count", int)
    # Newer files have those of the one head that all others share under the usual keys.
    key = m("attention.key_length_mla", int, 0) or m("attention.key_length", int)
    value = m("attention.value_length_mla", int, 0) or m("attention.value_length", int, key - rope)
    entries: dict[str, Any] = {
        "qk_rope_head_dim": rope,
        "qk_nope_head_dim": key - rope,
        "v_head_dim": value,
        "partial_rotary_factor": None,
        "attention_bias": bool(m.layers("attn_kv_a_mqa.bias")),
    }
    scaling = config.get("rope_scaling")
    weight = m("rope.scaling.yarn_log_multiplier", float, 0.0)
    if scaling and weight:
        # A tenth of it is in the file, and what rotated dimensions are multiplied by is one.
        weight = round(10 * weight, 6)
        entries["rope_scaling"] = scaling | {"mscale": weight, "mscale_all_dim": weight}
    return entries


def deepseek_entries(m: Metadata, config: Mapping[str, Any]) -> dict[str, Any]:
    """Which of DeepSeek's it is is told by its experts.

    Args:
        m: The metadata.
        config: The usual entries.

    Returns:
        Further entries.
    """
    entries = latent_entries(m, config)
    groups = m("expert_group_count", int, 0) or 1
    entries |= {
        "n_group": groups,
        "topk_group": m("expert_group_used_count", int, groups),
        "norm_topk_prob": m("expert_weights_norm", bool, False),
        "first_k_dense_replace": next(iter(m.layers("ffn_gate_inp.weight")), m.depth),
    }
    if not m("expert_count", int, 0):
        return entries | {"model_type": "youtu"}
    if m.layers("exp_probs_b.bias"):
        return entries | {"model_type": "deepseek_v3"}
    grouped = {"topk_method": "group_limited_greedy"} if groups > 1 else {}
    return entries | grouped | {"model_type": "deepseek_v2"}


def sparse_entries(m: Metadata, config: Mapping[str, Any]) -> dict[str, Any]:
    """Keys are chosen; files of GLM tell which layers choose.

    Args:
        m: The metadata.
        config: The usual entries.

    Returns:
        Further entries.
    """
    types = {}
    if "attention.indexer.types" in m:
        chosen = m.each("attention.indexer.types")
        types = {"indexer_types": ["full" if one else "shared" for one in chosen]}
    return {
        **deepseek_entries(m, config),
        "model_type": m.architecture,
        "index_n_heads": m("attention.indexer.head_count", int),
        "index_head_dim": m("attention.indexer.key_length", int),
        "index_topk": m("attention.indexer.top_k", int),
        **types,
    }


def mistral4_entries(m: Metadata, config: Mapping[str, Any]) -> dict[str, Any]:
    """Queries grow by a share of the logarithm.

    Args:
        m: The metadata.
        config: The usual entries.

    Returns:
        Further entries.
    """
    entries = deepseek_entries(m, config)
    scaling = entries.get("rope_scaling") or config.get("rope_scaling")
    share = m("attention.temperature_scale", float, 0.0)
    if scaling and share:
        entries["rope_scaling"] = scaling | {"llama_4_scaling_beta": share}
    return entries | {"model_type": "mistral4"}


def minicpm3_entries(m: Metadata, config: Mapping[str, Any]) -> dict[str, Any]:
    """The scales are those of all models of the kind.

    Args:
        m: The metadata.
        config: The usual entries.

    Returns:
        Further entries.
    """
    key, rope = m("attention.key_length", int), m("rope.dimension_count", int)
    value = (
        m("attention.value_length", int, 0)
        or config["hidden_size"] // config["num_attention_heads"]
    )
    return {
        **scale_entries(m, config),
        "qk_rope_head_dim": rope,
        "qk_nope_head_dim": key - rope,
        "v_head_dim": value,
        "partial_rotary_factor": None,
    }
