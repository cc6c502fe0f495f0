"""Headers of GGUF files: the table of types, what is read, and what is refused."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlx.core as official
import mlx_sys_py as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlx_sys_py import array
from mlx_sys_py.gguf import TENSOR_TYPES, GGUFHeader, TensorInfo, TensorType, read_header
from mlx_sys_py.io import load_gguf, save_gguf

# As in ggml.h and in the structs of ggml-common.h: number, items of a block, bytes of a block. The
# Python package gguf has the same in GGML_QUANT_SIZES, but for Q8_1, to which it gives the 40 bytes
# that it once had, and for Q2_0, which version 0.19 has not.
FACTS = {
    "F32": (0, 1, 4), "F16": (1, 1, 2), "BF16": (30, 1, 2), "F64": (28, 1, 8),
    "I8": (24, 1, 1), "I16": (25, 1, 2), "I32": (26, 1, 4), "I64": (27, 1, 8),
    "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22), "Q5_1": (7, 32, 24),
    "Q8_0": (8, 32, 34), "Q8_1": (9, 32, 36), "Q1_0": (41, 128, 18), "Q2_0": (42, 64, 18),
    "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176),
    "Q6_K": (14, 256, 210), "Q8_K": (15, 256, 292), "IQ1_S": (19, 256, 50), "IQ1_M": (29, 256, 56),
    "IQ2_XXS": (16, 256, 66), "IQ2_XS": (17, 256, 74), "IQ2_S": (22, 256, 82),
    "IQ3_XXS": (18, 256, 98), "IQ3_S": (21, 256, 110), "IQ4_NL": (20, 32, 18),
    "IQ4_XS": (23, 256, 136), "TQ1_0": (34, 256, 54), "TQ2_0": (35, 256, 66),
    "MXFP4": (39, 32, 17), "NVFP4": (40, 64, 36),
}  # fmt: skip

# Value types by their numbers in files: what struct calls them.
UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64 = (
    range(13)
)
FORMATS = {
    UINT8: "B", INT8: "b", UINT16: "H", INT16: "h", UINT32: "I", INT32: "i", FLOAT32: "f",
    BOOL: "?", UINT64: "Q", INT64: "q", FLOAT64: "d",
}  # fmt: skip

# A value type and a value; for an array the type of its items and a list.
Entry = tuple[int, Any]


def string(text: str | bytes) -> bytes:
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def packed(kind: int, value: Any) -> bytes:
    return string(value) if kind == STRING else struct.pack("<" + FORMATS[kind], value)


def write(
    path: Path,
    metadata: Mapping[str, Entry],
    tensors: Mapping[str, tuple[int, tuple[int, ...], bytes]] | None = None,
    alignment: int = 32,
) -> Path:
    """Write a file of metadata and of tensors given as (type, shape, data)."""
    tensors = tensors or {}
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, (kind, value) in metadata.items():
        out += string(key)
        if isinstance(value, list):
            out += struct.pack("<IIQ", ARRAY, kind, len(value))
            out += b"".join(packed(kind, item) for item in value)
        else:
            out += struct.pack("<I", kind) + packed(kind, value)
    data = b""
    for name, (code, shape, content) in tensors.items():
        out += string(name) + struct.pack("<I", len(shape))
        out += b"".join(struct.pack("<Q", size) for size in reversed(shape))
        out += struct.pack("<IQ", code, len(data))
        data += content + bytes(-len(content) % alignment)
    path.write_bytes(out + bytes(-len(out) % alignment) + data)
    return path


def test_types_are_those_of_ggml() -> None:
    assert {
        name: (kind.id, kind.block_size, kind.block_nbytes) for name, kind in TENSOR_TYPES.items()
    } == FACTS
    assert all(kind.name == name for name, kind in TENSOR_TYPES.items())


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TENSOR_TYPES["F32"] = TensorType("F32", 0, 1, 8, True, False)  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        TENSOR_TYPES["F32"].block_nbytes = 8  # type: ignore[misc]
    assert TENSOR_TYPES["F32"] == TensorType("F32", 0, 1, 4, True, False)


@pytest.mark.parametrize("kind", TENSOR_TYPES.values(), ids=lambda kind: kind.name)
def test_a_tensor_of_every_type(tmp_path: Path, kind: TensorType) -> None:
    """Its size is that of its blocks, and it is loaded if the table says so, and as it says."""
    rows, columns = 3, 2 * kind.block_size
    data = bytes(rows * 2 * kind.block_nbytes)
    path = write(tmp_path / "a.gguf", {}, {"a.weight": (kind.id, (rows, columns), data)})
    tensor = read_header(path).tensors["a.weight"]
    assert tensor == TensorInfo("a.weight", kind.name, (rows, columns), tensor.offset, len(data))
    # No byte may be missing.
    path.write_bytes(path.read_bytes()[: tensor.offset + len(data)])
    if kind.loadable:
        arrays, _ = load_gguf(path)
        assert set(arrays) == (
            {"a.weight", "a.scales", "a.biases"} if kind.packed else {"a.weight"}
        )
        assert kind.packed or arrays["a.weight"].shape == (rows, columns)
    else:
        with pytest.raises(OSError, match=rf"type {kind.id} \({kind.name}\), which cannot be"):
            load_gguf(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OSError, match=r"truncated: it ends within tensor a\.weight"):
        read_header(path)


METADATA: dict[str, Entry] = {
    "u8": (UINT8, 255),
    "i8": (INT8, -128),
    "u16": (UINT16, 65535),
    "i16": (INT16, -32768),
    "u32": (UINT32, 2**32 - 1),
    "i32": (INT32, -(2**31)),
    "f32": (FLOAT32, -0.5),
    "bool": (BOOL, True),
    "string": (STRING, "é\0\N{SNOWMAN}"),
    "u64": (UINT64, 2**64 - 1),
    "i64": (INT64, -(2**63)),
    "f64": (FLOAT64, 0.1),
    "u8s": (UINT8, [0, 255]),
    "i8s": (INT8, [-128, 127]),
    "u16s": (UINT16, [0, 65535]),
    "i16s": (INT16, [-32768, 32767]),
    "u32s": (UINT32, [0, 2**32 - 1]),
    "i32s": (INT32, [-(2**31), 2**31 - 1]),
    "f32s": (FLOAT32, [1.5, -math.inf]),
    "bools": (BOOL, [True, False]),
    "strings": (STRING, ["", "x", "\N{SNOWMAN}"]),
    "u64s": (UINT64, [0, 2**64 - 1]),
    "i64s": (INT64, [-(2**63), 2**63 - 1]),
    "f64s": (FLOAT64, [0.1, 1e300]),
    **{f"empty.{kind}": (kind, []) for kind in (*FORMATS, STRING)},
}


def test_metadata_of_every_type(tmp_path: Path) -> None:
    header = read_header(write(tmp_path / "a.gguf", METADATA))
    assert list(header.metadata.items()) == [(key, value) for key, (_, value) in METADATA.items()]
    for key, (_, value) in METADATA.items():
        found = header.metadata[key]
        assert type(found) is type(value)
        if isinstance(value, list) and isinstance(found, list):
            assert [type(item) for item in found] == [type(item) for item in value]


VALUES: dict[int, st.SearchStrategy[Any]] = {
    STRING: st.text(st.characters(exclude_categories=["Cs"])),
    BOOL: st.booleans(),
    FLOAT32: st.floats(width=32, allow_nan=False),
    FLOAT64: st.floats(allow_nan=False),
    **{
        kind: st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        for kind, bits in ((INT8, 8), (INT16, 16), (INT32, 32), (INT64, 64))
    },
    **{
        kind: st.integers(0, 2**bits - 1)
        for kind, bits in ((UINT8, 8), (UINT16, 16), (UINT32, 32), (UINT64, 64))
    },
}
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
ENTRIES = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.tuples(st.just(kind), VALUES[kind] | st.lists(VALUES[kind]))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(NAMES.filter(lambda name: name != "general.alignment"), ENTRIES))
def test_any_metadata(tmp_path: Path, metadata: dict[str, Entry]) -> None:
    header = read_header(write(tmp_path / "a.gguf", metadata))
    assert list(header.metadata.items()) == [(key, value) for key, (_, value) in metadata.items()]


def test_text_that_is_damaged(tmp_path: Path) -> None:
    metadata: dict[str, Entry] = {"a": (STRING, b"x\xffy"), "b": (STRING, [b"\xe2\x98", b"z"])}
    header = read_header(write(tmp_path / "a.gguf", metadata))
    assert header.metadata == {"a": "x\N{REPLACEMENT CHARACTER}y", "b": ["\ufffd", "z"]}


PLAIN: dict[str, np.ndarray[Any, Any]] = {
    "F32": np.arange(-3, 3, dtype=np.float32).reshape(2, 3),
    "F16": np.arange(4, dtype=np.float16).reshape(1, 2, 2),
    "I8": np.array([-128, 127], np.int8),
    "I16": np.arange(30, dtype=np.int16).reshape(5, 6),
    "I32": np.array(2**31 - 1, np.int32),
    # 1, 1.7e38 (no float16) and NaN, as their bits.
    "BF16": np.array([[0x3F80, 0x7F00, 0x7FC0]], np.uint16),
}


@pytest.mark.parametrize("alignment", [1, 32, 4096])
def test_all_readers_read_the_same(tmp_path: Path, alignment: int) -> None:
    path = write(
        tmp_path / "a.gguf",
        {"general.alignment": (UINT32, alignment), "general.name": (STRING, "one")},
        {
            name: (TENSOR_TYPES[name].id, value.shape, value.tobytes())
            for name, value in PLAIN.items()
        },
        alignment,
    )
    header = read_header(path)
    arrays, metadata = load_gguf(path)
    answer: Any = official.load(str(path), return_metadata=True)
    theirs, their_metadata = answer
    assert header.alignment == alignment
    assert header.version == 3
    assert set(header.tensors) == set(arrays) == set(theirs) == set(PLAIN)
    assert header.metadata["general.name"] == metadata["general.name"] == "one"
    assert their_metadata["general.name"] == "one"
    content = path.read_bytes()
    for name, value in PLAIN.items():
        tensor, loaded = header.tensors[name], arrays[name]
        assert tensor.name == tensor.ggml_type == name
        assert tensor.shape == loaded.shape == theirs[name].shape == value.shape
        assert tensor.offset % alignment == 0
        assert content[tensor.offset :][: tensor.nbytes] == value.tobytes()
        if name == "BF16":
            assert loaded.dtype is mx.bfloat16
            assert np.array(mx.ops.view(loaded, mx.uint16)).tobytes() == value.tobytes()
        else:
            assert np.array(loaded).tobytes() == value.tobytes()
            assert np.array(theirs[name]).tobytes() == value.tobytes()


def test_what_is_saved_here(tmp_path: Path) -> None:
    arrays = {"w": array(np.ones((2, 3), np.float32)), "none": array(np.ones((0, 2), np.float32))}
    save_gguf(tmp_path / "a.gguf", arrays, {"n": array(3, mx.uint32), "t": ["x", "y"]})
    header = read_header(tmp_path / "a.gguf")
    assert header.metadata == {"n": 3, "t": ["x", "y"]}
    assert {name: tensor.shape for name, tensor in header.tensors.items()} == {
        "w": (2, 3),
        "none": (0, 2),
    }
    assert header.tensors["w"].nbytes == 24
    assert header.tensors["none"].nbytes == 0


def test_a_header_in_short() -> None:
    header = GGUFHeader({"a": ["token"] * 100000}, {})
    assert repr(header) == "GGUFHeader(version=3, alignment=32)"
    assert header == GGUFHeader({"a": ["token"] * 100000}, {}, 3, 32)


def test_names_of_files(tmp_path: Path) -> None:
    path = write(tmp_path / "ü %s.gguf", {"a": (BOOL, True)})
    for file in (path, str(path), os.fsencode(path)):
        assert read_header(file).metadata == {"a": True}  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nothing\.gguf"):
        read_header(tmp_path / "nothing.gguf")
    with pytest.raises(OSError, match="is not a file"):
        read_header(tmp_path)
    with pytest.raises(ValueError, match="null"):
        read_header("a\0b")
    with pytest.raises(TypeError, match="file must be a path, not int"):
        read_header(3)  # type: ignore[arg-type]


def test_a_message_names_file_and_tensor(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gguf", {}, {"one": (0, (8,), bytes(32)), "two": (0, (1,), b"")})
    with pytest.raises(
        OSError, match=r"GGUF file .*a\.gguf is truncated: it ends within tensor two"
    ):
        read_header(path)
    with pytest.raises(
        OSError, match=r"GGUF file .*a\.gguf is truncated: it ends within tensor two"
    ):
        load_gguf(path)


@pytest.mark.parametrize("kind", [UINT8, FLOAT64, STRING])
def test_no_memory_is_taken_for_what_a_file_only_says(tmp_path: Path, kind: int) -> None:
    """A file of 4 TiB, nearly all of it a hole, whose one value is an array of almost as many."""
    path = tmp_path / "a.gguf"
    itemsize = 8 if kind == STRING else struct.calcsize(FORMATS[kind])
    count = 2**41 // itemsize
    start = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + string("a")
    path.write_bytes(start + struct.pack("<IIQ", ARRAY, kind, count))
    try:
        os.truncate(path, 2**42)
    except OSError:
        pytest.skip("the file system has no files of this size")
    with pytest.raises(OSError, match="header of more than 256 MiB"):
        read_header(path)


def damaged(data: st.DataObject, content: bytes) -> bytes:
    """A file that is cut, and some of whose bytes or words of 64 bits are others."""
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        word = data.draw(
            st.binary(min_size=1, max_size=1)
            | st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]).map(
                lambda number: struct.pack("<Q", number)
            )
        )
        changed[at : at + len(word)] = word
    return bytes(changed[: data.draw(st.just(len(changed)) | st.integers(0, len(changed)))])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damaged_files(tmp_path: Path, data: st.DataObject) -> None:
    """Read or refused; what can be loaded has a header that says what it is."""
    path = tmp_path / "a.gguf"
    tensors = {
        "plain": (0, (2, 4), bytes(range(32))),
        "packed.weight": (8, (2, 32), bytes(range(68))),
        "wide": (12, (256,), bytes(144)),
        "brain": (30, (3,), bytes(6)),
    }
    metadata = {
        key: value for key, value in METADATA.items() if not key.startswith(("empty", "f64"))
    }
    write(path, {"general.alignment": (UINT32, 32), **metadata}, tensors)
    path.write_bytes(damaged(data, path.read_bytes()))
    header = None
    with contextlib.suppress(OSError):
        header = read_header(path)
    with contextlib.suppress(OSError):
        arrays, found = load_gguf(path)
        assert header is not None
        assert set(found) == set(header.metadata)
        assert set(header.tensors) <= set(arrays)
        for name, tensor in header.tensors.items():
            kind = TENSOR_TYPES[tensor.ggml_type]
            assert kind.packed or arrays[name].shape == tensor.shape
