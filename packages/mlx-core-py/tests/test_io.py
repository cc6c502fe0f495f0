"""Files hold what was saved, are those of other programs, and damage is an error."""

import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import gguf
from mlx_sys_py import cpu_kernels

ARRAYS = {
    "weight": mx.array([[1.5, -2.0], [3.0, 4.0]]),
    "layers.0.bias": mx.array([1, 2, 3]),
    "scalar": mx.array(7.0),
    "empty": mx.zeros((0, 2)),
}


def same(got: mx.array, expected: mx.array) -> bool:
    return (
        got.dtype == expected.dtype
        and got.shape == expected.shape
        and got.tolist() == expected.tolist()
    )


def all_same(got: dict[str, mx.array], expected: dict[str, mx.array]) -> bool:
    return got.keys() == expected.keys() and all(same(got[k], expected[k]) for k in expected)


# ---- there and back


DTYPES = ["bool_", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
FLOATS = ["float16", "float32", "float64"]


@pytest.mark.parametrize("dtype", [*DTYPES, *FLOATS, "complex64"])
def test_npy(tmp_path: Path, dtype: str) -> None:
    x = mx.array([[0, 1, 2], [3, 4, 5]]).astype(getattr(mx, dtype))
    path = tmp_path / "x.npy"
    mx.save(path, x)
    assert same(mx.load(path), x)
    assert np.load(path).tolist() == x.tolist()
    np.save(path, np.array(x))
    assert same(mx.load(path), x)


@pytest.mark.parametrize("save", [mx.savez, mx.savez_compressed])
def test_npz(tmp_path: Path, save: Callable[..., None]) -> None:
    path = tmp_path / "x.npz"
    save(path, mx.array([9]), **ARRAYS)
    expected = {"arr_0": mx.array([9]), **ARRAYS}
    assert all_same(mx.load(path), expected)
    with np.load(path) as archive:
        assert set(archive) == set(expected)
        assert archive["weight"].tolist() == ARRAYS["weight"].tolist()
    copies: dict[str, Any] = {name: np.array(x) for name, x in ARRAYS.items()}
    np.savez(path, **copies)
    assert all_same(mx.load(path), ARRAYS)


def test_npz_takes_any_name(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    mx.savez(path, file=mx.array(1), caller=mx.array(2))
    assert mx.load(path)["file"].item() == 1
    assert mx.load(path)["caller"].item() == 2


def test_compression_compresses(tmp_path: Path) -> None:
    zeros = mx.zeros((1000,))
    mx.savez(tmp_path / "plain.npz", zeros)
    mx.savez_compressed(tmp_path / "small.npz", zeros)
    plain, small = ((tmp_path / name).stat().st_size for name in ("plain.npz", "small.npz"))
    assert small < plain / 4


@pytest.mark.parametrize("dtype", [*DTYPES, *FLOATS, "bfloat16", "complex64"])
def test_safetensors(tmp_path: Path, dtype: str) -> None:
    arrays = {name: x.astype(getattr(mx, dtype)) for name, x in ARRAYS.items()}
    path = tmp_path / "x.safetensors"
    mx.save_safetensors(path, arrays, {"format": "mlx", "note": "%s %n\N{SNOWMAN}"})
    assert all_same(mx.load(path), arrays)
    loaded, metadata = mx.load(path, return_metadata=True)
    assert all_same(loaded, arrays)
    assert metadata == {"format": "mlx", "note": "%s %n\N{SNOWMAN}"}


def test_gguf(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    arrays = {"blk.0.weight": ARRAYS["weight"], "half": ARRAYS["weight"].astype(mx.float16)}
    metadata: dict[str, mx.array | str | list[str]] = {
        "general.architecture": "llama",
        "tokenizer.ggml.tokens": ["<s>", "", "\N{SNOWMAN}"],
        "llama.block_count": mx.array(3, mx.uint32),
        "scores": mx.array([0.5, -1.0]),
    }
    mx.save_gguf(path, arrays, metadata)
    assert all_same(mx.load(path), arrays)
    loaded, entries = mx.load(path, return_metadata=True)
    assert all_same(loaded, arrays)
    assert entries["general.architecture"] == "llama"
    assert entries["tokenizer.ggml.tokens"] == ["<s>", "", "\N{SNOWMAN}"]
    assert entries["llama.block_count"].item() == 3
    assert entries["scores"].tolist() == [0.5, -1.0]


# ---- headers as the formats allow them


def npy(header: str, body: bytes, version: int = 1) -> bytes:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes((version, 0)) + length + header.encode() + body


HEADERS = {
    "another order": ("{'shape': (2,), 'fortran_order': False, 'descr': '<i4'}\n", (2,)),
    "no space": ("{'descr': '<i4', 'fortran_order': False, 'shape': (12,34), }\n", (12, 34)),
    "big-endian": ("{'descr': '>c8', 'fortran_order': True, 'shape': (2, 3)}\n", (2, 3)),
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_headers_of_others(tmp_path: Path, name: str, version: int, kind: str) -> None:
    header, shape = HEADERS[name]
    dtype = ">c8" if "c8" in header else "<i4"
    body = (np.arange(np.prod(shape)) * (1 + (2j if "c8" in header else 0))).astype(dtype)
    content = npy(header, body.tobytes(), version)
    path = tmp_path / f"x.{kind}"
    if kind == "npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.npy", content)
        expected, got = np.load(path)["a"], mx.load(path)["a"]
    else:
        path.write_bytes(content)
        expected, got = np.load(path), mx.load(path)
    assert got.shape == expected.shape == shape
    np.testing.assert_array_equal(np.array(got), expected)


def test_shapes_that_no_array_has(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,)}", b""))
    with pytest.raises(OSError, match=r"x\.npy has an array of shape \(99999999999,\)"):
        mx.load(path)
    header = b'{"t":{"dtype":"F32","shape":[4294967298],"data_offsets":[0,8]}}'
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(OSError, match=r'x\.safetensors has tensor "t" of shape \(4294967298,\)'):
        mx.load(path)


def test_two_arrays_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    content = npy("{'descr': '<i4', 'fortran_order': False, 'shape': ()}", bytes(4))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content)
        archive.writestr("a", content)
    with pytest.raises(OSError, match="two arrays of one name, 'a'"):
        mx.load(path)


@pytest.mark.parametrize("kind", ["npy", "safetensors"])
def test_arrays_that_are_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"x.{kind}"
    x = ARRAYS["weight"].astype(mx.float64)
    if kind == "npy":
        mx.save(path, x)
        assert same(mx.load(path, mmap=True), x)
    else:
        mx.save_safetensors(path, {**ARRAYS, "double": x}, {"a": "b"})
        loaded, metadata = mx.load(path, mmap=True, return_metadata=True)
        assert metadata == {"a": "b"}
        assert all_same(loaded, {**ARRAYS, "double": x})


def test_what_is_no_file_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    mx.savez(path, x=mx.array(1))
    with pytest.raises(
        ValueError, match="mmap needs a path to a file of npy, safetensors or gguf, not npz"
    ):
        mx.load(path, mmap=True)
    with pytest.raises(ValueError, match="not a file object"):
        mx.load(io.BytesIO(), format="npy", mmap=True)


# ---- file objects


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors"])
def test_file_objects(kind: str) -> None:
    file = io.BytesIO()
    x = ARRAYS["weight"]
    if kind == "npy":
        mx.save(file, x)
    elif kind == "npz":
        mx.savez(file, x=x)
    else:
        mx.save_safetensors(file, {"x": x})
    file.seek(0)
    loaded = mx.load(file, format=kind)
    # The arrays do not need the file any more.
    file.close()
    assert same(loaded if kind == "npy" else loaded["x"], x)


def test_the_name_of_a_file_object_tells_the_format(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    mx.savez(path, x=ARRAYS["weight"])
    with open(path, "rb") as file:
        assert list(mx.load(file)) == ["x"]


def test_gguf_needs_a_path() -> None:
    with pytest.raises(TypeError, match="path"):
        mx.load(io.BytesIO(), format="gguf")
    with pytest.raises(TypeError, match="path"):
        mx.save_gguf(io.BytesIO(), {})  # type: ignore[arg-type]


# ---- paths


def test_the_extension_is_added(tmp_path: Path) -> None:
    base = str(tmp_path / "x")
    mx.save(base, mx.array(1))
    mx.savez(base, mx.array(1))
    mx.save_safetensors(base, {"x": mx.array(1)})
    mx.save_gguf(base, {"x": mx.array([1.0])})
    assert sorted(os.listdir(tmp_path)) == ["x.gguf", "x.npy", "x.npz", "x.safetensors"]


def test_the_format_overrules_the_extension(tmp_path: Path) -> None:
    mx.save(tmp_path / "x.npy", mx.array([1]))
    (tmp_path / "x.npy").rename(tmp_path / "x.bin")
    assert mx.load(tmp_path / "x.bin", format="npy").tolist() == [1]


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "gguf"])
def test_missing_files(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        mx.load(tmp_path / f"nothing.{kind}")


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "gguf"])
def test_folders_are_no_files(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / f"x.{kind}"
    folder.mkdir()
    with pytest.raises(OSError, match="x"):
        mx.load(folder)


@pytest.mark.parametrize("name", ["x.bin", "x", "x.NPY"])
def test_unknown_extensions(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match="safetensors, gguf, npy, npz"):
        mx.load(tmp_path / name)


def test_unknown_format() -> None:
    with pytest.raises(ValueError, match="'pickle'"):
        mx.load("x.npy", format="pickle")
    with pytest.raises(ValueError, match="format"):
        mx.load(io.BytesIO())


@pytest.mark.parametrize("file", [3, None, b"x.npy", io.StringIO()])
def test_what_is_no_file(file: Any) -> None:
    with pytest.raises(TypeError, match="file must be"):
        mx.load(file, format="npy")
    with pytest.raises(TypeError, match="file must be"):
        mx.save(file, mx.array(1))


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_formats_without_metadata(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ValueError, match="return_metadata"):
        mx.load(tmp_path / f"x.{kind}", return_metadata=True)


# ---- damage


def written(folder: Path, kind: str) -> Path:
    path = folder / f"x.{kind}"
    big = mx.arange(1000, dtype=mx.float32)
    if kind == "npy":
        mx.save(path, big)
    elif kind == "npz":
        mx.savez(path, x=big)
    elif kind == "safetensors":
        mx.save_safetensors(path, {"x": big})
    else:
        mx.save_gguf(path, {"x": big})
    return path


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "gguf"])
@pytest.mark.parametrize("part", [0.0, 0.002, 0.01, 0.5, 0.99])
def test_truncated_files(tmp_path: Path, kind: str, part: float) -> None:
    path = written(tmp_path, kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(OSError, match="x"):
        mx.load(path)


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "gguf"])
def test_files_of_another_kind(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"x.{kind}"
    path.write_bytes(b"This is text, and nothing but text.\n" * 100)
    with pytest.raises(OSError, match="x"):
        mx.load(path)


def test_damaged_members_of_npz(tmp_path: Path) -> None:
    path = written(tmp_path, "npz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(OSError, match="CRC"):
        mx.load(path)


def test_members_of_npz_that_are_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no array")
    with pytest.raises(OSError, match=r"readme\.txt"):
        mx.load(path)


# ---- whole or not at all


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_failing_saves_leave_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "npz")
    before = contents(tmp_path)

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("mlx_sys_py.io.save_npy", fail)
    with pytest.raises(OSError, match="disk full"):
        mx.savez(path, x=mx.array(1))
    with pytest.raises(OSError, match="disk full"):
        mx.savez(tmp_path / "new.npz", x=mx.array(1))
    assert contents(tmp_path) == before


def test_saves_keep_links_and_permissions(tmp_path: Path) -> None:
    path = written(tmp_path, "npz")
    path.chmod(0o640)
    link = tmp_path / "link.npz"
    link.symlink_to(path)
    mx.savez(link, x=mx.array(5))
    assert link.is_symlink()
    assert mx.load(path)["x"].item() == 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.npz", "x.npz"]


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "gguf"])
def test_saves_into_what_is_no_folder(tmp_path: Path, kind: str) -> None:
    with pytest.raises(OSError, match="missing"):
        written(tmp_path / "missing", kind)


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "gguf"])
def test_saves_onto_a_folder(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"x.{kind}").mkdir()
    with pytest.raises(OSError, match="x"):
        written(tmp_path, kind)
    assert os.listdir(tmp_path) == [f"x.{kind}"]


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors"])
def test_arrays_of_a_file_outlive_its_replacement(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, kind)
    loaded = mx.load(path)
    if kind == "npy":
        mx.save(path, loaded + 1)
        assert mx.load(path)[999].item() == 1000
    elif kind == "npz":
        mx.savez(path, x=loaded["x"] + 1)
        assert mx.load(path)["x"][999].item() == 1000
    else:
        mx.save_safetensors(path, {"x": loaded["x"] + 1})
        assert mx.load(path)["x"][999].item() == 1000


