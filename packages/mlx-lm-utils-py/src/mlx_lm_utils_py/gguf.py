"""GGUF model files: metadata, weights, and both in the terms of a Hugging Face checkpoint.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlx_core_py as mx
from mlx_core_py.gguf import TENSOR_TYPES, GGUFHeader, read_header


def read_gguf_header(path: str | Path) -> GGUFHeader:
    """Read and check everything in a GGUF file but its data.

    Args:
        path: The file.

    Returns:
        Its metadata and what tensors it holds, as `mlx_core_py.gguf.read_header` gives it.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it cannot be opened.
        ValueError: If the file is not GGUF, is truncated or damaged, or holds tensors of a type
            that is not supported.
    """
    # What the system says of it is an OSError; what is in it, here as of all files of models, not.
    with Path(path).open("rb"):
        pass
    try:
        header = read_header(path)
    except OSError as error:
        raise ValueError(str(error)) from None
    for name, tensor in header.tensors.items():
        if not TENSOR_TYPES[tensor.ggml_type].loadable:
            supported = ", ".join(kind.name for kind in TENSOR_TYPES.values() if kind.loadable)
            raise ValueError(
                f"{path}: tensor '{name}' is of GGML type {tensor.ggml_type}, which is not "
                f"supported; supported: {supported}"
            )
    return header


_TOP_LEVEL = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_IN_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def hf_name(name: str) -> str:
    """Translate the name of a weight from GGUF to Hugging Face.

    Args:
        name: As in ``blk.0.attn_q.weight``.

    Returns:
        As in ``model.layers.0.self_attn.q_proj.weight``.

    Raises:
        ValueError: If there is no such weight in the architectures known here.

    Example:
        >>> hf_name("blk.3.ffn_down.scales")
        'model.layers.3.mlp.down_proj.scales'
    """
    stem, _, kind = name.rpartition(".")
    if stem in _TOP_LEVEL:
        return f"{_TOP_LEVEL[stem]}.{kind}"
    parts = stem.split(".")
    if len(parts) == 3 and parts[0] == "blk" and parts[1].isdecimal() and parts[2] in _IN_BLOCK:
        return f"model.layers.{int(parts[1])}.{_IN_BLOCK[parts[2]]}.{kind}"
    raise ValueError(f"the GGUF file has a tensor '{name}' that this architecture has no use for")


def _join_halves(weight: mx.array, heads: int, name: str) -> mx.array:
    """Undo llama.cpp's reordering of the rows of each head of a query or key projection.

    Its converter puts the two halves of a head that rotate together side by side. Whole rows are
    moved, so packed weights, scales and biases are treated alike. Undoing it once makes the model
    the same as the checkpoint that it came from: what is saved from it or trained on it fits
    there, and the model needs no second form of RoPE.
    """
    rows = weight.shape[0]
    if rows % (2 * heads):
        raise ValueError(f"tensor '{name}' has {rows} rows, which {heads} heads cannot share")
    split = weight.reshape(heads, rows // heads // 2, 2, -1)
    return split.swapaxes(1, 2).reshape(weight.shape)


def gguf_config(header: GGUFHeader) -> dict[str, Any]:
    """Express the metadata of a GGUF file as a Hugging Face ``config.json``.

    Args:
        header: As `read_gguf_header` gives it.

    Returns:
        The configuration; ``model_type`` is the architecture's name.

    Raises:
        ValueError: If a value is missing or of the wrong type. The message names it.
    """
    metadata = header.metadata
    architecture = _get(metadata, "general.architecture", str)

    def get(key: str, kind: type, default: Any = None) -> Any:
        return _get(metadata, f"{architecture}.{key}", kind, default)

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
            "factor": get("rope.scaling.factor", float),
            "original_max_position_embeddings": get(
                "rope.scaling.original_context_length", int, config["max_position_embeddings"]
            ),
        }
    return config


def _get(metadata: Mapping[str, Any], key: str, kind: type, default: Any = None) -> Any:
    value = metadata.get(key, default)
    if value is None:
        raise ValueError(f"the GGUF metadata has no '{key}'")
    if type(value) is not kind:
        raise ValueError(
            f"the GGUF value '{key}' must be of type {kind.__name__}, not {type(value).__name__}"
        )
    return value


def load_gguf(path: str | Path) -> tuple[dict[str, mx.array], dict[str, Any], dict[str, Any]]:
    """Load a model from a GGUF file, in the terms of a Hugging Face checkpoint.

    Q4_0, Q4_1 and Q8_0 tensors stay packed: besides their ``weight`` there are ``scales`` and
    ``biases``, for groups of 32 values.

    Args:
        path: The file.

    Returns:
        The weights by their Hugging Face names, the configuration as in ``config.json``, and the
        metadata as the file has it (from which `Tokenizer.from_gguf` makes the tokenizer).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds what is not supported.
    """
    header = read_gguf_header(path)
    config = gguf_config(header)
    arrays = mx.load(str(path))
    factors = arrays.pop("rope_freqs.weight", None)
    if factors is not None:
        config["rope_scaling"] = {"rope_type": "factors", "factors": factors.tolist()}
    weights = {}
    for name, value in arrays.items():
        if config["model_type"] == "llama" and ".attn_q." in name:
            value = _join_halves(value, config["num_attention_heads"], name)
        elif config["model_type"] == "llama" and ".attn_k." in name:
            value = _join_halves(value, config["num_key_value_heads"], name)
        weights[hf_name(name)] = value
    return weights, config, header.metadata
