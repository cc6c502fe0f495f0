"""The lines for a shell in the pages about the command line run, one after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import make_default_package

GUIDE = Path(__file__).parents[1] / "docs" / "guide"


@pytest.mark.parametrize("page", ["generate", "chat", "bench", "models-on-disk"])
def test_the_lines_of_a_page_run(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```shell\n(.*?)```", (GUIDE / f"{page}.md").read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines = [line for line in lines if not line.startswith("pip install")]
    assert lines
    model = make_default_package(tmp_path / "packages")
    work = tmp_path / "work"
    work.mkdir()
    (work / "model.gguf").write_bytes(model.read_bytes())
    (work / "prompts.txt").write_text("Say yes.\nSay no.\n")
    start = f'mlx-lm-py() {{ "{sys.executable}" -m mlx_lm_py "$@"; }}\nset -e -o pipefail\n'
    path = os.pathsep.join([str(tmp_path / "packages"), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        ["bash", "-c", start + "\n".join(lines)],
        cwd=work,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path, "HOME": str(tmp_path)},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "error" not in result.stderr
