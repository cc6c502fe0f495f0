"""What ``show`` says of a model."""

import importlib
import json
import re
from pathlib import Path

import mlx_core_py as mx
import pytest
from command_line import run_main, use_model
from gguf import GGMLQuantizationType as TensorType
from gguf import GGUFReader
from gguf_files import make_gguf
from mlx_lm_py import cli, load
from mlx_lm_py.cache import make_prompt_cache
from mlx_lm_py.commands.common.model_facts import cache_bytes, facts_of
from mlx_lm_py.loading.gguf import load_gguf
from tiny_models import FIXTURES, make_folder


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model in place of the default one, in an empty folder, without a hub."""
    return use_model(tmp_path, monkeypatch)


def run(arguments: list[str]) -> int:
    return run_main(cli.main, arguments)


def test_show(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "--json", "-c", "512"]) == 0
    record = json.loads(capsys.readouterr().out)
    tensors = GGUFReader(model).tensors
    assert record["parameters"] == sum(int(t.n_elements) for t in tensors)
    assert record["weight_bytes"] == sum(int(t.n_bytes) for t in tensors)
    assert record["context"] == 4096
    assert record["supported"]
    assert record["chat_templates"] == ["default"]
    assert record["ends"] == ["</s>"]
    language_model, _ = load(model)
    cache = make_prompt_cache(language_model)
    mx.eval(language_model(mx.zeros((1, 512), mx.int32), cache=cache))
    width = cache[0].state[0].dtype.size
    assert record["cache_bytes"] * width == 2 * sum(layer.nbytes for layer in cache)
    assert run(["show"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^runs here +yes$", out, re.M)
    assert re.search(r"^  attention +F32 \(", out, re.M)
    assert run(["show", "--template"]) == 0
    assert capsys.readouterr().out.startswith("{% for m in messages %}")


def test_what_show_says_of_packed_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_gguf(tmp_path / "m.gguf", "llama", TensorType.Q8_0)
    assert run(["show", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["packed"] == {
        "repacked": ["Q8_0"],
        "as_in_the_file": [],
    }
    with monkeypatch.context() as patch:
        patch.setattr("mlx_core_py.gguf.prefers_blocks", lambda: True)
        assert run(["show", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["packed"] == {
        "repacked": [],
        "as_in_the_file": ["Q8_0"],
    }
    path = make_gguf(tmp_path / "n.gguf", "llama", TensorType.Q5_0)
    assert run(["show", str(path)]) == 0
    assert re.search(r"^on the CPU +Q5_0: as in the file$", capsys.readouterr().out, re.M)
    assert set(load_gguf(path)[1]["block_types"].values()) == {"Q5_0"}


@pytest.mark.parametrize("name", ["deepseek_v2", "lfm2", "gpt2", "mixtral"])
def test_the_memory_of_a_cache(name: str) -> None:
    facts = facts_of(FIXTURES / name)
    assert facts.decoder is not None
    model = importlib.import_module("mlx_lm_py.models").make_model(
        json.loads((FIXTURES / name / "config.json").read_text())
    )
    cache = make_prompt_cache(model)
    length = 100
    mx.eval(model(mx.zeros((1, length), mx.int32), cache=cache))
    held = sum(layer.nbytes for layer in cache)
    # A convolution keeps one input less than it has taps.
    assert cache_bytes(facts.decoder, length, 4) == pytest.approx(held, rel=0.05)


def test_show_says_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "martian"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert run(["show", str(tmp_path)]) == 0
    assert re.search(r"^runs here +no: the architecture 'martian'", capsys.readouterr().out, re.M)


def test_show_quantized(tmp_path: Path) -> None:
    make_folder(tmp_path)
    weights = mx.load(str(tmp_path / "model.safetensors"))
    name = "model.layers.0.mlp.gate_proj"
    columns = weights[f"{name}.weight"].shape[1]
    w, scales, biases = mx.quantize(weights.pop(f"{name}.weight"), group_size=32, bits=4)
    rows = w.shape[0]
    mx.save_safetensors(
        str(tmp_path / "model.safetensors"),
        {f"{name}.weight": w, f"{name}.scales": scales, f"{name}.biases": biases},
    )
    config = json.loads((tmp_path / "config.json").read_text())
    config["quantization"] = {"group_size": 32, "bits": 4}
    (tmp_path / "config.json").write_text(json.dumps(config))
    facts = facts_of(tmp_path)
    assert facts.types() == {"feed-forward": [("affine 4 bit", rows * columns), ("scales", 0)]}
    assert facts.nbytes == w.nbytes + scales.nbytes + biases.nbytes
