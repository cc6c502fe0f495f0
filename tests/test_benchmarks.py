"""The benchmark of the CPU runs, and its sides compute the same.

The peers that no test needs are optional there; what is installed takes part.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import bench_gguf
import mlx_core_py as mx
import numpy as np
import pytest
from cpu import ops_worker, page, results, timing
from cpu.scaling import fitted_exponent, sizes_between, thread_counts
from gguf_types import divergence, speed
from gguf_types import report as gguf_report
from mlx_lm_py import load
from training import parts as training_parts
from training import problem as training_problem
from training import report as training_report

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SCRIPT = BENCHMARKS / "bench_cpu.py"
KEPT = sorted(BENCHMARKS.glob("results/cpu-*.json"))


def run(*arguments: str) -> str:
    """What the benchmark prints."""
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick", *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_section_of_numpys_breadth() -> None:
    script = str(BENCHMARKS / "bench_numpy.py")
    options = ["--quick", "--threads", "1", "linalg", "--rows", "det 16"]
    command = [sys.executable, script, *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (cells,) = rows_of_table(done.stdout, "det")
    assert cells[0] == "det 16x16"
    assert cells[1].endswith("s")
    assert float(cells[-1]) > 0
    assert "below 1: " in done.stdout


def rows_of_table(output: str, first: str) -> list[list[str]]:
    """The cells of the lines of a table that begin with a text."""
    lines = [line for line in output.splitlines() if line.startswith(f"| {first}")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("name", sorted(set(ops_worker.ROWS) - {"random normal"}))
def test_sides_agree(name: str) -> None:
    row = ops_worker.ROWS[name]

    sides = ops_worker.calls(row, row.sizes[0], list(ops_worker.SIDES))
    # Not all can be given to NumPy as they are.
    results = {side: np.array(call().tolist()) for side, call in sides.items()}
    if not row.alike:
        results.pop("torch", None)
    expected = results.pop("stock")
    for side, result in results.items():
        np.testing.assert_allclose(result, expected, 1e-3, 1e-3, err_msg=side)


def test_every_row_has_sizes_that_grow() -> None:
    assert len([row for row in ops_worker.ROWS.values() if row.alike]) == 30
    for row in ops_worker.ROWS.values():
        assert list(row.sizes) == sorted(set(row.sizes))
        assert sizes_between(*row.sizes[1:])[:: len(row.sizes)] == list(row.sizes[1:])


def test_the_least_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(timing, "time", SimpleNamespace(sleep=sleep, perf_counter=lambda: now))
    # The first call is the fastest and does not count; only one of the slow ones has time.
    durations = {"a": iter([0.001, 0.03, 0.02, *[0.025] * 9]), "b": iter([2.0] * 2)}
    sides = {name: lambda name=name: sleep(next(durations[name])) for name in durations}
    assert timing.least_times(sides, 3) == pytest.approx({"a": 0.02, "b": 2.0})
    assert not list(durations["b"])


def test_mean_and_exponent() -> None:
    assert timing.geometric_mean([1, 4, 16]) == pytest.approx(4)
    assert fitted_exponent({n: 3.0 * n**2.5 for n in (32, 64, 512)}) == pytest.approx(2.5)
    assert thread_counts(1) == [1]
    assert thread_counts(6) == [1, 2, 4, 6]


def test_unknown_section() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "nothing"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no such section: nothing" in done.stderr


def test_operations(tmp_path: Path) -> None:
    output = run("ops", "--rows", "softmax", "--save", str(tmp_path / "cpu-new"))
    ((_, size, ours, *_),) = rows_of_table(output, "softmax")
    assert size == "1"
    assert ours.endswith("µs")
    assert rows_of_table(output, "stock MLX")
    # What is kept is what was printed.
    kept = results.load(tmp_path / "cpu-new.json")
    assert kept["quick"]
    assert kept["versions"]["mlx-sys-py"]
    assert f"{page.introduction(kept)}\n{page.section(kept, 'ops')}\n" == output
    assert kept["sections"]["ops"]["rows"][0]["ours"] > 0


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_kept_results(path: Path) -> None:
    kept = results.load(path)
    assert kept["commit"]
    assert not kept["quick"]
    assert list(kept["sections"]) == list(page.SECTIONS)
    for name, found in kept["sections"].items():
        module = page.SECTIONS[name]
        # Some operations have several sizes, each in a line of its own.
        lines = module.markdown(found).splitlines()
        assert len([line for line in lines if line.startswith("|")]) > len(found["rows"])
        assert module.height(found) > 1
    # A file that is written again is the same file.
    assert f"{results.layout(kept)}\n" == path.read_text()


@pytest.mark.slow
def test_scaling() -> None:
    output = run("scaling", "--rows", "softmax", "--threads", "2")
    ((_, *cells),) = rows_of_table(output, "softmax")
    assert cells[0] == "n^1"
    assert all(math.isfinite(float(cell.removeprefix("n^"))) for cell in cells)


@pytest.mark.slow
def test_training() -> None:
    output = run("training")
    assert rows_of_table(output, "perceptron")
    assert rows_of_table(output, "transformer")


def run_training(*arguments: str) -> str:
    """What the benchmark of training prints."""
    script = str(BENCHMARKS / "bench_training.py")
    done = subprocess.run(
        [sys.executable, script, *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Official MLX takes minutes for the larger ones.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("models", "sides"),
    [
        (["mlp"], ["ours", "torch", "mlx"]),
        (["transformer", "transformer_bf16", "lora", "resnet", "lstm"], ["ours", "torch"]),
    ],
)
def test_steps_of_training(models: list[str], sides: list[str], tmp_path: Path) -> None:
    saved = tmp_path / "found.json"
    options = ["--quick", "--threads", "1", "--sides", *sides, "--save", str(saved)]
    titles = [training_problem.MODELS[model].title for model in models]
    output = run_training(*options, "--rows", *titles)
    rows = json.loads(saved.read_text())["rows"]
    assert [row["row"] for row in rows] == models
    for row, title in zip(rows, titles, strict=True):
        assert f"| {title} | 1 |" in output
        assert all(value > 0 for value in [*row["times"].values(), *row["bytes"].values()])
        assert set(row["ratios"]) == set(row["times"]) - {"ours"}


@pytest.mark.slow
def test_parts_of_training(tmp_path: Path) -> None:
    saved = tmp_path / "found.json"
    options = ["--quick", "--threads", "1", "--sides", "ours", "torch", "mlx"]
    words = ["1 of 4 x 4", "512 of 256", "16 x 65536"]
    output = run_training(*options, "--save", str(saved), "--rows", *words)
    rows = json.loads(saved.read_text())["rows"]
    assert len(rows) == 3 + 2 + 1
    assert all(f"| {row['row']} | 1 |" in output for row in rows)
    assert "geometric mean of the parts" in output
    assert run_training("--show", str(saved)) == output[output.index("| one step") :]
    # One more row, and one anew.
    run_training(*options, "--save", str(saved), "--rows", "512 of 256", "1024 of 768")
    names = [row["row"] for row in json.loads(saved.read_text())["rows"]]
    assert len(names) == len(set(names)) == 8


def test_a_word_that_is_in_no_row() -> None:
    script = str(BENCHMARKS / "bench_training.py")
    command = [sys.executable, script, "--rows", "nothing"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no row has a name with nothing" in done.stderr


def found(row: str, threads: int, torch: float) -> training_report.Found:
    """What was found of a row, with a step of a second of ours."""
    times = {"ours": 1.0, "torch": torch}
    bytes_of = times if row in training_problem.MODELS else {}
    return {
        "row": row,
        "threads": threads,
        "times": times,
        "bytes": dict.fromkeys(bytes_of, 10**6),
        "ratios": {"torch": torch},
    }


def test_the_table_has_a_mean_for_each_kind_of_row_and_number_of_threads() -> None:
    part = training_parts.PARTS[0].title
    rows = [found("mlp", 2, 3), found("lstm", 1, 2), found(part, 1, 5), found("mlp", 1, 8)]
    table = training_report.markdown(rows).splitlines()[2:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table]
    assert [line[1] for line in cells] == ["1", "2", "1", "1", "1", "2", "1"]
    assert [line[4] for line in cells] == ["8.00", "3.00", "2.00", "5.00", "4.00", "3.00", "5.00"]
    assert [line[0] for line in cells[3:]] == [
        part,
        "geometric mean of the steps",
        "geometric mean of the steps",
        "geometric mean of the parts",
    ]
    assert [line[5] for line in cells[:4]] == ["1 MB", "1 MB", "1 MB", ""]


@pytest.mark.parametrize("change", ["order", "sign", "size"])
def test_results_of_parts_that_differ_are_told(change: str) -> None:
    values = np.random.default_rng(0).standard_normal((30, 7))
    other = {"order": values[::-1], "sign": -values, "size": values * 1.01}[change]
    summaries = [training_parts.summary([x]) for x in (values, other)]
    training_parts.check_agreement({"ours": summaries[0], "torch": summaries[0]})
    with pytest.raises(ValueError, match="different"):
        training_parts.check_agreement({"ours": summaries[0], "torch": summaries[1]})


def test_losses_that_differ_are_told() -> None:
    training_problem.check_agreement({"ours": [2.0, 1.0], "torch": [2.0, 1.001]}, 1e-2)
    with pytest.raises(ValueError, match="different"):
        training_problem.check_agreement({"ours": [2.0, 1.0], "torch": [2.0, 1.1]}, 1e-2)
    with pytest.raises(ValueError, match="fall"):
        training_problem.check_agreement({"ours": [2.0, 2.0]}, 1e-2)


@pytest.mark.slow
@pytest.mark.model
def test_text() -> None:
    output = run("text")
    assert float(rows_of_table(output, "decode at 8")[0][1]) > 0
    assert float(rows_of_table(output, "prefill of 32")[0][1]) > 0
    assert rows_of_table(output, "prefill of 32, bfloat16")


@pytest.mark.slow
def test_models(tmp_path: Path) -> None:
    """Files of random weights are read, and give numbers: NaN would choose no tokens."""
    saved, files = tmp_path / "found.json", tmp_path / "files"
    command = [sys.executable, str(BENCHMARKS / "bench_models.py"), "--quick", "--threads", "1"]
    command += ["--save", str(saved), "--files", str(files)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(saved.read_text())
    names = [model["name"] for model in found["models"]]
    assert names == ["dense", "experts", "hybrid", "windows", "latent"]
    tasks = [(row["model"], row["task"]) for row in found["rows"]]
    assert tasks == [(name, task) for name in names for task in ("decode at 16", "prefill 16")]
    assert all(value > 0 for row in found["rows"] for value in row["rates"].values())
    assert "| latent, decode at 16 |" in done.stdout
    for name in names:
        model, _ = load(files / f"{name}.gguf")
        logits = model(mx.arange(20)[None])
        assert bool(mx.isfinite(logits).all())


@pytest.mark.slow
@pytest.mark.model
def test_engine(tmp_path: Path) -> None:
    saved = tmp_path / "found.json"
    command = [sys.executable, str(BENCHMARKS / "bench_engine.py"), "--quick", "--save", str(saved)]
    done = subprocess.run([*command, "--threads", "1"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(saved.read_text())["rows"]
    assert [row["task"] for row in rows] == [
        "decode alone, context 16",
        "decode alone, context 2048",
        "a prompt of 64",
        "1 sequences at once",
        "4 sequences at once",
        "16 sequences at once",
        "first token, 64 read before",
        "editing, guesses from the text",
        "JSON of a schema",
    ]
    assert all(value > 0 for row in rows for value in row["values"].values())
    assert "| JSON of a schema, tokens/s |" in done.stdout


def test_divergence_of_predictions() -> None:
    base, other = np.log([[0.5, 0.5], [0.9, 0.1]]), np.log([[0.5, 0.5], [0.5, 0.5]])
    expected = [0.0, 0.9 * math.log(1.8) + 0.1 * math.log(0.2)]
    np.testing.assert_allclose(divergence.divergence(base, other), expected, atol=1e-12)


def gguf_row(kind: str, ours: float, llama: float | None) -> speed.Row:
    def reached(rate: float) -> speed.Reached:
        return {"load": 1 / rate, "decode": rate, "prefill": 8 * rate, "memory": [10, 120, 200]}

    sides = {"ours": reached(ours), "llama": reached(llama) if llama else None}
    return {
        "model": "smollm2",
        "type": kind,
        "threads": 1,
        "bytes": 100,
        "weights": 800,
        "token_bytes": 400,
        "rate": 40_000.0,
        "sides": sides,
    }


def test_report_of_gguf_types(tmp_path: Path) -> None:
    rows = [gguf_row("Q4_0", 40, 10), gguf_row("Q4_K_M", 50, 50), gguf_row("F16", 30, None)]
    lines = rows_of_table(gguf_report.speed_table(rows), "Q4_0")
    assert lines == [["Q4_0", "40", "10", "4.00", "320", "80", "4.00", "0.0", "0.40"]]
    ((_, _, refused, against, *_),) = rows_of_table(gguf_report.speed_table(rows), "F16")
    assert (refused, against) == ("refused", "-")
    # Of 4 and 1: what one side refuses is in no mean.
    assert gguf_report.mean(rows, "decode", "llama") == pytest.approx(2)
    ((_, size, *cells),) = rows_of_table(gguf_report.memory_table(rows), "F16")
    assert (size, cells[-2:]) == ("0 MB", ["1.10", "-"])
    kept: results.Results = {
        "commit": None,
        "quick": False,
        "machine": {"processor": "P", "instructions": "I", "processors": 1, "threads": 1},
        "versions": {"python": "3"},
        "sections": {"speed": rows, "divergence": []},
    }
    gguf_report.write(kept, tmp_path, "gguf-p")
    assert "![SmolLM2-135M](gguf-p-smollm2.svg)" in (tmp_path / "gguf-p.md").read_text("utf-8")
    assert (tmp_path / "gguf-p-smollm2.svg").is_file()


def test_measurements_in_pieces() -> None:
    old = {"speed": [gguf_row("F16", 1, 1), gguf_row("Q4_0", 1, 1)], "divergence": []}
    both = bench_gguf.merged(old, {"speed": [gguf_row("Q4_0", 2, 1), gguf_row("Q6_K", 3, 1)]})
    found = [(row["type"], row["sides"]["ours"]["decode"]) for row in both["speed"]]
    assert found == [("Q4_0", 2), ("Q6_K", 3), ("F16", 1)]


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.skipif(not find_spec("llama_cpp"), reason="llama.cpp makes the files")
def test_gguf(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "bench_gguf.py"), "--quick", "--threads", "1"]
    options = ["--types", "Q4_0", "--save", str(tmp_path / "found")]
    done = subprocess.run([*command, *options], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sections = json.loads((tmp_path / "found.json").read_text())["sections"]
    (row,), (far,) = sections["speed"], sections["divergence"]
    assert row["sides"]["ours"]["decode"] > 0
    assert row["sides"]["llama"]["prefill"] > 0
    # Weights of four bits and their scales, and some of more.
    assert 4.4 < 8 * row["token_bytes"] / row["weights"] < 6
    assert far["ways"]["exact"]["mean"] < far["ways"]["llama.cpp"]["mean"] < 0.1
    assert rows_of_table(done.stdout, "Q4_0")
