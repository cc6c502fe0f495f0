"""The configuration of a model from the metadata of a GGUF file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mlx_core_py.gguf import GGUFHeader

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
    "expert_count": ("num_experts", int),
    "expert_used_count": ("num_experts_per_tok", int),
    "expert_feed_forward_length": ("moe_intermediate_size", int),
    "expert_shared_feed_forward_length": ("shared_expert_intermediate_size", int),
}
_EPSILONS = ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps")


def gguf_architecture(header: GGUFHeader) -> str:
    """Read the name that a GGUF file has for its architecture.

    Args:
        header: As `read_gguf_header` gives it.

    Returns:
        The name.

    Raises:
        ValueError: If there is none, or it is no string.
    """
    architecture: str = _get(header.metadata, "general.architecture", str)
    return architecture


def gguf_config(header: GGUFHeader) -> dict[str, Any]:
    """Express the metadata of a GGUF file as a Hugging Face ``config.json``.

    Args:
        header: As `read_gguf_header` gives it.

    Returns:
        The configuration; ``model_type`` is the architecture's name.

    Raises:
        ValueError: If a value is missing or of the wrong type. The message names it.
    """
    architecture = gguf_architecture(header)

    def get(key: str, kind: type, default: Any = None) -> Any:
        return _get(header.metadata, f"{architecture}.{key}", kind, default)

    hidden_size = get("embedding_length", int)
    heads = get("attention.head_count", int)
    kv_heads = get("attention.head_count_kv", int, heads)
    for key, count in (("head_count", heads), ("head_count_kv", kv_heads)):
        if count < 1:
            raise ValueError(f"the GGUF value '{architecture}.attention.{key}' is {count}")
    head_dim = get("attention.key_length", int, hidden_size // heads)
    if head_dim < 1:
        raise ValueError(f"the heads of '{architecture}' in the GGUF file are {head_dim} wide")
    has = header.tensors.__contains__
    config: dict[str, Any] = {
        "model_type": architecture,
        "hidden_size": hidden_size,
        "num_hidden_layers": get("block_count", int),
        "intermediate_size": get("feed_forward_length", int),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "max_position_embeddings": get("context_length", int),
        "rope_theta": get("rope.freq_base", float, 10000.0),
        "tie_word_embeddings": not has("output.weight"),
        "attention_bias": has("blk.0.attn_q.bias"),
        "attention_out_bias": has("blk.0.attn_output.bias"),
        "mlp_bias": has("blk.0.ffn_up.bias"),
    }
    if has("token_embd.weight"):
        config["vocab_size"] = header.tensors["token_embd.weight"].shape[0]
    rotated = get("rope.dimension_count", int, head_dim)
    if rotated != head_dim:
        config["partial_rotary_factor"] = rotated / head_dim
    for key, (name, kind) in _ENTRIES.items():
        if f"{architecture}.{key}" in header.metadata:
            config[name] = get(key, kind)
    if f"{architecture}.attention.layer_norm_epsilon" in header.metadata:
        config |= dict.fromkeys(_EPSILONS, get("attention.layer_norm_epsilon", float))
    elif "rms_norm_eps" not in config:
        get("attention.layer_norm_rms_epsilon", float)
    config |= _particular(architecture, config, header)
    scaling = get("rope.scaling.type", str, "none")
    if scaling != "none":
        config["rope_scaling"] = {
            "rope_type": scaling,
            "original_max_position_embeddings": get(
                "rope.scaling.original_context_length", int, config["max_position_embeddings"]
            ),
        }
        # A file with a factor of its own for each wavelength needs no other.
        if scaling != "longrope":
            config["rope_scaling"]["factor"] = get("rope.scaling.factor", float)
        config["rope_scaling"] |= _magnitude(scaling, get)
    return config


def _particular(architecture: str, config: Mapping[str, Any], header: GGUFHeader) -> dict[str, Any]:
    """What llama.cpp knows of an architecture, and its files do not say."""
    depth, heads = config["num_hidden_layers"], config["num_attention_heads"]
    has = header.tensors.__contains__
    match architecture:
        case "llama" if config.get("num_experts"):
            return {"model_type": "mixtral", "moe_intermediate_size": config["intermediate_size"]}
        case "qwen3moe":
            return {"norm_topk_prob": True}
        case "gemma2" | "gemma3":
            # The largest ones divide by the share of the width that a head has.
            largest = depth == {"gemma2": 46, "gemma3": 62}[architecture]
            scalar = config["hidden_size"] // heads if largest else config["head_dim"]
            local = header.metadata.get(f"{architecture}.rope.freq_base_swa", 10000.0)
            return {"query_pre_attn_scalar": scalar, "rope_local_base_freq": local}
        case "granite":
            return {"logits_scaling": config.get("logit_scale", 1.0)}
        case "olmo2" if "sliding_window" in config:
            return {"model_type": "olmo3"}
        case "stablelm":
            return {
                "use_qkv_bias": config["attention_bias"],
                "use_parallel_residual": not has("blk.0.ffn_norm.weight"),
            }
        case "starcoder2" | "ernie4_5":
            return {"use_bias": config["attention_bias"]}
    return {}


def _magnitude(scaling: str, get: Callable[..., Any]) -> dict[str, float]:
    """What the rotated dimensions are multiplied by, where the file says so."""
    own = get("rope.scaling.attn_factor", float, 0.0)
    if not own or scaling not in ("yarn", "longrope"):
        return {}
    if scaling == "yarn":
        # The file's factor goes on top of YaRN's.
        own *= 1 + 0.1 * math.log(max(get("rope.scaling.factor", float), 1.0))
    return {"attention_factor": own}


def _get(metadata: Mapping[str, Any], key: str, kind: type, default: Any = None) -> Any:
    value = metadata.get(key, default)
    if value is None:
        raise ValueError(f"the GGUF metadata has no '{key}'")
    if type(value) is not kind:
        raise ValueError(
            f"the GGUF value '{key}' must be of type {kind.__name__}, not {type(value).__name__}"
        )
    return value
