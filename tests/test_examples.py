"""The examples run, print what they promise and leave a picture."""

import gzip
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import mlx_core_py as mx
import numpy as np
import pytest
import tiny_models

pytest.importorskip("matplotlib", reason="the examples draw with it")
pytest.importorskip("sklearn", reason="some examples learn its digits")

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(name: str, *options: object, launcher: tuple[str, ...] = ()) -> str:
    """What an example prints; it has to succeed, to print no warning and to leave its picture."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *launcher, EXAMPLES / f"{name}.py", *map(str, options)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"picture: {name}.png\n")
    assert Path(f"{name}.png").read_bytes().startswith(b"\x89PNG")
    return done.stdout


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, text
    return float(found[1])


def test_every_example_is_tested() -> None:
    source = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f'run("{path.stem}"' in source
    for path in EXAMPLES.glob("*.ipynb"):
        assert f'"{path.stem}.ipynb"' in source


def test_every_example_is_short_and_listed() -> None:
    listing = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 120, path
        assert f"({path.name})" in listing, path
    for path in EXAMPLES.glob("*.ipynb"):
        assert f"({path.name})" in listing, path


def test_tutorial() -> None:
    output = run("tutorial")
    assert "a @ a.T = [[5.0, 11.0], [11.0, 25.0]]" in output
    assert "cubic'(2) = 12.0" in output
    assert "cubic''(2) = 12.0" in output
    assert "loss = 4.25" in output
    assert "gradients = {'weight': [5.0, -3.0], 'bias': 1.0}" in output


def test_linear_regression() -> None:
    # The noise leaves 0.5e-4 of loss.
    output = run("linear_regression", "--steps", 2000)
    assert 3e-5 < number(r"loss (\S+),", output) < 6e-5
    assert number(r"\|w - w\*\| (\S+),", output) < 0.01


def test_logistic_regression() -> None:
    assert 90 < number(r"accuracy (\S+)%", run("logistic_regression", "--steps", 100)) < 94


def test_mnist() -> None:
    output = run("mnist", "--epochs", 2)
    assert number(r"perceptron: accuracy (\S+)%", output) > 90
    assert number(r"convolutional: accuracy (\S+)%", output) > 90


@pytest.mark.slow
def test_mnist_in_full() -> None:
    output = run("mnist")
    assert number(r"perceptron: accuracy (\S+)%", output) >= 97
    assert number(r"convolutional: accuracy (\S+)%", output) >= 98.5


def test_mnist_of_files() -> None:
    # Images of which the one bright row tells the digit.
    labels = np.arange(300, dtype=np.uint8) % 10
    images = np.zeros((300, 12, 12), np.uint8)
    images[np.arange(300), labels + 1] = 255
    folder = Path("files")
    folder.mkdir()
    for part in ("train", "t10k"):
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            sizes = struct.pack(f">{array.ndim}I", *array.shape)
            content = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
            path = folder / f"{part}-{name}-ubyte"
            if part == "train":
                path.with_suffix(".gz").write_bytes(gzip.compress(content))
            else:
                path.write_bytes(content)
    output = run("mnist", "--data", folder, "--epochs", 3)
    assert number(r"perceptron: accuracy (\S+)%", output) > 95


def test_transformer_lm() -> None:
    output = run("transformer_lm", "--steps", 40, "--dims", 32, "--layers", 1, "--context", 32)
    # Guessing among a hundred characters takes 4.6 nats.
    assert number(r"validation: (\S+) nats", output) < 3.5


def test_resnet() -> None:
    output = run("resnet", "--steps", 4, "--images", 128, "--width", 4)
    assert 0 <= number(r"accuracy (\S+)%", output) <= 100


def test_vae() -> None:
    assert number(r"(\S+) nats", run("vae", "--epochs", 3)) < 30


def test_lm_and_mistral(tmp_path: Path) -> None:
    for name in ("qwen3", "mistral"):
        (tmp_path / name).mkdir()
        tiny_models.make_folder(tmp_path / name, name)
    output = run("lm", "--model", "qwen3", "--max-tokens", 5, "--prompt", "abc")
    assert "Prompt: 3 tokens" in output
    output = run("mistral", "--model", "mistral", "--max-tokens", 5)
    before = number(r"(\S+) MB of weights", output)
    assert number(r"packed (\S+) MB", output) < 0.6 * before
    assert "Generation: 5 tokens" in output


@pytest.mark.model
def test_lm_answers() -> None:
    assert "Paris" in run("lm")


def test_resume() -> None:
    output = run("resume", "--steps", 100)
    assert "ended by SIGKILL at step 60; saved: 50" in output
    assert "losses: the same in every bit" in output
    assert "weights: the same in every bit" in output


@pytest.mark.skipif(
    not mx.distributed.is_available("ring"), reason="MLX was built without its ring of sockets"
)
def test_data_parallel() -> None:
    launcher = ("-m", "mlx_core_py.launch", "--backend", "ring", "-n", "2")
    one = run("data_parallel", "--steps", 20)
    two = run("data_parallel", "--steps", 20, launcher=launcher)
    assert "process 0 of 2" in two
    assert "process 1 of 2" in two
    assert number(r"loss (\S+)", two) == pytest.approx(number(r"loss (\S+)", one), rel=1e-3)


@pytest.mark.parametrize("name", ["tutorial.ipynb", "mnist.ipynb"])
def test_notebooks(name: str) -> None:
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    # In a process of its own, as Jupyter's libraries warn of what is theirs.
    program = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=120).execute()
outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
print("".join(output.get("text", "") for output in outputs))
assert any("image/png" in output.get("data", {}) for output in outputs)
"""
    environment = {**os.environ, "JUPYTER_PLATFORM_DIRS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, EXAMPLES / name],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    expected = {"tutorial.ipynb": "gradient of x³ at 2: 12.0", "mnist.ipynb": "accuracy 9"}
    assert expected[name] in done.stdout
