"""Training ends where it should, resumes with the same numbers, and loses nothing."""

import importlib
import json
import signal
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
import numpy as np
import pytest
from comparing import normal
from mlx_core_py import nn
from mlx_core_py.training import Batches, Checkpoints, JsonLines, TensorBoard, Trainer, plot

DATA = {"x": normal(40, 3), "y": normal(40, 1, seed=1)}


def loss(model: Any, batch: Any) -> mx.array:
    return nn.losses.mse_loss(model(batch["x"]), batch["y"])


def trainer(seed: int = 0, **options: Any) -> Trainer:
    mx.random.seed(seed)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm(8), nn.Dropout(0.3), nn.Linear(8, 1))
    optimizer = optim.AdamW(optim.cosine_decay(0.05, 60), bias_correction=True)
    return Trainer(model, optimizer, loss, **options)


def parameters(model: nn.Module) -> list[tuple[str, Any]]:
    return [(path, np.array(x)) for path, x in mx.utils.tree_flatten(model.parameters())]


def same(a: list[tuple[str, Any]], b: list[tuple[str, Any]]) -> bool:
    return all(p == q and np.array_equal(x, y) for (p, x), (q, y) in zip(a, b, strict=True))


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("kind", ["columns", "lists", "examples"])
def test_batches_go_through_the_data(kind: str, prefetch: int) -> None:
    data: Any = {"x": np.arange(7), "name": [str(i) for i in range(7)]}
    if kind == "lists":
        data["x"] = list(range(7))
    if kind == "examples":
        data = [{"x": i, "name": str(i)} for i in range(7)]
    batches = Batches(data, 2, drop_last=False, prefetch=prefetch, seed=3)
    assert len(batches) == 4
    epochs = [list(batches) for _ in range(3)]
    orders = [[i for batch in epoch for i in batch["x"].tolist()] for epoch in epochs]
    for order, epoch in zip(orders, epochs, strict=True):
        assert sorted(order) == list(range(7))
        assert [name for batch in epoch for name in batch["name"]] == [str(i) for i in order]
    assert orders[0] != orders[1]
    again = Batches(data, 2, drop_last=False, seed=3)
    assert [i for batch in again for i in batch["x"].tolist()] == orders[0]
    assert len(Batches(data, 2)) == 3


def test_batches_resume_in_the_middle_of_an_epoch() -> None:
    batches = Batches({"x": list(range(10))}, 2)
    seen = [batch["x"].tolist() for _, batch in zip(range(3), batches, strict=False)]
    resumed = Batches({"x": list(range(10))}, 2)
    resumed.state = batches.state
    rest = [batch["x"].tolist() for batch in resumed]
    whole = [batch["x"].tolist() for batch in Batches({"x": list(range(10))}, 2)]
    assert batches.state == {"epoch": 0, "position": 3}
    assert seen + rest == whole


def test_an_error_in_the_thread_comes_out_at_its_batch() -> None:
    def prepare(columns: Any) -> Any:
        if 3 in columns["x"]:
            raise KeyError("three")
        return columns

    batches = iter(Batches({"x": list(range(6))}, 1, shuffle=False, prepare=prepare))
    assert [next(batches)["x"] for _ in range(3)] == [[0], [1], [2]]
    with pytest.raises(KeyError, match="three"):
        next(batches)


