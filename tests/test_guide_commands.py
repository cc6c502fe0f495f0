"""The lines for a shell in the help, the pages about the command line and the README run."""

import importlib
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_line import make_default_package
from mlx_lm_py import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "packages" / "mlx-lm-py" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# There is no hub here.
ELSEWHERE = re.compile(r"pip install|mlx-lm-py (pull|rm org)|nox ")


def lines_of_page(page: Path) -> list[str]:
    blocks = re.findall(r"```shell\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return lines if any("mlx-lm-py " in line for line in lines) else []


def lines_of_help() -> list[str]:
    modules = [f"mlx_lm_py.commands.{name.replace('-', '_')}" for name in cli.COMMANDS]
    return [line for name in modules for line, _ in importlib.import_module(name).EXAMPLES]


LINES = {
    "help": lines_of_help(),
    **{page.stem: lines for page in PAGES if (lines := lines_of_page(page))},
}


def test_pages_are_found() -> None:
    assert LINES.keys() >= {"help", "README", "generate", "chat", "bench", "models-on-disk"}


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("page", LINES)
def test_the_lines_of_a_page_run(page: str, terminal: bool, tmp_path: Path) -> None:
    lines = [line for line in LINES[page] if not ELSEWHERE.match(line)]
    assert lines
    model = make_default_package(tmp_path / "packages")
    work = tmp_path / "work"
    work.mkdir()
    (work / "model.gguf").write_bytes(model.read_bytes())
    (work / "prompts.txt").write_text("Say yes.\nSay no.\n")
    (work / "README.md").write_text("Some words about pears, apples and quinces. " * 20)
    start = f'mlx-lm-py() {{ "{sys.executable}" -m mlx_lm_py "$@"; }}\nset -e -o pipefail\n'
    path = os.pathsep.join([str(tmp_path / "packages"), os.environ.get("PYTHONPATH", "")])
    changed = {"PYTHONPATH": path, "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "TERM": "xterm"}
    status, seen = run(start + "\n".join(lines), terminal, work, {**os.environ, **changed})
    assert status == 0, seen
    assert "error:" not in seen
    assert "Traceback" not in seen


def run(script: str, terminal: bool, work: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run lines of a shell; what they print goes to a pseudo-terminal, or to a pipe."""
    ours, theirs = os.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if not terminal else theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    pieces: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        except OSError:
            # Linux says so when nothing has the terminal open any more.
            return

    reader = threading.Thread(target=read)
    reader.start()
    status = process.wait()
    reader.join()
    os.close(ours)
    return status, b"".join(pieces).decode(errors="replace")
