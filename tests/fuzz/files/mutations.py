"""Changes of files: of their bytes, and of the headers that are text by their grammar."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from random import Random

from .formats import Parts

BORDERS = sorted(
    {
        (1 << bits) + more
        for bits in (0, 3, 7, 8, 15, 16, 24, 31, 32, 33, 53, 62, 63, 64)
        for more in (-2, -1, 0, 1, 2)
        if 0 <= (1 << bits) + more < 1 << 64
    }
)
WORDS = {
    "npy": (
        b"True", b"False", b"None", b"()", b"(2,)", b"(2, 3)", b"[2]", b"(-1,)", b"'<f4'",
        b"'>i2'",
        b"'|O'", b"'|b1'", b"'<U2'", b"'<V2'", b"'c16'", b"'descr'", b"'shape'", b"'fortran_order'",
        b",", b":", b"{", b"}", b"(", b")", b"'", b'"', b" ", b"\n", b"\\", b"#", b"L", b"_",
        b"0x1", b"1e3", b"+1", b"[('a', '<f4')]", b"'f4'", b"'float32'", b"'<f16'", b"\xe9",
        b"\x00",
    ),
    "safetensors": (
        b"true", b"null", b"[]", b"[2]", b"[2,3]", b"[-1]", b"{}", b'"F32"', b'"F64"', b'"BOOL"',
        b'"F4"', b'"dtype"', b'"shape"', b'"data_offsets"', b'"__metadata__"', b'"a"', b'"b"', b",",
        b":", b"{", b"}", b"[", b"]", b'"', b" ", b"\n", b"\\", b"\\u0000", b"\\ud800", b"1.0",
        b"1e2", b"-0", b"00", b"\xe9", b"\x00", b"\xc3\xa9",
    ),
}  # fmt: skip
TOKEN = re.compile(rb"\d+|[A-Za-z_]+|'[^']*'|\"[^\"]*\"|\S")

Mutation = Callable[[Random, str, Parts], Parts]


def _place(r: Random, whole: bytes) -> int:
    """A place in a file, more often near the beginning, where what decides is."""
    end = len(whole) if r.random() < 0.5 else min(len(whole), 64)
    return r.randrange(max(end, 1))


def _flip(r: Random, whole: bytes) -> bytes:
    if not whole:
        return whole
    at = _place(r, whole)
    return whole[:at] + bytes((whole[at] ^ 1 << r.randrange(8),)) + whole[at + 1 :]


def _truncate(r: Random, whole: bytes) -> bytes:
    return whole[: r.randrange(len(whole) + 1)]


def _append(r: Random, whole: bytes) -> bytes:
    return whole + r.randbytes(r.randrange(1, 40))


def _remove(r: Random, whole: bytes) -> bytes:
    at = _place(r, whole)
    return whole[:at] + whole[at + r.randrange(1, 9) :]


def _repeat(r: Random, whole: bytes) -> bytes:
    at = _place(r, whole)
    return whole[:at] + whole[at : at + r.randrange(1, 40)] + whole[at:]


def _number(r: Random, whole: bytes) -> bytes:
    """A number that is stored somewhere becomes one next to a border."""
    size, code = r.choice(((1, "<B"), (2, "<H"), (4, "<I"), (8, "<Q")))
    value = r.choice([x for x in BORDERS if x < 1 << 8 * size])
    at = _place(r, whole)
    return whole[:at] + struct.pack(code, value) + whole[at + size :]


BYTES = (_flip, _flip, _truncate, _append, _remove, _repeat, _number, _number)


def change_bytes(r: Random, whole: bytes) -> bytes:
    """One change of the bytes of a file."""
    return r.choice(BYTES)(r, whole)


def _fix_length(kind: str, parts: Parts) -> Parts:
    """The length of a text header is what it is."""
    start, header, data = parts
    if kind == "safetensors":
        return [struct.pack("<Q", len(header)), header, data]
    if start[6:7] == b"\x01":
        return [start[:8] + struct.pack("<H", len(header) % (1 << 16)), header, data]
    return [start[:8] + struct.pack("<I", len(header)), header, data]


def change_header(r: Random, kind: str, parts: Parts, others: Parts) -> Parts:
    """One change of a token of a text header."""
    start, header, data = parts
    tokens = list(TOKEN.finditer(header))
    if not tokens:
        return parts
    token = r.choice(tokens)
    numbers = [token for token in tokens if token[0].isdigit()]
    way = r.randrange(6)
    if way <= 1 and numbers:
        token = r.choice(numbers)
        new = str(r.choice((r.choice(BORDERS), r.randrange(10), 10 ** r.randrange(30)))).encode()
    elif way == 2:
        new = r.choice(TOKEN.findall(others[1]) or [b""])
    elif way == 3:
        new = token[0] + r.choice(WORDS[kind])
    elif way == 4:
        new = b""
    else:
        new = r.choice(WORDS[kind])
    return _fix_length(kind, [start, header[: token.start()] + new + header[token.end() :], data])


def splice(r: Random, parts: Parts, others: Parts) -> Parts:
    """A part of another file."""
    at = r.randrange(len(parts))
    return [*parts[:at], others[at], *parts[at + 1 :]]