@pytest.mark.parametrize(
    ("data", "size", "error", "message"),
    [
        ({"x": [1, 2]}, 0, ValueError, "batch_size"),
        ({"x": [1, 2]}, 1.5, TypeError, "batch_size"),
        ({"x": [1, 2], "y": [1]}, 1, ValueError, "one length"),
        ({"x": [1, 2]}, 3, ValueError, "no batch"),
        ({}, 1, ValueError, "no batch"),
        (3, 1, TypeError, "data"),
        ("abc", 1, TypeError, "data"),
    ],
)
def test_wrong_batches(data: Any, size: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Batches(data, size)


@pytest.mark.parametrize("options", [{}, {"accumulate": 2}, {"max_grad_norm": 0.1}])
def test_compiled_and_not_give_the_same(options: dict[str, Any]) -> None:
    runs = []
    for compiled in (True, False):
        t = trainer(compile=compiled, **options)
        history = t.fit(Batches(DATA, 8), steps=12, log_every=1, progress=False)
        runs.append(([entry["loss"] for entry in history], parameters(t.model)))
    assert np.allclose(runs[0][0], runs[1][0], rtol=1e-4)
    for (_, a), (_, b) in zip(runs[0][1], runs[1][1], strict=True):
        assert np.allclose(a, b, 1e-3, 1e-4)


def test_accumulated_batches_are_one_large_batch() -> None:
    results = []
    for size, accumulate in ((8, 1), (4, 2)):
        mx.random.seed(0)
        model = nn.Linear(3, 1)
        t = Trainer(model, optim.SGD(0.1), loss, accumulate=accumulate)
        t.fit(Batches(DATA, size, shuffle=False), steps=5, progress=False)
        results.append(parameters(model))
    for (_, a), (_, b) in zip(*results, strict=True):
        assert np.allclose(a, b, 1e-5, 1e-6)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_resumed_bit_for_bit(tmp_path: Path, accumulate: int) -> None:
    options: dict[str, Any] = {
        "validation": Batches(DATA, 10),
        "evaluate_every": 5,
        "save_every": 4,
        "log_every": 3,
        "progress": False,
    }
    whole = trainer(accumulate=accumulate)
    expected = whole.fit(Batches(DATA, 8), steps=25, folder=tmp_path / "whole", **options)
    part = trainer(accumulate=accumulate)
    part.fit(Batches(DATA, 8), steps=14, folder=tmp_path / "part", **options)
    resumed = trainer(seed=99, accumulate=accumulate)
    history = resumed.fit(Batches(DATA, 8), steps=25, folder=tmp_path / "part", **options)
    assert same(parameters(resumed.model), parameters(whole.model))
    # The part ended at a step of its own, which has an entry.
    assert [e for e in history if e["step"] != 14][-3:] == expected[-3:]
    again = trainer(seed=7)
    assert again.fit(Batches(DATA, 8), steps=25, folder=tmp_path / "part", **options) == history


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from test_training import *
t = trainer()
t.fit(Batches(DATA, 8), steps=150, folder={folder!r}, save_every=1, log_every=1, progress=False)
"""


def test_killed_at_any_moment_and_resumed(tmp_path: Path) -> None:
    whole = trainer()
    whole.fit(Batches(DATA, 8), steps=150, progress=False)
    folder = tmp_path / "run"
    program = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder))
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)])
        before = max(Checkpoints(folder).steps(), default=0)
        deadline = time.monotonic() + 60
        while max(Checkpoints(folder).steps(), default=0) < before + 20:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    resumed = trainer(seed=5)
    history = resumed.fit(Batches(DATA, 8), steps=150, folder=folder, log_every=1, progress=False)
    assert same(parameters(resumed.model), parameters(whole.model))
    assert [entry["step"] for entry in history] == list(range(1, 151))
    assert not list(folder.glob(".unfinished*"))


def test_checkpoints_that_are_kept(tmp_path: Path) -> None:
    model, optimizer = nn.Linear(2, 1), optim.SGD(0.1)
    checkpoints = Checkpoints(tmp_path, keep=2)
    assert checkpoints.load(model, optimizer) is None
    for step in (1, 2, 3, 4):
        checkpoints.save(step, model, optimizer, best=1)
    assert checkpoints.steps() == [1, 3, 4]
    with pytest.raises(FileNotFoundError):
        checkpoints.load(model, optimizer, 2)
    with pytest.raises(ValueError, match="keep"):
        Checkpoints(tmp_path, keep=0)
    with pytest.raises(ValueError, match="weight"):
        checkpoints.load(nn.Linear(3, 1), optimizer)


def test_stops_when_it_does_not_get_better(tmp_path: Path) -> None:
    model = nn.Linear(3, 1)
    t = Trainer(model, optim.SGD(0.0), loss)
    history = t.fit(
        Batches(DATA, 8),
        steps=100,
        validation=Batches(DATA, 8),
        evaluate_every=2,
        patience=3,
        folder=tmp_path,
        progress=False,
    )
    assert t.step == history[-1]["step"] == 8
    assert Checkpoints(tmp_path).steps() == [2, 8]


def test_a_loss_that_is_no_number_is_an_error() -> None:
    t = Trainer(nn.Linear(3, 1), optim.SGD(0.1), lambda m, b: mx.sum(m(b["x"])) * float("nan"))
    with pytest.raises(FloatingPointError, match="step 1"):
        t.fit(Batches(DATA, 8), steps=3, progress=False)


def test_evaluation_leaves_mode_and_place(tmp_path: Path) -> None:
    t = trainer()
    batches = Batches(DATA, 8)
    next(iter(batches))
    before = batches.state
    t.model.train()
    first = t.evaluate(batches)
    assert first == t.evaluate(batches)
    assert batches.state == before
    assert t.model.training


def test_metrics_are_means_of_examples() -> None:
    metrics = {"error": lambda model, batch: mx.mean(mx.abs(model(batch["x"]) - batch["y"]))}
    t = Trainer(nn.Linear(3, 1), optim.SGD(0.1), loss, metrics=metrics)
    # 40 examples make two batches of 16 and one of 8.
    batches = Batches(DATA, 16, drop_last=False)
    (entry,) = t.fit(batches, steps=1, validation=batches, progress=False)
    differences = np.array(t.model(mx.array(DATA["x"]))) - DATA["y"]
    assert entry["validation_loss"] == pytest.approx(np.mean(differences**2), rel=1e-5)
    assert entry["validation_error"] == pytest.approx(np.mean(np.abs(differences)), rel=1e-5)
    with pytest.raises(ValueError, match="metrics"):
        Trainer(nn.Linear(3, 1), optim.SGD(0.1), loss, metrics={"loss": loss})


IN_PROCESSES = """
import os, sys
sys.path.insert(0, {tests!r})
from test_training import *
folder, steps, accumulate, kill = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
group = mx.distributed.init()
# All begin with what the first one has.
mx.random.seed(group.rank())
model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
t = Trainer(model, optim.Adam(0.02), loss, accumulate=accumulate, max_grad_norm=1.0, group=group)
data = Batches(DATA, 8, group=group)
def log(entry):
    if kill and entry["step"] == 7:
        os.kill(os.getpid(), signal.SIGKILL)
history = t.fit(data, steps=steps, folder=folder, validation=Batches(DATA, 8, group=group),
                evaluate_every=5, save_every=1, log_every=1, log=log, progress=False)
if group.rank() == group.size() - 1:
    print(json.dumps([history, [x.tolist() for _, x in parameters(model)]]))
"""


@pytest.mark.skipif(
    not mx.distributed.is_available("ring"), reason="MLX was built without its ring of sockets"
)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_processes_train_as_one_and_resume(tmp_path: Path, accumulate: int) -> None:
    script = tmp_path / "program.py"
    script.write_text(IN_PROCESSES.format(tests=str(Path(__file__).parent)))

    def launch(count: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = ("-m", "mlx_core_py.launch", "--backend", "ring", "-n", str(count), str(script))
        return subprocess.run(
            [sys.executable, *options, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    folder = str(tmp_path / "run")
    one = launch(1, str(tmp_path / "one"), "12", str(accumulate))
    assert one.returncode == 0, one.stderr
    # The first process is killed while it trains; then all go on from its last checkpoint.
    assert launch(2, folder, "12", str(accumulate), "kill").returncode == 128 + 9
    assert max(Checkpoints(folder).steps()) < 12
    two = launch(2, folder, "12", str(accumulate))
    assert two.returncode == 0, two.stderr
    history, weights = json.loads(one.stdout)
    its_history, its_weights = json.loads(two.stdout)
    for entry, other in zip(history, its_history, strict=True):
        assert other == pytest.approx(entry, abs=1e-5)
    for a, b in zip(weights, its_weights, strict=True):
        assert np.allclose(a, b, atol=1e-5)


class _Group:
    rank, size = staticmethod(lambda: 1), staticmethod(lambda: 2)


def test_batches_are_shared() -> None:
    group: Any = _Group()
    data = {"x": list(range(10))}
    batches = Batches(data, 4, shuffle=False, group=group)
    assert [batch["x"].tolist() for batch in batches] == [[1, 3], [5, 7]]
    assert len(list(Batches(data, 4, drop_last=False, group=group))) == 3
    with pytest.raises(ValueError, match="share evenly"):
        Batches(data, 5, group=group)
    with pytest.raises(ValueError, match="share evenly"):
        Batches({"x": list(range(9))}, 4, drop_last=False, group=group)


def test_log(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "log.jsonl")
    assert log.entries() == []
    for step in (1, 2, 3):
        log({"step": step, "loss": 1 / step})
    with log.path.open("a") as file:
        file.write('{"step": 4, "lo')
    assert [entry["step"] for entry in log.entries()] == [1, 2, 3]
    log.forget_after(2)
    assert [json.loads(line)["step"] for line in log.path.read_text().splitlines()] == [1, 2]


def scalars_of(folder: Path) -> list[tuple[str, int, float]]:
    """What TensorBoard would read: the names, steps and values in the files of events, in order."""
    event_pb2 = importlib.import_module("tensorboardX.proto.event_pb2")
    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data = path.read_bytes()
        # Each record: eight bytes of length, four of a checksum, the event, four of a checksum.
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = event_pb2.Event.FromString(data[12 : 12 + length])
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
            data = data[16 + length :]
    return found


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="`nox -s torch` installs it")
    with TensorBoard(tmp_path) as log:
        log({"step": 1, "loss": 0.5, "validation_loss": 0.75})
        with pytest.raises(ValueError, match="entry must have a 'step'"):
            log({"loss": 0.5})
        # What is logged is there soon, and not when the program ends.
        for _ in range(600):
            if scalars_of(tmp_path):
                break
            time.sleep(0.1)
        assert scalars_of(tmp_path) == [("loss", 1, 0.5), ("validation_loss", 1, 0.75)]
        log({"step": 20, "loss": float("inf")})
    assert scalars_of(tmp_path)[2:] == [("loss", 20, float("inf"))]
    log({"step": 21, "loss": 0.25})
    log.close()
    log.close()
    assert scalars_of(tmp_path)[3:] == [("loss", 21, 0.25)]


@pytest.mark.torch
def test_tensorboard_has_all_when_the_program_ends(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="`nox -s torch` installs it")
    program = f"""
        from mlx_core_py.training import TensorBoard
        log = TensorBoard({str(tmp_path)!r})
        for step in range(100):
            log({{"step": step, "loss": 0.5}})
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=300)
    assert [step for _, step, _ in scalars_of(tmp_path)] == list(range(100))


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_a_run_is_in_tensorboard_and_in_the_log(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="`nox -s torch` installs it")
    board, folder = TensorBoard(tmp_path / "board"), tmp_path / "run"
    run = trainer()
    run.fit(Batches(DATA, 8, seed=1), steps=6, folder=folder, log=board, log_every=2)
    board.close()
    entries = JsonLines(folder / "log.jsonl").entries()
    expected = [
        (name, entry["step"], np.float32(value).item())
        for entry in entries
        for name, value in entry.items()
        if name != "step"
    ]
    assert scalars_of(tmp_path / "board") == expected
    assert [entry["step"] for entry in entries] == [2, 4, 6]


