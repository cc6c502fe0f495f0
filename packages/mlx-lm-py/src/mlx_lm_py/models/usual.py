"""What configurations leave out, as it is the default of their class in transformers.

Files of models of images and text have of their text part what differs from that, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["usual_entries", "usual_sizes"]


def __dir__() -> list[str]:
    return __all__


_HEAD_DIMS = {
    kind: width
    for width, kinds in {
        64: "gpt_oss muse_spark muse_spark_text",
        128: "afmoe cwm ernie4_5 glm glm4 helium internlm3 iquestcoder laguna llama4 llama4_text "
        "mellum minimax_m2 minimax_m3_vl minimax_m3_vl_text ministral3 muse_glimmer "
        "muse_glimmer_text nemotron_h qwen3 qwen3_vl qwen3_vl_text seed_oss solar_open",
        192: "mimo_v2_flash",
        256: "gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text gemma4 gemma4_text "
        "gemma4_unified gemma4_unified_text qwen3_5 qwen3_5_text qwen3_5_moe qwen3_5_moe_text "
        "qwen3_next vaultgemma",
    }.items()
    for kind in kinds.split()
}
_BASES = {
    kind: base
    for base, kinds in {
        5e5: "bitnet cohere qwen3_vl qwen3_vl_text qwen3_vl_moe qwen3_vl_moe_text",
        1e6: "qwen2_vl qwen2_vl_text qwen2_5_vl qwen2_5_vl_text",
    }.items()
    for kind in kinds.split()
}
_SIZES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
    "rms_norm_eps",
)
_OF_TEXT_PARTS = {
    "gemma3_text": (262208, 2304, 9216, 26, 8, 4, 131072, 1e-6),
    "gemma3n_text": (262400, 2048, 16384, 35, 8, 2, 32768, 1e-6),
    "gemma4_text": (262144, 2304, 9216, 30, 8, 4, 131072, 1e-6),
    "llama4_text": (202048, 5120, 8192, 48, 40, 8, 131072, 1e-5),
    "ministral3": (131072, 4096, 14336, 34, 32, 8, 262144, 1e-5),
    "mistral": (32000, 4096, 14336, 32, 32, 8, 131072, 1e-6),
    "qwen2_vl_text": (152064, 8192, 29568, 80, 64, 8, 32768, 1e-5),
    "qwen2_5_vl_text": (152064, 8192, 29568, 80, 64, 8, 32768, 1e-5),
    "qwen3_vl_text": (151936, 4096, 22016, 32, 32, 32, 128000, 1e-6),
    "qwen3_5_text": (248320, 4096, 12288, 32, 16, 4, 32768, 1e-6),
}
# Those of whose text part may not be named.
_PARTS = {
    "gemma3": "gemma3_text",
    "gemma3n": "gemma3n_text",
    "gemma4": "gemma4_text",
    "llama4": "llama4_text",
    "pixtral": "mistral",
    "qwen2_vl": "qwen2_vl_text",
    "qwen2_5_vl": "qwen2_5_vl_text",
    "qwen3_vl": "qwen3_vl_text",
    "qwen3_5": "qwen3_5_text",
}


def usual_sizes(kind: object) -> dict[str, Any]:
    """The sizes that a text part has where its configuration has none.

    Args:
        kind: Its ``model_type``, or that of the whole.

    Returns:
        The entries; none of types whose parts give theirs.

    Example:
        >>> usual_sizes("gemma3")["num_attention_heads"]
        8
    """
    kind = str(kind)
    sizes = _OF_TEXT_PARTS.get(_PARTS.get(kind, kind), ())
    return dict(zip(_SIZES, sizes, strict=False))


def usual_entries(config: Mapping[str, Any]) -> dict[str, Any]:
    """The width of a head, and the base of positions, where a configuration leaves them out.

    Args:
        config: That of a text model.

    Returns:
        The entries.

    Example:
        >>> usual_entries({"model_type": "qwen3"}), usual_entries({"head_dim": None})
        ({'head_dim': 128}, {})
    """
    kind = str(config.get("model_type"))
    entries: dict[str, Any] = {}
    if kind in _HEAD_DIMS and "head_dim" not in config:
        entries["head_dim"] = _HEAD_DIMS[kind]
    rope = config.get("rope_parameters")
    given = "rope_theta" in config or (isinstance(rope, Mapping) and "rope_theta" in rope)
    if kind in _BASES and not given:
        entries["rope_theta"] = _BASES[kind]
    return entries
