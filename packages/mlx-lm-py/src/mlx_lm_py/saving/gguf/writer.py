"""The bytes of GGUF files.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mlx_core_py as mx
from mlx_core_py.gguf import TENSOR_TYPES

__all__ = ["Tensor", "write_gguf"]


def __dir__() -> list[str]:
    return __all__


_ALIGNMENT = 32
_U32, _I32, _F32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9


class Tensor(NamedTuple):
    """A tensor that is to be written.

    Attributes:
        kind: Its type, such as ``"F16"`` or ``"Q8_0"``.
        shape: Its shape.
        data: Makes what is written, when its turn comes.
    """

    kind: str
    shape: tuple[int, ...]
    data: Callable[[], mx.array]

    @property
    def nbytes(self) -> int:
        """The number of bytes in the file."""
        kind = TENSOR_TYPES[self.kind]
        size = 1
        for length in self.shape:
            size *= length
        return size // kind.block_size * kind.block_nbytes


def write_gguf(
    path: str | Path,
    metadata: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a GGUF file, which appears when all is in it, or not at all.

    Args:
        path: The file.
        metadata: Booleans, integers of 32 bits, numbers, strings and lists of one of these by key.
        tensors: The tensors by name; one at a time is in memory.
        progress: Is told how many bytes of tensors are written, and of how many. Default: ``None``.

    Raises:
        TypeError: If a value of the metadata is of another type.
    """
    path = Path(path).absolute()
    header = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        header += _string(key) + _typed(key, value)
    offset = 0
    for name, tensor in tensors.items():
        header += _string(name) + struct.pack("<I", len(tensor.shape))
        header += struct.pack(f"<{len(tensor.shape)}Q", *reversed(tensor.shape))
        header += struct.pack("<IQ", TENSOR_TYPES[tensor.kind].id, offset)
        offset += _aligned(tensor.nbytes)
    total = sum(tensor.nbytes for tensor in tensors.values())
    written = 0
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(header + bytes(_aligned(len(header)) - len(header)))
            for tensor in tensors.values():
                data = _bytes(tensor.data())
                assert len(data) == tensor.nbytes
                file.write(data)
                file.write(bytes(_aligned(len(data)) - len(data)))
                written += len(data)
                if progress is not None:
                    progress(written, total)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _bytes(array: mx.array) -> memoryview:
    flat = mx.contiguous(array.flatten())
    # Buffers know no bfloat16.
    return memoryview(flat.view(mx.uint8)).cast("B")


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _typed(key: str, value: Any) -> bytes:
    if isinstance(value, list):
        kind = _F32 if any(type(item) is float for item in value) else _kind(key, value[:1])
        # What is read as one type alone, llama.cpp has as signed.
        kind = _I32 if kind == _U32 else kind
        if {type(item) for item in value} - {int, float} and len({type(v) for v in value}) > 1:
            raise TypeError(f"the list '{key}' has values of several types")
        return struct.pack("<IIQ", _ARRAY, kind, len(value)) + _plain(kind, value)
    kind = _kind(key, [value])
    return struct.pack("<I", kind) + _plain(kind, [value])


def _kind(key: str, values: Sequence[Any]) -> int:
    match values:
        case [bool()]:
            return _BOOL
        case [int(value)]:
            return _I32 if value < 0 else _U32
        case [float()]:
            return _F32
        case [str()] | []:
            return _STRING
    raise TypeError(f"the metadata '{key}' is of type {type(values[0]).__name__}")


def _plain(kind: int, values: Sequence[Any]) -> bytes:
    if kind == _STRING:
        return b"".join(_string(value) for value in values)
    code = {_BOOL: "?", _U32: "I", _I32: "i", _F32: "f"}[kind]
    return struct.pack(f"<{len(values)}{code}", *values)