# ---- wrong values


@pytest.mark.parametrize(
    "save",
    [
        lambda file: mx.save(file, [1, 2]),  # type: ignore[arg-type]
        lambda file: mx.savez(file, [1, 2]),  # type: ignore[arg-type]
        lambda file: mx.savez(file, x=3),  # type: ignore[arg-type]
        lambda file: mx.savez_compressed(file, x=None),  # type: ignore[arg-type]
        lambda file: mx.save_safetensors(file, {"x": 3}),  # type: ignore[dict-item]
        lambda file: mx.save_safetensors(file, {3: mx.array(1)}),  # type: ignore[dict-item]
        lambda file: mx.save_safetensors(file, [mx.array(1)]),  # type: ignore[arg-type]
        lambda file: mx.save_safetensors(file, {}, {"a": 1}),  # type: ignore[dict-item]
        lambda file: mx.save_gguf(file, {"x": 3}),  # type: ignore[dict-item]
        lambda file: mx.save_gguf(file, {}, {"a": 1}),  # type: ignore[dict-item]
        lambda file: mx.save_gguf(file, {}, {"a": ["b", 1]}),  # type: ignore[list-item]
    ],
)
def test_wrong_values(tmp_path: Path, save: Callable[[Path], None]) -> None:
    with pytest.raises(TypeError):
        save(tmp_path / "x")
    assert os.listdir(tmp_path) == []


