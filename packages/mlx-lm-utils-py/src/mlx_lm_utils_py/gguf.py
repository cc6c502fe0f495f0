"""What GGUF model files say of themselves before their data: metadata, and which tensors they hold.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

MAX_NAME_CHARS = 65535
MAX_DIMENSIONS = 8
MAX_ALIGNMENT = 2**20

_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q",
    12: "<d",
}  # fmt: skip
_STRING = 8
_ARRAY = 9

# The tensor types that `mx.load` reads: name, values in a block, bytes of a block.
_TENSOR_TYPES = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    12: ("Q4_K", 256, 144),
    14: ("Q6_K", 256, 210),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    30: ("BF16", 1, 2),
}


@dataclass(frozen=True)
class GGUFTensor:
    """A tensor of a GGUF file.

    Attributes:
        ggml_type: How its values are stored, by GGML's name: ``"F16"``, ``"Q4_0"``, …
        shape: Its shape, the slowest dimension first.
        offset: Where its data begins, in bytes from the beginning of the file.
        nbytes: Number of bytes of its data.
    """

    ggml_type: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int


@dataclass(frozen=True)
class GGUFHeader:
    """What a GGUF file says before its data.

    Attributes:
        metadata: Key to ``int``, ``float``, ``bool``, ``str``, or a list of one of these.
        tensors: The tensors by name.
    """

    metadata: dict[str, Any]
    tensors: dict[str, GGUFTensor]


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
        tensors: dict[str, GGUFTensor] = {}
        for _ in range(tensor_count):
            name, tensor = _read_tensor(reader)
            if name in tensors:
                raise ValueError(f"{path} has two tensors named '{name}'")
            if tensor.offset % alignment:
                raise ValueError(f"{path}: the data of tensor '{name}' is not aligned")
            tensors[name] = tensor
        start = -(-file.tell() // alignment) * alignment
    tensors = {
        name: replace(tensor, offset=start + tensor.offset) for name, tensor in tensors.items()
    }
    end = max((tensor.offset + tensor.nbytes for tensor in tensors.values()), default=0)
    if end > reader.size:
        raise ValueError(f"{path} is truncated: it has {reader.size} bytes and needs {end}")
    return GGUFHeader(metadata, tensors)


def _read_tensor(reader: _Reader) -> tuple[str, GGUFTensor]:
    """Read the entry of a tensor, whose offset counts from the beginning of the data."""
    name = reader.name()
    dimensions = reader.number("<I")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"{reader.path}: tensor '{name}' has {dimensions} dimensions")
    shape = tuple(reader.number("<Q") for _ in range(dimensions))[::-1]
    if not all(1 <= size < 2**31 for size in shape):
        raise ValueError(f"{reader.path}: tensor '{name}' has the senseless shape {shape}")
    code = reader.number("<I")
    if code not in _TENSOR_TYPES:
        known = ", ".join(kind for kind, _, _ in _TENSOR_TYPES.values())
        raise ValueError(
            f"{reader.path}: tensor '{name}' is of GGML type {code}, which is not supported; "
            f"supported: {known}"
        )
    kind, block, block_bytes = _TENSOR_TYPES[code]
    if shape[-1] % block:
        raise ValueError(
            f"{reader.path}: the rows of tensor '{name}' have {shape[-1]} values, which is no "
            f"multiple of {kind}'s {block}"
        )
    nbytes = math.prod(shape) // block * block_bytes
    return name, GGUFTensor(kind, shape, reader.number("<Q"), nbytes)
