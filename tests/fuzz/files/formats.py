"""Whole files of each format, in the many ways in which they may be written."""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
from collections.abc import Callable
from random import Random

import numpy as np
from mlx_core_py.gguf import TENSOR_TYPES

NPY_TYPES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
SAFETENSORS_TYPES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2,
    "BF16": 2, "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
# Of GGUF: number, elements of a block, its bytes. The package gguf gives Q8_1 bytes it once had.
GGUF_TYPES = [
    (kind.id, kind.block_size, kind.block_nbytes)
    for kind in TENSOR_TYPES.values()
    if kind.name != "Q8_1"
]
GGUF_NUMBERS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip

Parts = list[bytes]


def _shape(r: Random) -> tuple[int, ...]:
    return tuple(r.choice((0, 1, 2, 3, 5)) for _ in range(r.randrange(4)))


def _space(r: Random, usual: str = "") -> str:
    return r.choice((usual, usual, "", " ", "  ", "\n"))


def npy_parts(r: Random) -> Parts:
    """The beginning, the header as text, and the data."""
    code = r.choice(NPY_TYPES)
    dtype = np.dtype(r.choice("<>") + code)
    shape = _shape(r)
    values = r.randbytes(math.prod(shape) * dtype.itemsize)
    if code == "?":
        values = bytes(byte & 1 for byte in values)
    quote = r.choice("'\"")
    space = _space(r, " ")
    numbers = ("," + space).join(map(str, shape))
    if len(shape) == 1 or (shape and r.random() < 0.2):
        numbers += ","
    entries = [
        f"{quote}descr{quote}:{space}{quote}{r.choice((dtype.str, dtype.str, code))}{quote}",
        f"{quote}fortran_order{quote}:{space}{r.random() < 0.3}",
        f"{quote}shape{quote}:{space}({numbers})",
    ]
    if r.random() < 0.4:
        r.shuffle(entries)
    text = "{" + ("," + space).join(entries) + r.choice((", ", ",", "")) + "}"
    text += " " * r.randrange(70) + r.choice(("\n", ""))
    version = r.choice((1, 1, 1, 2, 3))
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return [b"\x93NUMPY" + bytes((version, 0)) + length, text.encode(), values]


def safetensors_parts(r: Random) -> Parts:
    """The length of the header, the header, and the data."""
    names = r.sample(("a", "b", "layers.0.weight", "\u00e9", "x y", "", "c"), r.randrange(4))
    entries: list[tuple[str, object]] = []
    data = b""
    for name in names:
        kind, size = r.choice(tuple(SAFETENSORS_TYPES.items()))
        shape = _shape(r)
        part = r.randbytes(math.prod(shape) * size)
        if kind == "BOOL":
            part = bytes(byte & 1 for byte in part)
        offsets = [len(data), len(data) + len(part)]
        data += part
        fields = [("dtype", kind), ("shape", shape), ("data_offsets", offsets)]
        if r.random() < 0.3:
            r.shuffle(fields)
        if r.random() < 0.1:
            fields.append(("more", [None, {"x": -1.5e3}, True]))
        entries.append((name, dict(fields)))
    if r.random() < 0.5:
        entries.append(("__metadata__", {"format": "pt", "q\u00e9\n": 'a "b" \\'}))
    r.shuffle(entries)
    separators = (_space(r) + ",", ":" + _space(r))
    text = json.dumps(dict(entries), ensure_ascii=r.random() < 0.5, separators=separators)
    header = text.encode() + b" " * r.randrange(9)
    return [struct.pack("<Q", len(header)), header, data]


def _gguf_text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def _gguf_value(r: Random, kind: int) -> bytes:
    if kind == 8:
        return _gguf_text(r.choice((b"", b"llama", "\u2603".encode())))
    return struct.pack("<" + GGUF_NUMBERS[kind], r.randrange(2) if kind == 7 else r.randrange(100))


def gguf_parts(r: Random) -> Parts:
    """The beginning, the metadata and descriptions of tensors, and the data."""
    kinds = (*GGUF_NUMBERS, 8)
    metadata = b""
    keys = r.sample((b"general.name", b"a", b"b.c", b"tokens", b"scores"), r.randrange(5))
    for key in keys:
        kind = r.choice(kinds)
        if r.random() < 0.4:
            items = [_gguf_value(r, kind) for _ in range(r.randrange(4))]
            value = struct.pack("<IIQ", 9, kind, len(items)) + b"".join(items)
        else:
            value = struct.pack("<I", kind) + _gguf_value(r, kind)
        metadata += _gguf_text(key) + value
    data = b""
    names = r.sample(
        (b"output.weight", b"blk.0.attn_q.weight", b"blk.0.bias", b"x"), r.randrange(4)
    )
    for name in names:
        number, block, size = r.choice(GGUF_TYPES)
        shape = [block * r.randrange(1, 3), *(r.randrange(1, 3) for _ in range(r.randrange(3)))]
        metadata += _gguf_text(name) + struct.pack("<I", len(shape))
        metadata += struct.pack(f"<{len(shape)}QIQ", *shape, number, len(data))
        data += r.randbytes(math.prod(shape) // block * size)
        data += bytes(-len(data) % 32)
    start = b"GGUF" + struct.pack("<IQQ", r.choice((3, 3, 2)), len(names), len(keys))
    return [start, metadata, bytes(-(len(start) + len(metadata)) % 32) + data]


def archive(r: Random, members: dict[str, bytes]) -> bytes:
    """An archive of these members, as NumPy writes it or otherwise."""
    file = io.BytesIO()
    kind = r.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(file, "w", kind) as target:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = kind
            with target.open(entry, "w", force_zip64=r.random() < 0.5) as member:
                member.write(content)
    return file.getvalue()


PARTS: dict[str, Callable[[Random], Parts]] = {
    "npy": npy_parts,
    "npz": npy_parts,
    "safetensors": safetensors_parts,
    "gguf": gguf_parts,
}
