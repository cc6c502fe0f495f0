"""Programs written for official MLX compute the same on this package.

Each runs in a process of its own on either, with the same tiny weights in float32: in half
precision official MLX rounds quantized products more, and texts part.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent / "dropin"
sys.path.insert(0, str(FOLDER))
try:
    from cases import IMPORTS, PROGRAMS, WAITING_IMPORTS
finally:
    sys.path.remove(str(FOLDER))

NEEDED = (
    "einops",
    "mflux",
    "mlx_audio",
    "mlx_embeddings",
    "mlx_graphs",
    "mlx_lm",
    "mlx_optimizers",
    "mlx_vlm",
    "mlx_whisper",
    "transformers",
)
absent = [name for name in NEEDED if find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(absent), reason=f"`nox -s drop-in` installs the programs, of which absent: {absent}"
)

AS_MLX = ("-m", "mlx_core_py.as_mlx")
CASES = [(program, case) for program, cases in PROGRAMS.items() for case in cases]


def run_python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )


@functools.cache
def folder_of_all() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@functools.cache
def results(program: str, official: bool) -> dict[str, dict[str, np.ndarray] | str]:
    """What each case of a program computed, or its error."""
    folder = Path(folder_of_all().name) / f"{program}-{'official' if official else 'ours'}"
    folder.mkdir()
    command = [*(() if official else AS_MLX), str(FOLDER / f"{program}.py"), str(folder)]
    done = run_python(*command, folder=folder)
    assert done.returncode == 0, done.stdout
    found: dict[str, dict[str, np.ndarray] | str] = {
        path.stem: path.read_text() for path in folder.glob("*.txt")
    }
    for path in folder.glob("*.npz"):
        with np.load(path) as arrays:
            found[path.stem] = dict(arrays)
    return found


@pytest.mark.parametrize(("program", "case"), CASES)
@pytest.mark.timeout(1800)
def test_computes_the_same(program: str, case: str) -> None:
    ours, official = (results(program, official)[case] for official in (False, True))
    assert isinstance(official, dict), official
    assert isinstance(ours, dict), ours
    assert ours.keys() == official.keys()
    for name, expected in official.items():
        assert ours[name].dtype == expected.dtype
        if expected.dtype.kind in "iu":
            np.testing.assert_array_equal(ours[name], expected, err_msg=name)
        else:
            np.testing.assert_allclose(ours[name], expected, rtol=1e-3, atol=1e-4, err_msg=name)


def test_every_program_is_listed() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")}
    assert files - {"cases", "common"} == set(PROGRAMS)


@pytest.mark.parametrize("statement", IMPORTS)
def test_imports(statement: str, tmp_path: Path) -> None:
    code = f"from mlx_core_py import as_mlx; as_mlx.install(); {statement}"
    done = run_python("-c", code, folder=tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("statement", WAITING_IMPORTS)
def test_what_waits_for_a_module(statement: str, tmp_path: Path) -> None:
    code = f"from mlx_core_py import as_mlx; as_mlx.install(); {statement}"
    text = run_python("-c", code, folder=tmp_path).stdout
    assert f"mlx_core_py has no module {WAITING_IMPORTS[statement]}" in text
