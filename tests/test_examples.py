"""The examples run and print what they promise."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str) -> str:
    """What an example prints; it has to succeed and to print no warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / f"{name}.py"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_tested() -> None:
    source = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f'run("{path.stem}")' in source


def test_arrays_and_gradients() -> None:
    output = run("arrays_and_gradients")
    assert "a @ a.T = [[5.0, 11.0], [11.0, 25.0]]" in output
    assert "cubic'(2) = 12.0" in output
    assert "cubic''(2) = 12.0" in output
    assert "loss = 4.25" in output
    assert "gradients = {'weight': [5.0, -3.0], 'bias': 1.0}" in output


def test_train_mlp() -> None:
    output = run("train_mlp")
    losses = [float(value) for value in re.findall(r"loss (\S+)", output)]
    assert losses[-1] < 0.05 < losses[0]
    assert output.endswith("0^0 0^1 1^0 1^1 = 0 1 1 0\n")


@pytest.mark.model
def test_generate_text() -> None:
    assert "Paris" in run("generate_text")
