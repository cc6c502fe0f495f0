"""Does steps of training, or parts of them, with one library: a process of `cpu.worker`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cpu.timing import turn
from cpu.worker import serve

from training import parts, problem

# As many as tell whether the losses agree and fall.
STEPS = 5
# Answers what is to be known of a row before it is timed, and what to time.
Make = Callable[[str], tuple[list[float], Callable[[], object]]]


def maker(steps: Any, modules: Any, *prepare: Any) -> Make:
    """Makes rows with the modules of a library."""

    def make(row: str) -> tuple[list[float], Callable[[], object]]:
        if row in problem.MODELS:
            step = getattr(steps, f"{row}_step")(*prepare)
            return [step() for _ in range(STEPS)], step
        part = next(part for part in parts.PARTS if part.title == row)
        call = modules.make(part, *prepare)
        return parts.summary(modules.arrays(part, call())), call

    return make


def with_ours() -> Make:
    """This stack, by the names of official MLX."""
    from mlx_core_py import as_mlx

    as_mlx.install()
    return with_mlx()


def with_mlx() -> Make:
    """Official MLX."""
    import mlx.core as mx

    mx.set_default_device(mx.cpu)

    from training import mlx_parts, mlx_steps

    return maker(mlx_steps, mlx_parts)


def with_torch(compiled: bool = False) -> Make:
    """PyTorch as it is, or with compiled models."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    from training import pytorch, pytorch_parts

    return maker(pytorch, pytorch_parts, torch.compile if compiled else pytorch.as_it_is)


SIDES: dict[str, Callable[[], Make]] = {
    "ours": with_ours,
    "torch": with_torch,
    "torch.compile": lambda: with_torch(compiled=True),
    "mlx": with_mlx,
}


def status(field: str) -> int:
    """A number of bytes that the system knows of this process."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def main(side: str) -> None:
    """Answer requests."""
    make = SIDES[side]()
    before = status("VmRSS")
    call: Callable[[], object] = print

    def answer(what: str, row: str = "") -> Any:
        """What tells whether the sides agree on a row; or its least time, and its memory.

        What compiling took is no part of the figures.
        """
        nonlocal call
        if what == "make":
            values, call = make(row)
            Path("/proc/self/clear_refs").write_text("5")
            return values
        return {"seconds": turn(call), "bytes": status("VmHWM") - before}

    serve(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