@pytest.mark.parametrize(
    ("library", "call", "message"),
    [
        ("tensorboardX", TensorBoard, "pip install tensorboardX"),
        ("matplotlib.figure", lambda path: plot([{"step": 1, "loss": 1.0}], path), "matplotlib"),
    ],
)
def test_what_needs_a_library_says_so(
    library: str, call: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An import of what is None there fails as that of what is not installed.
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=message):
        call(tmp_path)


def test_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "curves.png"
    plot([{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0, "validation_loss": 1.5}], path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="entries"):
        plot([{"step": 1}], path)


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    trainer().fit(Batches(DATA, 8), steps=4, log_every=2)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[:2] for line in lines] == [["step", "2"], ["step", "4"]]
    assert "steps/s" in lines[0]
    assert "s left" in lines[0]


@pytest.mark.parametrize("name", ["steps", "log_every"])
def test_wrong_numbers(name: str) -> None:
    numbers: dict[str, Any] = {"steps": 1, name: 0}
    with pytest.raises(ValueError, match=name):
        trainer().fit(Batches(DATA, 8), **numbers)
    with pytest.raises(ValueError, match="accumulate"):
        trainer(accumulate=0)


def test_trained_parameters_move() -> None:
    t = trainer()
    before = parameters(t.model)
    t.fit(Batches(DATA, 8), steps=3, progress=False)
    pairs = zip(before, parameters(t.model), strict=True)
    assert all(not np.array_equal(a, b) for (_, a), (_, b) in pairs)
