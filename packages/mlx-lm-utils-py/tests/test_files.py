"""Model files: GGUF, safetensors, the hub. Damaged ones are exceptions, never more."""

import contextlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import mlx_core_py as mx
import numpy as np
import pytest
from gguf_writer import write_gguf
from huggingface_hub.errors import LocalEntryNotFoundError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlx_lm_utils_py import get_model_path, load_safetensors, read_gguf_header

F32, F16, Q8_0, BF16, Q2_0 = 0, 1, 8, 30, 42
METADATA: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.embedding_length": 32,
    "llama.block_count": 1,
    "llama.feed_forward_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.context_length": 128,
}


def floats(*shape: int) -> tuple[int, tuple[int, ...], bytes]:
    return F32, shape, np.arange(np.prod(shape), dtype=np.float32).tobytes()


def test_gguf_header(tmp_path: Path) -> None:
    metadata = {"a": 3, "b": True, "c": "é", "d": ["x", ""], "e": [1.5, 2.0], "f": -0.5}
    path = write_gguf(tmp_path / "m.gguf", metadata, {"t": floats(2, 3)})
    header = read_gguf_header(path)
    assert header.metadata == metadata
    assert header.tensors["t"].shape == (2, 3)
    assert header.tensors["t"].ggml_type == "F32"


def test_gguf_tensors(tmp_path: Path) -> None:
    """Where the data of each tensor is, and how many bytes it has."""
    content = {
        "a": (F32, (3, 2), np.arange(6, dtype=np.float32).tobytes()),
        "b": (BF16, (5,), bytes(range(10))),
        "c": (Q8_0, (2, 64), bytes(range(136))),
        "d": (F16, (1,) * 8, b"xy"),
    }
    path = write_gguf(tmp_path / "m.gguf", METADATA, content)
    tensors = read_gguf_header(path).tensors
    assert {name: tensor.ggml_type for name, tensor in tensors.items()} == {
        "a": "F32",
        "b": "BF16",
        "c": "Q8_0",
        "d": "F16",
    }
    for name, (_, shape, data) in content.items():
        tensor = tensors[name]
        assert (tensor.shape, tensor.nbytes) == (shape, len(data))
        assert path.read_bytes()[tensor.offset :][: tensor.nbytes] == data


