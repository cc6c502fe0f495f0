"""The weights of a GGUF file in the terms of a Hugging Face checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlx_core_py as mx
from mlx_core_py.gguf import TENSOR_TYPES, GGUFHeader, TensorInfo
from mlx_core_py.gguf import load as load_arrays
from mlx_lm_utils_py import read_gguf_header

from mlx_lm_py.models.registry import find_architecture

from .config import gguf_architecture, gguf_config

__all__ = ["load_gguf"]


def __dir__() -> list[str]:
    return __all__


def load_gguf(
    path: str | Path, header: GGUFHeader | None = None
) -> tuple[dict[str, mx.array], dict[str, Any], dict[str, Any]]:
    """Load a model from a GGUF file, in the terms of a Hugging Face checkpoint.

    Quantized matrices stay packed. Q4_0, Q4_1 and Q8_0 become MLX's affine weights: besides their
    ``weight`` there are ``scales`` and ``biases``, for groups of 32 values. Others stay in the
    blocks of the file, where the CPU computes: ``weight`` is bytes then, and ``block_types`` in the
    configuration has the types of these layers. All that is not packed is of one floating type:
    float16 if the file holds any, or any blocks, else bfloat16 if it holds any, else float32.

    Args:
        path: The file. Of a model that is split into files, any of them.
        header: What `read_gguf_header` says of it. Default: ``None``, it is read here.

    Returns:
        The weights by their Hugging Face names, the configuration as in ``config.json``, and the
        metadata as the file has it (from which `Tokenizer.from_gguf` makes the tokenizer).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds what is not supported.
    """
    if header is None:
        header = read_gguf_header(path)
    find_architecture(gguf_architecture(header))
    config = gguf_config(header)
    names = find_architecture(config["model_type"]).gguf
    if names is None:
        raise ValueError(f"{path}: GGUF files of '{config['model_type']}' are not supported")
    # Kernels for blocks are for the CPU; what they are, every device can compute with.
    keeps_blocks = mx.default_device() == mx.cpu
    # Read, not mapped: a token reads all weights, which takes longer from the small pages of a file
    # than from huge ones of their own.
    arrays, _ = load_arrays(path, "packed" if keeps_blocks else "affine", mmap=False)
    blocks = {
        name.removesuffix(".weight"): tensor.ggml_type
        for name, tensor in header.tensors.items()
        if keeps_blocks and _stays_in_blocks(tensor)
    }
    factors = arrays.pop("rope_freqs.weight", None)
    if factors is not None:
        config["rope_scaling"] = {"rope_type": "factors", "factors": factors.tolist()}
    for kind in ("long", "short"):
        factors = arrays.pop(f"rope_factors_{kind}.weight", None)
        if factors is not None:
            scaling = config.setdefault("rope_scaling", {})
            config["rope_scaling"] = scaling | {
                "rope_type": "longrope",
                f"{kind}_factor": factors.tolist(),
            }
    weights = {}
    for name, value in arrays.items():
        hf_name, heads = names.hf_name(name), names.heads_entry(name)
        if names.norms_hold_one and name.endswith("norm.weight"):
            value = value - 1
        weights[hf_name] = value if heads is None else _join_halves(value, config[heads], name)
    if blocks:
        config["block_types"] = {
            names.hf_name(f"{name}.weight").removesuffix(".weight"): kind
            for name, kind in blocks.items()
        }
    weights = _with_one_float_type(weights, bool(blocks), names.exceeds_float16)
    return weights, config, header.metadata


def _stays_in_blocks(tensor: TensorInfo) -> bool:
    kind = TENSOR_TYPES[tensor.ggml_type]
    return kind.block_size > 1 and not kind.packed


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


def _with_one_float_type(
    weights: Mapping[str, mx.array], has_blocks: bool, exceeds_float16: bool
) -> dict[str, mx.array]:
    """Give all floating parts of a GGUF model the type to compute in.

    The files keep norms in float32 beside narrower weights or scales; left so, every product would
    convert one of them, and give float32. In a half type a prompt is read twice as fast.
    """
    floating = {k: v for k, v in weights.items() if mx.issubdtype(v.dtype, mx.floating)}
    held = {value.dtype for value in floating.values()}
    if has_blocks:
        held.add(mx.float16)
    if exceeds_float16 and mx.float16 in held:
        held = {mx.bfloat16}
    dtype = next((narrow for narrow in (mx.float16, mx.bfloat16) if narrow in held), mx.float32)
    return {**weights, **{name: value.astype(dtype) for name, value in floating.items()}}
