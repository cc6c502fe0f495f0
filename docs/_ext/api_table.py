"""Writes the reference pages of the operations from the table that defines them.

The generator of mlx-sys-py emits one page per group of operations; they are made anew for each
build of the documentation and are not kept.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[2] / "packages" / "mlx-sys-py"
GROUPS = ("ops", "random", "linalg", "fft", "fast")


def write_pages(app: Any) -> None:
    """Run the generator for each group into ``reference/table``."""
    folder = Path(app.srcdir) / "reference" / "table"
    folder.mkdir(parents=True, exist_ok=True)
    for group in GROUPS:
        command = [sys.executable, "-m", "codegen", "--group", group, "--spec", "spec"]
        command += ["--out", str(folder), "--emit", "md"]
        subprocess.run(command, cwd=PACKAGE, check=True)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
