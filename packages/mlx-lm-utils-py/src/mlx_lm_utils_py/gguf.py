"""GGUF model files: metadata, weights, and both in the terms of a Hugging Face checkpoint.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import mlx_core_py as mx

MAX_NAME_CHARS = 65535
MAX_DIMENSIONS = 4
MAX_ALIGNMENT = 2**20

_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q",
    12: "<d",
}  # fmt: skip
_STRING = 8
_ARRAY = 9


@dataclass(frozen=True)
class TensorType:
    """How a GGUF file stores a tensor: ``block`` values in ``size`` bytes."""

    name: str
    block: int
    size: int


# Those that the framework reads: as they are, packed (Q4_0, Q4_1, Q8_0), or widened to float16.
_TENSOR_TYPES = {
    0: TensorType("F32", 1, 4),
    1: TensorType("F16", 1, 2),
    2: TensorType("Q4_0", 32, 18),
    3: TensorType("Q4_1", 32, 20),
    8: TensorType("Q8_0", 32, 34),
    10: TensorType("Q2_K", 256, 84),
    12: TensorType("Q4_K", 256, 144),
    14: TensorType("Q6_K", 256, 210),
    24: TensorType("I8", 1, 1),
    25: TensorType("I16", 1, 2),
    26: TensorType("I32", 1, 4),
}


@dataclass(frozen=True)
class TensorInfo:
    """A tensor of a GGUF file: its type, and its shape with the slowest dimension first."""

    type: TensorType
    shape: tuple[int, ...]


@dataclass(frozen=True)
class GGUFHeader:
    """What a GGUF file says before its data.

    Attributes:
        metadata: Key to ``int``, ``float``, ``bool``, ``str``, or a list of one of these.
        tensors: Name to type and shape.
    """

    metadata: dict[str, Any]
    tensors: dict[str, TensorInfo]


class _Reader:
    """Reads little-endian values; what would run past the end of the file is an error."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file = file
        self.path = path
        self.size = path.stat().st_size

    def bytes(self, count: int) -> bytes:
        # An absurd count must not even be tried: what is read is allocated first.
        data = self.file.read(count) if count <= self.size else b""
        if len(data) != count:
            raise ValueError(f"{self.path} is truncated: it ends within its header")
        return data

    def number(self, code: str) -> Any:
        return struct.unpack(code, self.bytes(struct.calcsize(code)))[0]

    def string(self) -> str:
        data = self.bytes(int.from_bytes(self.bytes(8), "little"))
        # Damaged text in a token or a note should not keep a model from loading.
        return data.decode("utf-8", errors="replace")

    def name(self) -> str:
        name = self.string()
        # What reads the data ends a name at a zero byte.
        if not (name.isascii() and name.isprintable() and 0 < len(name) <= MAX_NAME_CHARS):
            raise ValueError(f"{self.path} is damaged: it has the name {name[:100]!r}")
        return name

    def value(self) -> Any:
        kind = self.number("<I")
        if kind == _STRING:
            return self.string()
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _ARRAY:
            kind, count = self.number("<I"), self.number("<Q")
            if kind == _STRING:
                # Each string has at least its length, so an absurd count is seen at once.
                if count * 8 > self.size:
                    raise ValueError(f"{self.path} is truncated: it ends within its header")
                return [self.string() for _ in range(count)]
            if kind in _SCALARS:
                code = _SCALARS[kind]
                data = self.bytes(count * struct.calcsize(code))
                return [item[0] for item in struct.iter_unpack(code, data)]
        raise ValueError(f"{self.path} has a metadata value of unknown type {kind}")


def read_gguf_header(path: str | Path) -> GGUFHeader:
    """Read and check everything in a GGUF file but its data.

    Args:
        path: The file.

    Returns:
        Its metadata and what tensors it holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not GGUF, is truncated or damaged, or holds tensors of a type
            that is not supported.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    with path.open("rb") as file:
        reader = _Reader(file, path)
        if reader.size < 24 or reader.bytes(4) != b"GGUF":
            raise ValueError(f"{path} is not a GGUF file")
        version = reader.number("<I")
        if version not in (2, 3):
            raise ValueError(f"{path} has GGUF version {version}; supported: 2 and 3")
        tensor_count, value_count = reader.number("<Q"), reader.number("<Q")
        metadata: dict[str, Any] = {}
        for _ in range(value_count):
            key = reader.name()
            metadata[key] = reader.value()
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 8 <= alignment <= MAX_ALIGNMENT or alignment % 8:
            raise ValueError(f"{path} has a senseless general.alignment: {alignment!r}")
        tensors: dict[str, TensorInfo] = {}
        end = 0
        for _ in range(tensor_count):
            name, info, offset = _read_tensor_info(reader)
            if name in tensors:
                raise ValueError(f"{path} has two tensors named '{name}'")
            if offset % alignment:
                raise ValueError(f"{path}: the data of tensor '{name}' is not aligned")
            tensors[name] = info
            size = math.prod(info.shape) // info.type.block * info.type.size
            end = max(end, offset + size)
        start = -(-file.tell() // alignment) * alignment
        if tensors and start + end > reader.size:
            raise ValueError(
                f"{path} is truncated: it has {reader.size} bytes and needs {start + end}"
            )
    return GGUFHeader(metadata, tensors)


def _read_tensor_info(reader: _Reader) -> tuple[str, TensorInfo, int]:
    name = reader.name()
    dimensions = reader.number("<I")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"{reader.path}: tensor '{name}' has {dimensions} dimensions")
    shape = tuple(reader.number("<Q") for _ in range(dimensions))[::-1]
    if not all(1 <= size < 2**31 for size in shape):
        raise ValueError(f"{reader.path}: tensor '{name}' has the senseless shape {shape}")
    code = reader.number("<I")
    if code not in _TENSOR_TYPES:
        known = ", ".join(kind.name for kind in _TENSOR_TYPES.values())
        raise ValueError(
            f"{reader.path}: tensor '{name}' is of GGML type {code}, which is not supported; "
            f"supported: {known}"
        )
    kind = _TENSOR_TYPES[code]
    if shape[-1] % kind.block:
        raise ValueError(
            f"{reader.path}: the rows of tensor '{name}' have {shape[-1]} values, which is no "
            f"multiple of {kind.name}'s {kind.block}"
        )
    return name, TensorInfo(kind, shape), reader.number("<Q")


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
