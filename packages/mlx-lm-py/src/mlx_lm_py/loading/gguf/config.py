"""The configuration of a model from the metadata of a GGUF file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mlx_core_py.gguf import GGUFHeader

__all__ = ["gguf_architecture", "gguf_config"]


def __dir__() -> list[str]:
    return __all__


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
    config: dict[str, Any] = {
        "model_type": architecture,
        "hidden_size": hidden_size,
        "num_hidden_layers": get("block_count", int),
        "intermediate_size": get("feed_forward_length", int),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "rms_norm_eps": get("attention.layer_norm_rms_epsilon", float),
        "max_position_embeddings": get("context_length", int),
        "rope_theta": get("rope.freq_base", float, 10000.0),
        "tie_word_embeddings": "output.weight" not in header.tensors,
        "attention_bias": "blk.0.attn_q.bias" in header.tensors,
        "attention_out_bias": "blk.0.attn_output.bias" in header.tensors,
        "mlp_bias": "blk.0.ffn_up.bias" in header.tensors,
    }
    if "token_embd.weight" in header.tensors:
        config["vocab_size"] = header.tensors["token_embd.weight"].shape[0]
    rotated = get("rope.dimension_count", int, head_dim)
    if rotated != head_dim:
        raise ValueError(f"heads of which only {rotated} of {head_dim} dimensions rotate")
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
