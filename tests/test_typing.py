"""The program that type checkers read in ``nox -s typing`` runs as well."""

import subprocess
import sys
from pathlib import Path

USAGE = Path(__file__).parent / "typing" / "usage.py"


def test_the_typed_program_runs(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(USAGE)], cwd=tmp_path, check=True, timeout=120)
