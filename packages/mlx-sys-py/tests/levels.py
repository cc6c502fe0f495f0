"""Running the tests of the CPU kernels once more for each instruction set.

The level is chosen when the process starts, by an environment variable. So such a file ends with
``test_level``, which runs all of it anew at every level that the machine has.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LEVEL = os.environ.get("MLX_SYS_PY_CPU", "")
KERNELS = ["generic", "v2", "v3", "v4", "v4_bf16", "v4_amx"]

ours_only = pytest.mark.skipif(LEVEL == "stock", reason="a property of the kernels, not of MLX")
runs_the_others = pytest.mark.skipif(bool(LEVEL), reason="runs the others")
at_every_level = pytest.mark.parametrize("level", ["stock", *KERNELS])
with_kernels = pytest.mark.parametrize("level", KERNELS)


def run_at(level: str, file: str) -> None:
    """Run the tests of a file at a level; skip if this machine cannot run that."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    path = os.pathsep.join([str(Path(file).parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "MLX_SYS_PY_CPU": level, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if "but on this machine it can be" in done.stdout:
        pytest.skip("the machine cannot run it")
    assert done.returncode == 0, done.stdout + done.stderr
