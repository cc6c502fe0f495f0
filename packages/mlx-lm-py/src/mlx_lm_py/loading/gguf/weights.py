"""The weights of a GGUF file in the terms of a Hugging Face checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import mlx_core_py as mx
from mlx_core_py.gguf import TENSOR_TYPES, GGUFHeader, TensorInfo, prefers_blocks
from mlx_core_py.gguf import load as load_arrays
from mlx_lm_utils_py import read_gguf_header

from mlx_lm_py.loading.precision import keeps_float32
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf_names import GGUFNames
from mlx_lm_py.models.registry import find_architecture
from mlx_lm_py.models.rules import load_weights

from .config import gguf_config

__all__ = ["load_gguf"]


def __dir__() -> list[str]:
    return __all__


def load_gguf(
    path: str | Path,
    header: GGUFHeader | None = None,
    dtype: mx.Dtype | None = None,
    *,
    blocks: bool = False,
) -> tuple[dict[str, mx.array], dict[str, Any], dict[str, Any]]:
    """Load a model from a GGUF file, in the terms of a Hugging Face checkpoint.

    Quantized matrices stay packed. Q4_0, Q4_1 and Q8_0 become MLX's affine weights, unless
    ``blocks`` is set: besides their ``weight`` there are ``scales`` and ``biases``, for groups of
    32 values. Others stay in the blocks of the file, where the CPU computes: ``weight`` is bytes
    then, and ``block_types`` in the configuration has the types of these layers. All that is not
    packed is of one floating type: float16 if the file holds any, or any blocks, else bfloat16 if
    it holds any, else float32.

    Args:
        path: The file. Of a model that is split into files, any of them.
        header: What `read_gguf_header` says of it. Default: ``None``, it is read here.
        dtype: The floating type of all that is not packed. Default: ``None``, as above. What is
            cast later has been rounded to that before.
        blocks: Whether Q4_0, Q4_1 and Q8_0 may stay in blocks, too, where the CPU computes. They do
            where it multiplies these faster (`mlx_core_py.gguf.prefers_blocks`), and where the
            model computes in bfloat16 because float16 is too narrow for it: their scales, which are
            of float16, would lose three bits. Default: ``False``.

    Returns:
        The weights by their Hugging Face names, the configuration as in ``config.json``, and the
        metadata as the file has it (from which `Tokenizer.from_gguf` makes the tokenizer).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds what is not supported.
    """
    if header is None:
        header = read_gguf_header(path)
    config = gguf_config(header)
    names = find_architecture(config["model_type"]).gguf
    assert names is not None
    # Kernels for blocks are for the CPU; what they are, every device can compute with.
    keeps_blocks = mx.default_device() == mx.cpu
    # Read, not mapped: a token reads all weights, which takes longer from the small pages of a file
    # than from huge ones of their own.
    exact = names.exceeds_float16 and dtype in (None, mx.bfloat16)
    all_blocks = blocks and keeps_blocks and (exact or prefers_blocks())
    form: Literal["affine", "packed", "blocks"] = "packed" if keeps_blocks else "affine"
    arrays, _ = load_arrays(path, "blocks" if all_blocks else form, mmap=False)
    arrays = {k: v for k, v in arrays.items() if not _is_left_out(k, config["num_hidden_layers"])}
    types = {
        name.removesuffix(".weight"): tensor.ggml_type
        for name, tensor in header.tensors.items()
        if keeps_blocks and _stays_in_blocks(tensor, all_blocks) and name in arrays
    }
    has_blocks = bool(types)
    _part_fused(arrays, types, names, config)
    _take_factors(arrays, config)
    plain = Config(config)
    rules = names.rules(plain) if names.rules else ()
    needed = {*names.changes, *names.joined}
    parts = {name: names.part(name) or name.rpartition(".")[0] for name in arrays}
    _widen(arrays, types, [name for name, part in parts.items() if part in needed])
    weights = {}
    for name, value in arrays.items():
        hf_name, heads, part = names.hf_name(name), names.heads_entry(name), names.part(name) or ""
        if names.norms_hold_one and name.endswith("norm.weight") and "ssm_norm" not in name:
            value = value - 1
        order = names.orders[part](plain) if part in names.orders else None
        if order is not None:
            value = _ordered(value, order, name)
        if part in names.changes and not name.endswith(".bias"):
            value = names.changes[part](value, plain)
        if heads is not None:
            # Layers may differ in how many they have.
            count = value.shape[0] // config["head_dim"] if names.each_layer else config[heads]
            value = _join_halves(value, count, name)
        weights[hf_name] = value
    weights = load_weights(weights, rules)
    if types:
        named = {names.hf_name(f"{name}.weight"): kind for name, kind in types.items()}
        config["block_types"] = {
            name.removesuffix(".weight"): kind for name, kind in named.items() if name in weights
        }
    weights = _with_one_float_type(weights, has_blocks, names.exceeds_float16, dtype)
    return weights, config, header.metadata


def _is_left_out(name: str, depth: int) -> bool:
    """Whether a tensor predicts further tokens, or is what positions come to."""
    match name.split("."):
        case ["blk", number, part, *_]:
            return part == "attn_rot_embd" or (number.isdecimal() and int(number) >= depth)
    return False


def _part_fused(
    arrays: dict[str, mx.array], blocks: dict[str, str], names: GGUFNames, config: Mapping[str, Any]
) -> None:
    """Divide rows of what some files have in one, into what others have apart."""
    width = config.get("head_dim", 0)
    rows = [config.get(f"num_{kind}_heads", 0) * width for kind in ("attention", "key_value")]
    fused: dict[str, tuple[tuple[str, ...], int | list[int]]] = {
        "attn_qkv": (("attn_q", "attn_k", "attn_v"), [rows[0], rows[0] + rows[1]]),
        "ffn_gate_up_exps": (("ffn_gate_exps", "ffn_up_exps"), 2),
    }
    for name in list(arrays):
        stem, _, part = name.rpartition(".")[0].rpartition(".")
        if part not in fused or part in names.layer:
            continue
        parts, cuts = fused[part]
        value, kind = arrays.pop(name), name.rpartition(".")[2]
        for own, piece in zip(
            parts, mx.split(value, cuts, axis=max(value.ndim - 2, 0)), strict=True
        ):
            arrays[f"{stem}.{own}.{kind}"] = piece
            if f"{stem}.{part}" in blocks:
                blocks[f"{stem}.{own}"] = blocks[f"{stem}.{part}"]
        if kind == "weight":
            blocks.pop(f"{stem}.{part}", None)


def _take_factors(arrays: dict[str, mx.array], config: dict[str, Any]) -> None:
    """Move what each wavelength is multiplied by from the weights to the configuration."""
    factors = arrays.pop("rope_freqs.weight", None)
    if factors is not None:
        shares = config.get("partial_rotary_factors")
        if shares:
            # As many as rotate; files go on with ones.
            factors = factors[: int(config["head_dim"] * min(shares)) // 2]
        own = {"rope_type": "factors", "factors": factors.tolist()}
        kinds = config.get("rope_parameters", {})
        if "full_attention" in kinds:
            kinds["full_attention"] |= own
        else:
            config["rope_scaling"] = own
    for kind in ("long", "short"):
        factors = arrays.pop(f"rope_factors_{kind}.weight", None)
        if factors is not None:
            scaling = config.setdefault("rope_scaling", {})
            config["rope_scaling"] = scaling | {
                "rope_type": "longrope",
                f"{kind}_factor": factors.tolist(),
            }


def _widen(arrays: dict[str, mx.array], blocks: dict[str, str], names: Sequence[str]) -> None:
    """Make some weights floating ones."""
    for name in names:
        stem, _, kind = name.rpartition(".")
        if kind != "weight":
            continue
        if stem in blocks:
            arrays[name] = mx.dequantize_blocks(arrays[name], blocks.pop(stem), mx.float16)
        elif f"{stem}.scales" in arrays:
            scales, biases = arrays.pop(f"{stem}.scales"), arrays.pop(f"{stem}.biases", None)
            bits = arrays[name].shape[-1] * 32 // (scales.shape[-1] * 32)
            mode = "mxfp4" if biases is None else "affine"
            arrays[name] = mx.dequantize(arrays[name], scales, biases, 32, bits, mode=mode)


def _ordered(value: mx.array, order: list[int], name: str) -> mx.array:
    if value.shape[0] != len(order):
        raise ValueError(f"tensor '{name}' has {value.shape[0]} rows, not {len(order)}")
    return value[mx.array(order)]


def _stays_in_blocks(tensor: TensorInfo, all_blocks: bool) -> bool:
    kind = TENSOR_TYPES[tensor.ggml_type]
    return kind.block_size > 1 and (all_blocks or not kind.packed)


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
    weights: Mapping[str, mx.array],
    has_blocks: bool,
    exceeds_float16: bool,
    dtype: mx.Dtype | None,
) -> dict[str, mx.array]:
    """Give all floating parts of a GGUF model the type to compute in.

    The files keep norms in float32 beside narrower weights or scales; left so, every product would
    convert one of them, and give float32. In a half type a prompt is read twice as fast.
    """
    floating = {
        name: value
        for name, value in weights.items()
        if mx.issubdtype(value.dtype, mx.floating) and not keeps_float32(name)
    }
    held = {value.dtype for value in floating.values()}
    if has_blocks:
        held.add(mx.float16)
    if exceeds_float16 and mx.float16 in held:
        held = {mx.bfloat16}
    if dtype is None:
        narrow = (kind for kind in (mx.float16, mx.bfloat16) if kind in held)
        dtype = next(narrow, mx.float32)
    return {**weights, **{name: value.astype(dtype) for name, value in floating.items()}}
