"""Files of models of random weights, as llama.cpp wants them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from tokenizers.pre_tokenizers import ByteLevel

from .shapes import VOCABULARY, Shape

# Where the blocks of a type have numbers in half precision, and what makes weights as small as
# those of models.
SCALES = {
    Type.Q4_K: {0: 1e-4, 2: 7.5e-4},
    Type.Q6_K: {208: 1.5e-5},
    Type.Q8_0: {0: 3e-4},
}
# Numbers that are no matrices, or that llama.cpp leaves as they are.
PLAIN = ("ffn_gate_inp", "ssm_conv1d", "ssm_a", "ssm_d", "norm")
# The layers of a shape are alike, so blocks may be, too.
TILE = 1 << 14


def type_of(name: str, shape: tuple[int, ...]) -> Type:
    """The type of a tensor: that of most in a file of kind Q4_K_M."""
    if len(shape) < 2 or any(part in name for part in PLAIN):
        return Type.F32
    if shape[-1] % 256:
        return Type.Q8_0
    return Type.Q6_K if name == "output.weight" else Type.Q4_K


def _blocks(kind: Type, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    size, nbytes = gguf.GGML_QUANT_SIZES[kind]
    count = math.prod(shape) // size
    tile = rng.integers(0, 256, (min(count, TILE), nbytes), dtype=np.uint8)
    for at, scale in SCALES[kind].items():
        tile[:, at : at + 2] = np.array([scale], np.float16).view(np.uint8)
    rows = np.resize(tile, (count, nbytes))
    return rows.reshape(*shape[:-1], shape[-1] // size * nbytes)


def _numbers(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if name.endswith("ssm_a"):
        return -rng.uniform(1, 16, shape).astype(np.float32)
    if "norm" in name or name.endswith("ssm_d"):
        return np.ones(shape, np.float32)
    if name.endswith("ssm_dt.bias"):
        return np.full(shape, -4, np.float32)
    return (0.02 * rng.standard_normal(shape)).astype(np.float32)


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    match value:
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case float():
            writer.add_float32(key, value)
        case _:
            writer.add_array(key, value)


def write(path: Path, shape: Shape) -> None:
    """Write the file of a model, a tensor at a time."""
    writer = gguf.GGUFWriter(path, shape.architecture)
    for key, value in shape.metadata.items():
        _add(writer, f"{shape.architecture}.{key}", value)
    letters = sorted(ByteLevel.alphabet())
    others = [f"<{number}>" for number in range(VOCABULARY - len(letters) - 2)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*letters, "he", *others, "</s>"])
    writer.add_token_merges(["h e"])
    writer.add_eos_token_id(VOCABULARY - 1)
    kinds = {name: type_of(name, extents) for name, extents in shape.tensors.items()}
    for name, extents in shape.tensors.items():
        kind = kinds[name]
        size, nbytes = gguf.GGML_QUANT_SIZES[kind]
        plain = kind == Type.F32
        writer.add_tensor_info(
            name,
            extents if plain else (*extents[:-1], extents[-1] // size * nbytes),
            np.dtype(np.float32 if plain else np.uint8),
            math.prod(extents) // size * nbytes,
            None if plain else kind,
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    rng = np.random.default_rng(0)
    for name, extents in shape.tensors.items():
        kind = kinds[name]
        make = _numbers(name, extents, rng) if kind == Type.F32 else _blocks(kind, extents, rng)
        writer.write_tensor_data(make)
    writer.close()