def test_names_of_positional_arrays_are_taken(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="arr_0"):
        mx.savez(tmp_path / "x", mx.array(1), arr_0=mx.array(2))


@pytest.mark.parametrize("save", [mx.savez, mx.savez_compressed])
def test_the_file_of_an_archive_has_a_name(save: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    save(file=path, weight=mx.array(3))
    assert {name: array.item() for name, array in mx.load(path).items()} == {"weight": 3}
    with pytest.raises(TypeError, match="file must be"):
        save(weight=mx.array(3))


def test_a_stream_to_load_on_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    mx.save(path, mx.array([1, 2]))
    for stream in (mx.cpu, mx.Device(mx.cpu), mx.default_stream(mx.cpu), None):
        assert mx.load(path, stream=stream).tolist() == [1, 2]
    with pytest.raises(TypeError, match="stream"):
        mx.load(path, stream="cpu")  # type: ignore[arg-type]


def test_which_form_of_blocks_is_faster() -> None:
    """Blocks, where rows are rounded to bytes."""
    level, bits = cpu_kernels.get_level(), cpu_kernels.get_activation_bits()
    try:
        for each in cpu_kernels.levels():
            cpu_kernels.set_level(each)
            for some in (16, 8):
                cpu_kernels.set_activation_bits(some)
                assert gguf.prefers_blocks() == (each == "v3" and some == 8)
    finally:
        cpu_kernels.set_level(level)
        cpu_kernels.set_activation_bits(bits)
