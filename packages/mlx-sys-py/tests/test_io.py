"""Files: round trips, what is wrong with them, and that they are whole or not there."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from mlx_sys_py import array
from mlx_sys_py.io import (
    load_gguf,
    load_npy,
    load_safetensors,
    save_gguf,
    save_npy,
    save_safetensors,
)

NAMES = ("plain", "with space", "100%s", "ümläut")


@pytest.mark.parametrize("name", NAMES)
def test_npy(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.npy"
    for values in (
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.float32(2.5),
        np.zeros((0, 2), np.float16),
    ):
        save_npy(path, array(values))
        np.testing.assert_array_equal(np.array(load_npy(path)), values)
        np.testing.assert_array_equal(np.load(path), values)
        np.save(path, values)
        np.testing.assert_array_equal(np.array(load_npy(str(path))), values)


def test_a_missing_suffix_is_added(tmp_path: Path) -> None:
    save_npy(tmp_path / "a", array([1]))
    save_safetensors(tmp_path / "b", {"x": array([1])})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "b.safetensors"]


@pytest.mark.parametrize("name", NAMES)
def test_safetensors(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.safetensors"
    arrays = {
        "a": array([[1.0, 2.0]]),
        "b%s": array([1, 2], mx.int8),
        "c": array([1.5], mx.bfloat16),
        "d": array([True, False]),
    }
    save_safetensors(path, arrays, {"note": "100%d"})
    loaded, metadata = load_safetensors(path)
    assert {key: value.tolist() for key, value in loaded.items()} == {
        key: value.tolist() for key, value in arrays.items()
    }
    assert {key: value.dtype for key, value in loaded.items()} == {
        key: value.dtype for key, value in arrays.items()
    }
    assert metadata["note"] == "100%d"


def test_gguf(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    arrays = {"w.weight": array([[1.0, 2.0], [3.0, 4.0]]), "h": array([1.0], mx.float16)}
    metadata = {"general.name": "a%s", "list": ["x", "y"], "number": array(3, mx.uint32)}
    save_gguf(path, arrays, metadata)
    loaded, found = load_gguf(path)
    assert loaded["w.weight"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert loaded["h"].dtype is mx.float16
    assert found["general.name"] == "a%s"
    assert found["list"] == ["x", "y"]
    number = found["number"]
    assert isinstance(number, array)
    assert number.item() == 3


def test_file_objects() -> None:
    buffer = io.BytesIO()
    save_npy(buffer, array([1, 2]))
    buffer.seek(0)
    assert load_npy(buffer).tolist() == [1, 2]
    buffer = io.BytesIO()
    save_safetensors(buffer, {"a": array([1, 2])})
    buffer.seek(0)
    loaded, _ = load_safetensors(buffer)
    # The file object may go before the values are used.
    buffer.close()
    assert loaded["a"].tolist() == [1, 2]


class Broken(io.BytesIO):
    def read(self, _size: int | None = -1) -> bytes:
        raise ZeroDivisionError("broken")


LOADERS: list[Callable[[Any], Any]] = [load_npy, load_safetensors, load_gguf]


def test_an_exception_of_a_file_object_comes_out() -> None:
    for load in LOADERS[:2]:
        with pytest.raises((ZeroDivisionError, OSError)):
            load(Broken(b"x" * 100))
        with pytest.raises(OSError):
            load(io.BytesIO(b"short"))
        with pytest.raises(TypeError, match="file must be"):
            load(object())
        with pytest.raises(TypeError, match="file must be"):
            load(3)


@pytest.mark.parametrize("load", LOADERS)
def test_missing_files(tmp_path: Path, load: Callable[[Any], Any]) -> None:
    for name in NAMES:
        with pytest.raises(FileNotFoundError, match=name):
            load(tmp_path / name)
    with pytest.raises(OSError):
        load(tmp_path)
    with pytest.raises(ValueError, match="null"):
        load("a\0b")


@pytest.fixture
def whole_files(tmp_path: Path) -> dict[Callable[[Any], Any], bytes]:
    arrays = {"weight": array(np.arange(64, dtype=np.float32))}
    names = ("a.npy", "b.safetensors", "c.gguf")
    save_npy(tmp_path / names[0], arrays["weight"])
    save_safetensors(tmp_path / names[1], arrays)
    save_gguf(tmp_path / names[2], arrays, {"general.name": "m"})
    return {load: (tmp_path / name).read_bytes() for load, name in zip(LOADERS, names, strict=True)}


@pytest.mark.parametrize("load", LOADERS)
def test_truncated_files(
    tmp_path: Path, whole_files: dict[Callable[[Any], Any], bytes], load: Callable[[Any], Any]
) -> None:
    whole = whole_files[load]
    path = tmp_path / "short"
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(OSError):
            load(path)


@pytest.mark.parametrize("load", LOADERS)
def test_damaged_files_never_crash(
    tmp_path: Path, whole_files: dict[Callable[[Any], Any], bytes], load: Callable[[Any], Any]
) -> None:
    whole = whole_files[load]
    path = tmp_path / "damaged"
    refused = set()
    for position in range(min(len(whole), 160)):
        for value in (0x00, 0xFF, whole[position] ^ 0x10):
            path.write_bytes(whole[:position] + bytes([value]) + whole[position + 1 :])
            try:
                loaded = load(path)
                values = [loaded] if isinstance(loaded, array) else list(loaded[0].values())
                mx.transforms.eval(values)
            except (OSError, ValueError, RuntimeError):
                refused.add(position)
    # Each format begins with what every reader has to look at.
    assert {0, 1, 2, 3} <= refused


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "missing" / "x"
    saves: tuple[Callable[[], None], ...] = (
        lambda: save_npy(target, array([1])),
        lambda: save_safetensors(target, {"a": array([1])}),
        lambda: save_gguf(target, {"a": array([1.0])}),
    )
    for save in saves:
        with pytest.raises(OSError):
            save()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.safetensors"
    save_safetensors(path, {"a": array([1])})
    before = path.read_bytes()
    broken = mx.ops.reshape(array([1.0]), (1,))
    with pytest.raises(TypeError):
        save_safetensors(path, {"a": broken, "b": "text"})  # type: ignore[dict-item]
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["kept.safetensors"]
