"""The benchmark of the CPU runs, and its sides compute the same.

The peers that no test needs are optional there; what is installed takes part.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cpu import ops_worker, page, results, timing
from cpu.scaling import fitted_exponent, sizes_between, thread_counts
from training import problem as training_problem

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
    script = str(BENCHMARKS / "bench_training.py")
    options = ["--quick", "--threads", "1", "--sides", *sides, "--save", str(saved)]
    command = [sys.executable, script, *models, *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for model in models:
        assert f"| {training_problem.MODELS[model].title} |" in done.stdout
    for row in json.loads(saved.read_text())["rows"]:
        assert all(value > 0 for value in [*row["times"].values(), *row["bytes"].values()])
        assert set(row["ratios"]) == set(row["times"]) - {"ours"}


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
