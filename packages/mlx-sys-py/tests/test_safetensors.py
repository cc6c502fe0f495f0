"""Every header that the safetensors format allows is read, and none that it forbids."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mlx_sys_py import array
from mlx_sys_py.io import load_safetensors, save_safetensors

# The names of the format, and NumPy's.
TYPES = {
    "BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64",
    "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F16": "float16", "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip


def packed(header: str | bytes | dict[str, Any], data: bytes = b"") -> io.BytesIO:
    text = json.dumps(header) if isinstance(header, dict) else header
    encoded = text if isinstance(text, bytes) else text.encode()
    return io.BytesIO(struct.pack("<Q", len(encoded)) + encoded + data)


def tensor(dtype: str, shape: list[int], *offsets: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


@pytest.mark.parametrize("name", TYPES)
def test_types(name: str) -> None:
    values = np.array([[1, 0, 3]]).astype(TYPES[name])
    header = {"t": tensor(name, [1, 3], 0, values.nbytes)}
    got = load_safetensors(packed(header, values.tobytes()))[0]["t"]
    assert str(got.dtype).rpartition(".")[2].rstrip("_") == TYPES[name]
    np.testing.assert_array_equal(np.array(got), values)


def test_types_that_numpy_lacks() -> None:
    data = struct.pack("<HH", 0x3FC0, 0xC000) + b"\x38\x7f"
    header = {
        "b": tensor("BF16", [2], 0, 4),
        "e4m3": tensor("F8_E4M3", [1], 4, 5),
        "e8m0": tensor("F8_E8M0", [1], 5, 6),
    }
    got, _ = load_safetensors(packed(header, data))
    assert got["b"].dtype == mx.bfloat16
    assert got["b"].tolist() == [1.5, -2.0]
    # As MLX: the bytes.
    assert (got["e4m3"].dtype, got["e4m3"].tolist()) == (mx.uint8, [0x38])
    assert (got["e8m0"].dtype, got["e8m0"].tolist()) == (mx.uint8, [0x7F])


A = '"a":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}'
B = '"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}'


def emptied(name: str, dtype: str, shape: str, at: int) -> str:
    return f'"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{at},{at}]}}'


HEADERS = {
    "plain": "{" + A + "," + B + "}",
    "another order": "{" + B + "," + A + "}",
    "space": "{\n " + B.replace(":", " : ") + " ,\t" + A.replace(",", "\r\n, ") + " } \n\t\r ",
    # What else a tensor says is not ours, whatever it is.
    "more fields": "{"
    + B
    + ',"a":{"dtype":"I32","more":{"x":[1,-2.5e3,null,"\\ud83d\\ude00",{"y":[true,false]}]},'
    + '"data_offsets":[0,8],"shape":[2]}}',
    "escapes": "{"
    + B
    + ',"\\u0061":{"\\u0064type":"\\u0049\\u0033\\u0032","shape":[2],"data_offsets":[0,8]}}',
    # Empty tensors take no place, wherever they are.
    "empty": "{"
    + ",".join(
        [
            A,
            emptied("e", "F32", "[0,3]", 8),
            emptied("f", "F64", "[0]", 0),
            emptied("g", "F64", "[0]", 9),
            B,
        ]
    )
    + "}",
    "no metadata": '{"__metadata__":null,' + A + "," + B + "}",
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(name: str) -> None:
    got, metadata = load_safetensors(packed(HEADERS[name], struct.pack("<iiB", 7, -8, 9)))
    assert metadata == {}
    assert got["a"].tolist() == [7, -8]
    assert got["b"].item() == 9
    assert all(got[other].size == 0 for other in set(got) - {"a", "b"})


def test_metadata() -> None:
    texts = {"format": "pt", "": "", '\N{SNOWMAN}\n"\\': "\U0001f600\x01"}
    for escapes in (True, False):
        text = json.dumps({"__metadata__": texts}, ensure_ascii=escapes)
        assert load_safetensors(packed(text)) == ({}, texts)
    file = io.BytesIO()
    save_safetensors(file, {}, texts)
    file.seek(0)
    assert load_safetensors(file) == ({}, texts)


T = tensor("I32", [2], 0, 8)
TEXT = json.dumps(T)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"t": tensor("F32", [2**32 + 2], 0, 8)}, r'"t" of shape \(4294967298,\), where'),
        ({"t": tensor("F32", [2**31 - 1] * 4, 0, 8)}, 'tensor "t" of an impossible shape'),
        ({"t": tensor("F32", [2**64], 0, 8)}, "too large"),
        ({"t": tensor("F32", [3], 0, 8)}, r'"t" with 8 bytes, where shape \(3,\) .* need 12'),
        ({"t": tensor("F32", [1] * 65, 0, 8)}, "65 dimensions"),
        ({"t": tensor("F99", [2], 0, 8)}, '"t" of dtype "F99"'),
        ({"t": tensor("F8_E5M2", [8], 0, 8)}, '"t" of dtype "F8_E5M2"'),
        ({"t": tensor("F4", [16], 0, 8)}, '"t" of dtype "F4"'),
        ({"t": tensor("I32", [2], 8, 0)}, '"t" whose data_offsets'),
        ({"t": tensor("I32", [2], 0)}, '"t" whose data_offsets'),
        ({"t": tensor("I32", [2], 0, 8, 8)}, '"t" whose data_offsets'),
        ({"t": tensor("I32", [2], 8, 16)}, 'truncated: tensor "t" ends at byte 16'),
        ({"t": tensor("I32", [2], 2**64 - 8, 2**64)}, "too large"),
        ({"t": tensor("I32", [2], 2**64 - 9, 2**64 - 1)}, "truncated"),
        ({"a": T, "b": T}, 'overlap: tensor "b"|overlap: tensor "a"'),
        ({"a": tensor("U8", [5], 0, 5), "b": tensor("U8", [4], 4, 8)}, 'overlap: tensor "b"'),
        ({"a": tensor("U8", [3], 0, 3), "b": tensor("U8", [4], 4, 8)}, 'hole .* tensor "b"'),
        ({"b": tensor("U8", [4], 4, 8)}, 'hole .* tensor "b"'),
        ({"a": tensor("U8", [4], 0, 4)}, "4 bytes that belong to no tensor"),
        ({}, "8 bytes that belong to no tensor"),
        ({"t": {"shape": [2], "data_offsets": [0, 8]}}, 'without dtype: "t"'),
        ({"t": {"dtype": "I32", "data_offsets": [0, 8]}}, 'without shape: "t"'),
        ({"t": {"dtype": "I32", "shape": [2]}}, 'without data_offsets: "t"'),
        ({"t": T, "__metadata__": {"a": 1}}, "cannot be read"),
        ({"t": T, "__metadata__": []}, "cannot be read"),
        ({"t\0": T}, "null character"),
        ({"t": T, "__metadata__": {"a": "\0"}}, "null character"),
        ({"t": tensor("I32", [2.0], 0, 8)}, "whole"),  # type: ignore[list-item]
        ({"t": tensor("I32", [-2], 0, 8)}, "not negative"),
        ({"t": tensor("I32", [True], 0, 8)}, "whole"),
        ({"t": 5}, "no an object"),
        (f'{{"t":{TEXT},"t":{TEXT}}}', 'two entries of one name: "t"'),
        ('{"t":{"dtype":"I32","dtype":"I32","shape":[2],"data_offsets":[0,8]}}', 'in tensor "t"'),
        ('{"__metadata__":{"a":"1","a":"2"}}', 'two texts of one name.*"a"'),
        ('{"__metadata__":{},"__metadata__":{}}', "two entries of one name"),
        (f' {{"t":{TEXT}}}', "begin"),
        (f'{{"t":{TEXT}}} x', "goes on"),
        (f'{{"t":{TEXT},}}', "no text"),
        (f'{{"t":{TEXT}', "no ',' or '}'"),
        ('{"t', "without end"),
        ('{"t\\x":1}', "escape"),
        ('{"\\ud800":1}', "surrogate"),
        ('{"\\ud800\\u0041":1}', "surrogate"),
        ('{"a\nb":1}', "control character"),
        ('{"t":{"dtype":"I32","x":01,"shape":[2],"data_offsets":[0,8]}}', "begins with 0"),
        ('{"t":{"dtype":"I32","x":' + "[" * 5000, "nested too deeply"),
        (b'{"\xff":{}}', "not UTF-8"),
        (b'{"\xc0\x80":{}}', "not UTF-8"),
        ("[1, 2]", "begin"),
        ("", "begin"),
    ],
)
def test_what_is_refused(header: str | bytes | dict[str, Any], message: str) -> None:
    file = packed(header, bytes(8))
    with pytest.raises(OSError, match=message):
        load_safetensors(file)


def test_a_header_has_a_size() -> None:
    for length in (2**64 - 1, 2**63, 100_000_001):
        with pytest.raises(OSError, match="not a safetensors file"):
            load_safetensors(io.BytesIO(struct.pack("<Q", length) + b"{}" * 40))
    for data in (b"", b"1234567", struct.pack("<Q", 3) + b"{}"):
        with pytest.raises(OSError, match="truncated"):
            load_safetensors(io.BytesIO(data))


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(packed({"t": tensor("I32", [3], 0, 8)}, bytes(8)).getvalue())
    with pytest.raises(OSError, match=r'broken\.safetensors has tensor "t"'):
        load_safetensors(path)


def parse(file: io.BytesIO) -> tuple[dict[str, Any], bytes]:
    whole = file.getvalue()
    size = struct.unpack("<Q", whole[:8])[0]
    return json.loads(whole[8 : 8 + size]), whole[8 + size :]


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        st.sampled_from(list(TYPES.values())).flatmap(
            lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
        ),
        max_size=4,
    )
)
@settings(max_examples=100, deadline=None)
def test_there_and_back(values: dict[str, np.ndarray]) -> None:
    values.pop("__metadata__", None)
    arrays = {
        name: array(x, getattr(mx, x.dtype.name if x.dtype != bool else "bool_"))
        for name, x in values.items()
    }
    file = io.BytesIO()
    save_safetensors(file, arrays)
    header, data = parse(file)
    assert header.keys() == values.keys()
    for name, entry in header.items():
        x = values[name]
        begin, end = entry["data_offsets"]
        assert TYPES[entry["dtype"]] == x.dtype.name
        assert entry["shape"] == list(x.shape)
        assert data[begin:end] == x.tobytes()
        # Aligned, so that the data can be used where they are.
        assert begin % x.itemsize == 0
    assert (len(file.getvalue()) - len(data)) % 8 == 0
    file.seek(0)
    loaded, _ = load_safetensors(file)
    assert loaded.keys() == values.keys()
    for name, x in values.items():
        np.testing.assert_array_equal(np.array(loaded[name]), x)


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(ValueError, match="__metadata__"):
        save_safetensors(path, {"__metadata__": array([1])})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_safetensors(path, {"a": array([1.0] * 8), "b": array([2.0] * 8)})
    loaded, _ = load_safetensors(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4)
    assert loaded["a"].tolist() == [1.0] * 8
    with pytest.raises(OSError, match=r"x\.safetensors is truncated"):
        loaded["b"].tolist()
