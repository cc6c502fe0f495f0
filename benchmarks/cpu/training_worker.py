"""Times steps of training: a process of `worker`."""

from __future__ import annotations

import os

import mlx_core_py as mx
from mlx_core_py import as_mlx

from .row import torch
from .timing import least_times
from .worker import serve


def main() -> None:
    """Answer requests."""
    mx.set_default_device(mx.cpu)
    as_mlx.install()
    from training import mlx_steps, problem

    if torch:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    def answer(model: str, turns: int) -> dict[str, float]:
        """The seconds of a step of each side, which have to agree on the losses first."""
        sides = {"ours": getattr(mlx_steps, f"{model}_step")()}
        if torch:
            from training import pytorch

            sides["torch"] = getattr(pytorch, f"{model}_step")()
            losses = {side: [step() for _ in range(5)] for side, step in sides.items()}
            problem.check_agreement(losses, problem.MODELS[model].tolerance)
        return least_times(sides, turns)

    serve(answer)


if __name__ == "__main__":
    main()