@pytest.mark.parametrize("code", range(48))
def test_gguf_types_are_those_that_can_be_loaded(tmp_path: Path, code: int) -> None:
    """The reader of headers and the framework agree on what is supported."""
    path = write_gguf(tmp_path / "m.gguf", METADATA, {"a.weight": (code, (256,), bytes(2048))})
    try:
        arrays = mx.load(str(path))
    except OSError:
        with pytest.raises(ValueError, match=r"which is not supported|unknown type \d+: a\.weight"):
            read_gguf_header(path)
    else:
        assert "a.weight" in arrays
        assert read_gguf_header(path).tensors["a.weight"].shape == (256,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"general.alignment": 7}, "alignment"),
        ({"general.alignment": "x"}, "alignment"),
    ],
)
def test_wrong_gguf_metadata(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = write_gguf(tmp_path / "m.gguf", METADATA | change, {"output.weight": floats(4, 32)})
    with pytest.raises(ValueError, match=message):
        read_gguf_header(path)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a\0.weight": floats(4)}, "name with a null character"),
        ({"": floats(4)}, "name of 0 bytes"),
        ({"a": (99, (4,), bytes(16))}, "unknown type 99: a"),
        ({"a": (Q2_0, (2, 64), bytes(36))}, "'a' is of GGML type Q2_0, which is not supported"),
        ({"a": (Q8_0, (2, 33), bytes(99))}, "type Q8_0 whose rows are no whole blocks: a"),
        ({"a": (F32, (2**40,), b"")}, "too large: a"),
        ({"a": (F32, (2**20, 2**20, 2**20), b"")}, "truncated"),
        ({"a": (F32, (1,) * 9, bytes(4))}, "too many dimensions: a"),
        ({"a": (F32, (100,), bytes(396))}, "truncated"),
    ],
)
def test_wrong_gguf_tensors(tmp_path: Path, tensors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_gguf_header(write_gguf(tmp_path / "m.gguf", METADATA, tensors, pad=1))


def test_gguf_data_must_be_aligned(tmp_path: Path) -> None:
    tensors = {"a": floats(1), "b": floats(1)}
    with pytest.raises(ValueError, match="not aligned: b"):
        read_gguf_header(write_gguf(tmp_path / "m.gguf", METADATA, tensors, pad=1))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGML" + bytes(40), b"PK\3\4" + bytes(99)])
def test_not_gguf(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a GGUF file"):
        read_gguf_header(path)


def test_gguf_version(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="version 1"):
        read_gguf_header(write_gguf(tmp_path / "m.gguf", {}, version=1))


def test_missing_gguf(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.gguf"):
        read_gguf_header(tmp_path / "none.gguf")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damaged_gguf_is_a_value_error_or_fine(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "m.gguf"
    write_gguf(path, METADATA | {"tokens": ["a", "b"]}, {"output.weight": floats(4, 32)})
    content = bytearray(path.read_bytes())
    content = content[: data.draw(st.integers(0, len(content)))]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            at = data.draw(st.integers(0, len(content) - 1))
            content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(ValueError):
        read_gguf_header(path)


def test_safetensors_of_a_folder(tmp_path: Path) -> None:
    mx.save_safetensors(str(tmp_path / "a.safetensors"), {"x": mx.ones((2, 3))})
    mx.save_safetensors(str(tmp_path / "b.safetensors"), {"y": mx.zeros((4,), mx.float16)})
    weights = load_safetensors(tmp_path)
    assert {name: value.shape for name, value in weights.items()} == {"x": (2, 3), "y": (4,)}


def write_index(folder: Path, content: Any) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))


def test_safetensors_with_an_index(tmp_path: Path) -> None:
    mx.save_safetensors(str(tmp_path / "a.safetensors"), {"x": mx.ones((2, 3))})
    mx.save_safetensors(str(tmp_path / "unused.safetensors"), {"z": mx.ones((1,))})
    write_index(tmp_path, {"weight_map": {"x": "a.safetensors"}})
    assert list(load_safetensors(tmp_path)) == ["x"]
    write_index(tmp_path, {"weight_map": {"x": "a.safetensors", "y": "a.safetensors"}})
    with pytest.raises(ValueError, match="the weight 'y', which no file holds"):
        load_safetensors(tmp_path)
    write_index(tmp_path, {"weight_map": {"x": "b.safetensors"}})
    with pytest.raises(FileNotFoundError, match=r"b\.safetensors"):
        load_safetensors(tmp_path)


def test_safetensors_twice(tmp_path: Path) -> None:
    for name in "ab":
        mx.save_safetensors(str(tmp_path / f"{name}.safetensors"), {"x": mx.ones((1,))})
    with pytest.raises(ValueError, match="two weights named 'x'"):
        load_safetensors(tmp_path)


def test_no_safetensors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \*\.safetensors"):
        load_safetensors(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../a.safetensors", "/a.safetensors", "x/a.safetensors", "..\\a.safetensors", "", "..", "C:a",
     "a.gguf", 3, None],
)  # fmt: skip
def test_an_index_cannot_leave_its_folder(tmp_path: Path, name: Any) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    mx.save_safetensors(str(tmp_path / "a.safetensors"), {"x": mx.ones((1,))})
    write_index(folder, {"weight_map": {"x": name}})
    with pytest.raises(ValueError, match="names"):
        load_safetensors(folder)


@pytest.mark.parametrize("content", [{}, {"weight_map": []}, {"weight_map": {}}])
def test_wrong_index(tmp_path: Path, content: Any) -> None:
    write_index(tmp_path, content)
    with pytest.raises(ValueError, match="no 'weight_map'"):
        load_safetensors(tmp_path)


def entry(**change: Any) -> dict[str, Any]:
    return {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | change}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{ ", "no JSON"),
        (b"[]", "no JSON object"),
        ({"x": 3}, "malformed"),
        (entry(shape="ab"), "malformed"),
        (entry(shape=[-2]), "malformed"),
        (entry(shape=[True]), "malformed"),
        (entry(data_offsets=[8]), "malformed"),
        (entry(dtype="F4"), "unsupported type F4"),
        (entry(shape=[3]), "do not fit"),
        (entry(data_offsets=[8, 0]), "do not fit"),
        (entry(shape=[4], data_offsets=[0, 16]), "runs past its end"),
        (entry(shape=[2**31, 2]), "senseless shape"),
    ],
)
def test_damaged_safetensors(tmp_path: Path, header: Any, message: str) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(ValueError, match=message):
        load_safetensors(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\xff" * 16, struct.pack("<Q", 50) + b"{}"])
def test_truncated_safetensors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="truncated or not a safetensors"):
        load_safetensors(tmp_path)


