"""Writes GGUF files, right ones and wrong ones."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(item: Any) -> bytes:
    """A typed value; numbers become the 32-bit types."""
    match item:
        case bool():
            return struct.pack("<I?", BOOL, item)
        case int():
            return struct.pack("<II", U32, item)
        case float():
            return struct.pack("<If", F32, item)
        case str():
            return struct.pack("<I", STRING) + string(item)
        case list():
            kind, *_ = struct.unpack("<I", value(item[0])[:4])
            return struct.pack("<IIQ", ARRAY, kind, len(item)) + b"".join(
                value(entry)[4:] for entry in item
            )
    raise TypeError(item)


def write_gguf(
    path: Path,
    metadata: Mapping[str, Any],
    tensors: Mapping[str, tuple[int, tuple[int, ...], bytes]] | None = None,
    version: int = 3,
    pad: int = 32,
) -> Path:
    """Write a file of metadata and of tensors given as (type, shape, data)."""
    tensors = tensors or {}
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    for key, item in metadata.items():
        out += string(key) + value(item)
    data = b""
    for name, (kind, shape, content) in tensors.items():
        out += string(name) + struct.pack("<I", len(shape))
        out += b"".join(struct.pack("<Q", size) for size in reversed(shape))
        out += struct.pack("<IQ", kind, len(data))
        data += content + bytes(-len(content) % pad)
    out += bytes(-len(out) % 32)
    path.write_bytes(out + data)
    return path
