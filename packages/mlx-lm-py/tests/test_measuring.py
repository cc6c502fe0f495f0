"""What measures models: quantize, bench with numbers of threads, show by kinds of layers."""

import json
import re
from pathlib import Path

import mlx_core_py as mx
import pytest
from command_line import run_main, use_model
from gguf import GGUFReader
from mlx_lm_py import cli
from tiny_models import FIXTURES, read_weights


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model in place of the default one, in an empty folder, without a hub."""
    return use_model(tmp_path, monkeypatch)


def run(arguments: list[str]) -> int:
    return run_main(cli.main, arguments)


def test_quantize(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    how = ["--group-size", "32", "--bits", "4", "-c", "32", "--chunks", "3"]
    Path("t.txt").write_text("Some words about pears, apples and quinces. " * 9)
    assert run(["quantize", str(model), "q", *how, "-f", "t.txt", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    tensors = GGUFReader(model).tensors
    before = sum(int(t.n_bytes) for t in tensors)
    count = sum(int(t.n_elements) for t in tensors)
    assert record["bytes_before"] == before
    assert record["bits_per_weight_before"] == pytest.approx(8 * before / count, abs=1e-3)
    weights = mx.load("q/model.safetensors")
    after = sum(value.nbytes for value in weights.values())
    assert record["bytes"] == after < before
    assert record["bits_per_weight"] == pytest.approx(8 * after / count, abs=1e-3)
    measured = ["-f", "t.txt", "-c", "32", "--chunks", "3", "--json"]
    assert run(["perplexity", "-m", "q", "--against", str(model), *measured]) == 0
    expected = json.loads(capsys.readouterr().out)
    names = ["perplexity", "perplexity_of_the_other", "kl_divergence", "same_top_token"]
    for name in names:
        assert record[name] == pytest.approx(expected[name], rel=1e-5)
    assert record["kl_divergence"] > 0
    assert run(["quantize", str(model), "q", *how]) == 1
    assert "q exists already" in capsys.readouterr().err
    assert run(["quantize", str(model), "r", *how, "--chunks", "0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["before", "size", "bits"]


def test_quantize_to_a_gguf_file(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["quantize", str(model), "q.gguf", "--type", "Q8_0", "--chunks", "1"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^same top token +\d\.\d{4} ± ", out, re.M)
    kinds = {t.tensor_type.name for t in GGUFReader("q.gguf").tensors}
    assert kinds == {"Q8_0", "F32"}


def test_quantize_leaves_nothing_behind(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.txt").write_text("x")
    for more, message in (
        (["-f", "t.txt"], "the text must have at least two tokens"),
        (["--recipe", "mixed_9_9"], "mixed_9_9"),
        (["--mode", "mxfp4", "--bits", "5"], "bits"),
    ):
        assert run(["quantize", str(model), "q", *more]) == 1
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1
        assert [path.name for path in Path().iterdir()] == ["t.txt"]


def test_bench_with_several_numbers_of_threads(
    model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["-p", "8", "-g", "2", "-r", "2", "-o", "json", "-m", str(model)]
    assert run(["bench", "-t", "1,2", *arguments]) == 0
    records = json.loads(capfd.readouterr().out)
    tests = [(record["threads"], record["test"]) for record in records]
    assert tests == [(1, "pp8"), (1, "tg2"), (2, "pp8"), (2, "tg2")]
    assert all(len(record["rates"]) == 2 for record in records)
    assert run(["bench", "-t", "1,2", *arguments[:-1], "no.gguf"]) == 1
    err = capfd.readouterr().err.splitlines()
    assert err[0] == "mlx-lm-py: error: no such file or folder: no.gguf"
    assert err[1:] == ["mlx-lm-py: error: could not measure with 1 threads"]
    assert run(["bench", "-t", "0,1"]) == 2


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("llama", {"attention"}),
        ("deepseek_v2", {"latent attention"}),
        ("lfm2", {"attention", "short convolution"}),
        ("gemma3_text", {"attention", "attention, window of 16"}),
        ("falcon_h1", {"attention", "Mamba-2"}),
    ],
)
def test_show_says_what_each_kind_of_layer_keeps(
    name: str, kinds: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text((FIXTURES / name / "config.json").read_text())
    mx.save_safetensors(str(tmp_path / "model.safetensors"), read_weights(name))
    assert run(["show", str(tmp_path), "--json", "-c", "32"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["cache"].keys() == kinds
    assert sum(kind["bytes"] for kind in record["cache"].values()) == record["cache_bytes"]
    layers = sum(kind["layers"] for kind in record["cache"].values())
    assert layers == record["layers"] * (2 if name == "falcon_h1" else 1)
    assert run(["show", str(tmp_path), "-c", "32"]) == 0
    out = capsys.readouterr().out
    for kind in kinds:
        assert re.search(rf"^  {kind} +\d+ layers?, .* of cache$", out, re.M)
