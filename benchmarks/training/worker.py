"""Does steps of training with one library: a process of `cpu.worker`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from cpu.timing import turn
from cpu.worker import serve

from training.problem import Step

# As many as tell whether the losses agree and fall.
STEPS = 5


def with_ours(model: str) -> Step:
    """This stack, by the names of official MLX."""
    import mlx_core_py as mx
    from mlx_core_py import as_mlx

    mx.set_default_device(mx.cpu)
    as_mlx.install()
    return with_mlx(model)


def with_mlx(model: str) -> Step:
    """Official MLX."""
    import mlx.core as mx

    from training import mlx_steps

    mx.set_default_device(mx.cpu)
    step: Step = getattr(mlx_steps, f"{model}_step")()
    return step


def with_torch(model: str) -> Step:
    """PyTorch as it is."""
    import torch

    from training import pytorch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    step: Step = getattr(pytorch, f"{model}_step")()
    return step


def with_torch_compile(model: str) -> Step:
    """PyTorch with a compiled model."""
    import torch

    from training import pytorch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    step: Step = getattr(pytorch, f"{model}_step")(torch.compile)
    return step


# By the modules that are loaded before memory is counted.
SIDES = {
    "ours": ("mlx_core_py.nn", with_ours),
    "torch": ("torch", with_torch),
    "torch.compile": ("torch", with_torch_compile),
    "mlx": ("mlx.nn", with_mlx),
}


def status(field: str) -> int:
    """A number of bytes that the system knows of this process."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def main(side: str, model: str) -> None:
    """Answer requests."""
    module, make = SIDES[side]
    __import__(module)
    before = status("VmRSS")
    step = make(model)
    losses = [step() for _ in range(STEPS)]
    # What compiling took is no part of the figures.
    Path("/proc/self/clear_refs").write_text("5")

    def answer(what: str) -> Any:
        """The losses of the first steps, or the least time of a step and the memory for steps."""
        if what == "losses":
            return losses
        return {"seconds": turn(step), "bytes": status("VmHWM") - before}

    serve(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
