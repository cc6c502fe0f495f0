"""Processes that measure: they answer requests, one line of JSON for another.

How many threads a library uses is settled when it is loaded, and the memory that one side needs can
only be told in a process of its own. The process that asks loads nothing that would compute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parents[1]
THREAD_VARIABLES = (
    "MLX_SYS_PY_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)


class Worker:
    """A process that runs a module, with so many threads for all libraries.

    A name without a dot is that of a module of this folder.
    """

    def __init__(self, module: str, *arguments: str, threads: int) -> None:
        path = os.pathsep.join(filter(None, (str(BENCHMARKS), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", module if "." in module else f"cpu.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                **dict.fromkeys(THREAD_VARIABLES, str(threads)),
                "PYTHONPATH": path,
            },
        )

    def ask(self, **request: Any) -> Any:
        """What the process answers.

        Raises:
            RuntimeError: If it ended instead; the reason is on stderr.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        if line := self._process.stdout.readline():
            return json.loads(line)
        raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        # The end of its input is the end of the process.
        self._process.communicate()


def serve(answer: Callable[..., Any]) -> None:
    """Answer the requests on stdin, until it ends."""
    replies = os.fdopen(os.dup(1), "w")
    # What libraries print is no reply.
    os.dup2(2, 1)
    for line in sys.stdin:
        replies.write(json.dumps(answer(**json.loads(line))) + "\n")
        replies.flush()
