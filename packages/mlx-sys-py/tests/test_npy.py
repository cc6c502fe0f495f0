"""Every header that NumPy's format allows is read as NumPy reads it, and no other."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mlx_sys_py import array, ops
from mlx_sys_py.io import load_npy, save_npy

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64",
)  # fmt: skip


def npy(header: str | bytes, body: bytes = b"", version: tuple[int, int] = (1, 0)) -> io.BytesIO:
    text = header if isinstance(header, bytes) else header.encode()
    length = len(text).to_bytes(2 if version[0] == 1 else 4, "little")
    return io.BytesIO(b"\x93NUMPY" + bytes(version) + length + text + body)


def check(file: io.BytesIO) -> None:
    """What NumPy reads is what we read."""
    expected = np.load(file)
    file.seek(0)
    got = load_npy(file)
    assert got.shape == expected.shape
    if expected.dtype.name == "complex128":
        expected = expected.astype(np.complex64)
    assert str(got.dtype).rpartition(".")[2].rstrip("_") == expected.dtype.name
    np.testing.assert_array_equal(np.array(got), expected)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 4), }\n",
        "{'shape': (3, 4), 'fortran_order': False, 'descr': '<i4'}\n",
        "{'fortran_order': False, 'shape': (3, 4), 'descr': '<i4'}",
        '{"descr":"<i4","fortran_order":False,"shape":(3,4)}',
        "{'descr':'<i4','fortran_order':False,'shape':(3,4),}",
        "  { 'descr' :\t'<i4' ,\n 'fortran_order' : False , 'shape' : ( 3 , 4 , ) , }  \n\n",
        "{'descr': u'<i4', u'fortran_order': False, 'shape': (3L, 4L)}\n",
        "{'descr': '=i4', 'fortran_order': False, 'shape': (1_2,)}\n",
        "{'descr': 'int32', 'fortran_order': True, 'shape': (3, 4)}\n",
        "{'descr': '>i4', 'fortran_order': True, 'shape': (2, 3, 2)}\n",
        "{'descr': 'i', 'fortran_order': False, 'shape': ()}\n",
        "{'descr': '|i4', 'fortran_order': False, 'shape': (0, 7)}\n",
        "{'descr': '<i4', 'fortran_order': True, 'shape': (12,)}\n",
        "{'descr': '<f4', 'descr': '<i4', 'fortran_order': False, 'shape': (12,)}\n",
    ],
)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.filterwarnings("ignore:Reading `.npy`")
def test_headers(header: str, version: tuple[int, int]) -> None:
    if "L" in header and version[0] == 3:
        return  # NumPy takes what Python 2 wrote in the versions that it wrote
    check(npy(header, np.arange(12, dtype=">i4" if ">" in header else "<i4").tobytes(), version))


@pytest.mark.parametrize(
    "code",
    "? b1 |b1 <b1 b B i1 |u1 h <i2 >i2 H >u2 i I =i4 >u4 l L q Q <i8 >u8 p P n N "
    "e <f2 >f2 f <f4 >f4 d <f8 >f8 F <c8 >c8 D <c16 >c16 "
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 "
    "complex128 half single double float complex int uint".split(),
)
def test_types(code: str) -> None:
    values = np.array([[1, 0, 3], [4, 5, 6]]).astype(code)
    if values.dtype.kind == "c":
        values = values + np.array(2j).astype(code)
    values = values.astype(code)
    header = f"{{'descr': '{code}', 'fortran_order': False, 'shape': (2, 3)}}"
    check(npy(header, values.tobytes()))


def test_bfloat16_is_what_ml_dtypes_writes() -> None:
    values = np.array([1.5, -2.0], np.float32)
    halves = (values.view(np.uint32) >> 16).astype(np.uint16)
    header = "{'descr': '<V2', 'fortran_order': False, 'shape': (2,)}"
    got = load_npy(npy(header, halves.tobytes()))
    assert got.dtype == mx.bfloat16
    assert got.tolist() == [1.5, -2.0]


def test_booleans_are_0_or_1() -> None:
    got = load_npy(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", b"\x02\x00\xff"))
    assert got.tolist() == [True, False, True]
    assert ops.sum(got).item() == 2


def with_shape(shape: str, descr: str = "<i4") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (with_shape("(99999999999,)"), r"shape \(99999999999,\), where .* at most 2147483647"),
        (with_shape("(2147483647, 2147483647, 2147483647)"), "impossible shape"),
        (with_shape("(0, 99999999999)"), "at most 2147483647"),
        (with_shape("(99999999999999999999999,)"), "too large"),
        (with_shape("(-1,)"), "negative"),
        (with_shape("(3)"), "not a tuple"),
        (with_shape("[3]"), "not a tuple"),
        (with_shape("(3 4)"), "not a tuple"),
        (with_shape("(,)"), "a number is expected"),
        (with_shape("(04,)"), "begins with 0"),
        (with_shape("(" + "1," * 65 + ")"), "65 dimensions"),
        (with_shape("(4,)"), r"truncated: an array of shape \(4,\).* has 16 bytes, and 12 are"),
        (with_shape("(1,)", "|O"), "Python objects"),
        (with_shape("(1,)", "<U3"), "texts"),
        (with_shape("(1,)", "<M8[s]"), "dates"),
        (with_shape("(1,)", "|V12"), "structures"),
        (with_shape("(1,)", "<f16"), "precision"),
        (with_shape("(1,)", "<x4"), "no array has"),
        (with_shape("(1,)", ""), "no array has"),
        (with_shape("(1,)").replace("'<i4'", "[('a', '<i4')]"), "structured"),
        (with_shape("(1,)").replace("False", "0"), "neither True nor False"),
        (with_shape("(1,)").replace("'descr'", "'more'"), "none of its keys"),
        ("{'descr': '<i4', 'shape': (3,)}", "needs the keys"),
        ("{'descr': '<i4'", "is expected"),
        ("{'descr': '<i4", "no end"),
        ("{'descr': '\\x3ci4'}", "backslash"),
        (with_shape("(1,)") + "x", "follows"),
        ("[]", "is expected"),
        ("", "is expected"),
        (b"{'descr\xff': 1}", "none of its keys"),
    ],
)
def test_what_is_refused(header: str | bytes, message: str) -> None:
    with pytest.raises(OSError, match=message):
        load_npy(npy(header, bytes(12)))


@pytest.mark.parametrize("version", [(0, 0), (4, 0), (1, 1), (2, 255)])
def test_other_versions(version: tuple[int, int]) -> None:
    with pytest.raises(OSError, match=r"version \d+.\d+, where 1.0, 2.0 or 3.0"):
        load_npy(npy(with_shape("(1,)"), bytes(12), version))


def test_a_header_has_a_size() -> None:
    with pytest.raises(OSError, match="truncated"):
        load_npy(io.BytesIO(b"\x93NUMPY\x02\x00\xff\xff\x0f\x00{'descr'"))
    with pytest.raises(OSError, match="1 MiB"):
        load_npy(io.BytesIO(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'"))
    with pytest.raises(OSError, match="not an npy file"):
        load_npy(io.BytesIO(b"\x93NUMPY"))


@given(
    st.data(),
    st.sampled_from((*DTYPES, "complex128")),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
    st.sampled_from("<>"),
    st.sampled_from("CF"),
)
@settings(max_examples=100, deadline=None)
def test_what_numpy_writes(
    data: st.DataObject, name: str, shape: tuple[int, ...], order: str, layout: Any
) -> None:
    kind = np.dtype(order + np.dtype(name).str[1:])
    values = np.asarray(data.draw(hnp.arrays(kind, shape)), order=layout)
    file = io.BytesIO()
    np.save(file, values)
    file.seek(0)
    with np.errstate(over="ignore", invalid="ignore"):
        check(file)


@given(st.data(), st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
@settings(max_examples=100, deadline=None)
def test_we_write_the_bytes_that_numpy_writes(
    data: st.DataObject, name: str, shape: tuple[int, ...]
) -> None:
    values = data.draw(hnp.arrays(name, shape))
    ours, theirs = io.BytesIO(), io.BytesIO()
    save_npy(ours, array(values, getattr(mx, name if name != "bool" else "bool_")))
    np.save(theirs, values)
    assert ours.getvalue() == theirs.getvalue()


def test_several_arrays_in_a_file_come_one_after_another() -> None:
    file = io.BytesIO()
    for i in range(3):
        save_npy(file, array([i, i + 1]))
    file.seek(0)
    for i in range(3):
        assert load_npy(file).tolist() == [i, i + 1]
    with pytest.raises(OSError):
        load_npy(file)


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    for size in (3, 3 << 20):
        np.save(path, np.ones(size, np.float32))
        x = load_npy(path)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - 5)
        for _ in range(2):
            with pytest.raises(OSError, match=r"x\.npy is truncated: it has become shorter"):
                ops.sum(x).item()


def test_large_arrays_are_read_in_portions(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    values = np.random.default_rng(1).integers(0, 2**31, (5, 1_000_003), np.int32)
    np.save(path, values)
    np.testing.assert_array_equal(np.array(load_npy(path)), values)
    np.save(path, values.astype(">i4").T)
    np.testing.assert_array_equal(np.array(load_npy(path)), values.T)