def test_a_path_goes_before_the_hub(tmp_path: Path) -> None:
    assert get_model_path(tmp_path) == tmp_path


@pytest.mark.parametrize("name", ["", "nothing.gguf", "/no/such/folder", "a/b/c", "-x/y"])
def test_what_is_no_repository_is_not_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        get_model_path(name)


def listing(files: list[str]) -> Callable[..., SimpleNamespace]:
    """Stands for what asks the hub about a repository."""
    siblings = [SimpleNamespace(rfilename=name) for name in files]
    return lambda *_, **__: SimpleNamespace(siblings=siblings)


def test_a_repository_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        assert "*.safetensors" in allow_patterns
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    files = ["config.json", "model.safetensors", "model-Q4_K_M.gguf"]
    monkeypatch.setattr(huggingface_hub, "model_info", listing(files))
    assert get_model_path("someone/model", revision="v1") == tmp_path
    assert asked == [("someone/model", "v1")]


def test_an_unreachable_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: Any, **__: Any) -> str:
        raise ConnectionError("no connection\nmore words")

    def download(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("it is not in the cache")

    monkeypatch.setattr(huggingface_hub, "model_info", ask)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(FileNotFoundError, match=r"someone/model .* hub: no connection$"):
        get_model_path("someone/model")


FILES = ["README.md", "config.json", "m-Q4_0.gguf", "m-Q8_0.gguf", "mmproj-F16.gguf"]
SPLIT = [f"Q2_K/m-Q2_K-0000{i}-of-00003.gguf" for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        ("a/b:Q8_0", FILES, ["m-Q8_0.gguf"]),
        ("a/b:q8_0", FILES, ["m-Q8_0.gguf"]),
        ("a/b/m-Q4_0.gguf", FILES, ["m-Q4_0.gguf"]),
        ("a/b", ["m-Q8_0.gguf", "mmproj-m.gguf"], ["m-Q8_0.gguf"]),
        ("a/b", [*FILES, "m-Q4_K_M.gguf"], ["m-Q4_K_M.gguf"]),
        ("a/b:Q2_K", [*FILES, *SPLIT], SPLIT),
        (f"a/b/{SPLIT[0]}", [*FILES, *SPLIT], SPLIT),
    ],
)
def test_one_file_of_many_is_downloaded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    files: list[str],
    expected: list[str],
) -> None:
    asked = []

    def download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "model_info", listing(files))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert get_model_path(name) == tmp_path / expected[0]
    assert asked == [("a/b", expected)]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("a/b", ValueError, r"several GGUF files; name one: m-Q4_0\.gguf, m-Q8_0\.gguf"),
        ("a/b:Q5_0", FileNotFoundError, r"no GGUF file of kind 'Q5_0'; .* m-Q8_0\.gguf"),
        ("a/b/x.gguf", FileNotFoundError, r"no such file; GGUF files there: m-Q4_0"),
    ],
)
def test_one_file_of_many_is_not_said(
    monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception], message: str
) -> None:
    monkeypatch.setattr(huggingface_hub, "model_info", listing(FILES))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    with pytest.raises(error, match=message):
        get_model_path(name)


def test_a_stale_index(tmp_path: Path) -> None:
    """Shards that became one file leave an index behind."""
    mx.save_safetensors(str(tmp_path / "model.safetensors"), {"a": mx.zeros(2)})
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert list(load_safetensors(tmp_path)) == ["a"]


def test_the_cache_works_offline(tmp_path: Path) -> None:
    """A repository in the cache of the hub's library, as a download leaves it."""
    repository = tmp_path / "models--someone--model"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    code = "import mlx_lm_utils_py as m; print(m.get_model_path('someone/model'))"
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert Path(result.stdout.strip()) == snapshot
