"""The configuration of a model from the metadata of a GGUF file."""

from __future__ import annotations

import math
from typing import Any

from mlx_core_py.gguf import GGUFHeader

from mlx_lm_py.models.gguf.metadata import Metadata
from mlx_lm_py.models.gguf_names import GGUFNames
from mlx_lm_py.models.registry import find_architecture

__all__ = ["gguf_architecture", "gguf_config"]


def __dir__() -> list[str]:
    return __all__


# Entries of ``config.json`` for keys that only some architectures have.
_ENTRIES: dict[str, tuple[str, type]] = {
    "attention.layer_norm_rms_epsilon": ("rms_norm_eps", float),
    "attention.sliding_window": ("sliding_window", int),
    "attention.clamp_kqv": ("clip_qkv", float),
    "attention.scale": ("attention_multiplier", float),
    "attn_logit_softcapping": ("attn_logit_softcapping", float),
    "final_logit_softcapping": ("final_logit_softcapping", float),
    "embedding_scale": ("embedding_multiplier", float),
    "residual_scale": ("residual_multiplier", float),
    "logit_scale": ("logit_scale", float),
    "attention.q_lora_rank": ("q_lora_rank", int),
    "attention.kv_lora_rank": ("kv_lora_rank", int),
    "expert_count": ("num_experts", int),
    "expert_group_count": ("n_group", int),
    "expert_group_used_count": ("topk_group", int),
    "expert_shared_count": ("n_shared_experts", int),
    "expert_weights_norm": ("norm_topk_prob", bool),
    "expert_weights_scale": ("routed_scaling_factor", float),
    "leading_dense_block_count": ("first_k_dense_replace", int),
    "expert_used_count": ("num_experts_per_tok", int),
    "expert_feed_forward_length": ("moe_intermediate_size", int),
    "expert_shared_feed_forward_length": ("shared_expert_intermediate_size", int),
}
_EPSILONS = ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps")


# Further numbers of YaRN.
_YARN = {"yarn_beta_fast": "beta_fast", "yarn_beta_slow": "beta_slow"}


def gguf_architecture(header: GGUFHeader) -> str:
    """Read the name that a GGUF file has for its architecture.

    Args:
        header: As `read_gguf_header` gives it.

    Returns:
        The name.

    Raises:
        ValueError: If there is none, or it is no string.
    """
    return Metadata(header).architecture


def gguf_config(header: GGUFHeader) -> dict[str, Any]:
    """Express the metadata of a GGUF file as a Hugging Face ``config.json``.

    Args:
        header: As `read_gguf_header` gives it.

    Returns:
        The configuration; ``model_type`` is the architecture's name, or that of which of several it
        is.

    Raises:
        ValueError: If the architecture is not supported, or a value is missing or of the wrong
            type. The message names it.
    """
    m = Metadata(header)
    names = find_architecture(m.architecture).gguf
    if names is None:
        raise ValueError(f"GGUF files of '{m.architecture}' are not supported")
    config: dict[str, Any] = {
        "model_type": m.architecture,
        "num_hidden_layers": m.depth,
        "max_position_embeddings": m("context_length", int),
        "rope_theta": m("rope.freq_base", float, 10000.0),
        "tie_word_embeddings": not m.has("output.weight"),
        "attention_bias": bool(m.layers("attn_q.bias") or m.layers("attn_qkv.bias")),
        "attention_out_bias": bool(m.layers("attn_output.bias")),
        "mlp_bias": bool(m.layers("ffn_up.bias")),
        **_sizes(m, names),
    }
    if m.has("token_embd.weight"):
        config["vocab_size"] = m.tensors["token_embd.weight"].shape[0]
    for key, (name, kind) in _ENTRIES.items():
        if key in m:
            config[name] = m(key, kind)
    if not config.get("sliding_window"):
        # Older files say of no window that it is empty.
        config.pop("sliding_window", None)
    if "attention.layer_norm_epsilon" in m:
        config |= dict.fromkeys(_EPSILONS, m("attention.layer_norm_epsilon", float))
    elif "rms_norm_eps" not in config:
        m("attention.layer_norm_rms_epsilon", float)
    config |= _scaling(m, config["max_position_embeddings"])
    return config | (names.entries(m, config) if names.entries else {})


def _sizes(m: Metadata, names: GGUFNames) -> dict[str, Any]:
    """Of layers that differ, those of the largest."""

    def largest(key: str, default: int | None = None) -> int:
        return max(m.each(key, default)) if names.each_layer else m(key, int, default)

    width = m("embedding_length", int)
    heads = largest("attention.head_count")
    # Where nothing has keys, nothing attends, whatever heads there are.
    kv_heads = largest("attention.head_count_kv", heads) or (heads if names.each_layer else 0)
    sizes: dict[str, Any] = {
        "hidden_size": width,
        "intermediate_size": largest("feed_forward_length"),
    }
    if names.each_layer and not heads:
        # Nothing attends.
        return sizes
    for key, count in (("head_count", heads), ("head_count_kv", kv_heads)):
        if count < 1:
            raise ValueError(f"the GGUF value '{m.architecture}.attention.{key}' is {count}")
    head_dim = m("attention.key_length", int, width // heads)
    if head_dim < 1:
        raise ValueError(f"the heads of '{m.architecture}' in the GGUF file are {head_dim} wide")
    sizes |= {"num_attention_heads": heads, "num_key_value_heads": kv_heads, "head_dim": head_dim}
    if "rope.dimension_count" in m:
        sizes["partial_rotary_factor"] = m("rope.dimension_count", int) / head_dim
    return sizes


def _scaling(m: Metadata, context: int) -> dict[str, Any]:
    """The scaling of positions, if there is one."""
    kind = m("rope.scaling.type", str, "none")
    if m.has("rope_factors_long.weight"):
        kind = "longrope"
    if kind == "none":
        return {}
    original = m("rope.scaling.original_context_length", int, context)
    scaling: dict[str, Any] = {
        "rope_type": kind,
        "original_max_position_embeddings": original,
    }
    # A file with a factor of its own for each wavelength needs no other.
    if kind != "longrope":
        scaling["factor"] = m("rope.scaling.factor", float)
    if kind == "yarn":
        scaling |= {
            name: m(f"rope.scaling.{key}", float)
            for key, name in _YARN.items()
            if f"rope.scaling.{key}" in m
        }
    own = m("rope.scaling.attn_factor", float, 0.0)
    if own and kind in ("yarn", "longrope"):
        # What a file has of YaRN goes on top of YaRN's own.
        of_yarn = 1 + 0.1 * math.log(max(scaling.get("factor", 1.0), 1.0))
        scaling["attention_factor"] = own * of_yarn if kind == "yarn" else own
    return {"rope_scaling": scaling}
