"""A training run that is killed goes on from its last checkpoint, with the same numbers.

The program trains three times: once without a break, once until ``kill -9`` ends it, and once more
in the same folder.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
from matplotlib.figure import Figure
from mlx_core_py import nn


def train(folder: str, steps: int, kill_at: int = 0) -> None:
    """Train in a folder, from the last checkpoint if there is one; be killed at a step."""
    mx.random.seed(0)
    x = mx.random.uniform(-3, 3, (2048, 1))
    # The order of the data, dropout and the schedule all have a state that a resumed run needs.
    model = nn.Sequential(nn.Linear(1, 64), nn.GELU(), nn.Dropout(0.1), nn.Linear(64, 1))
    optimizer = optim.AdamW(optim.cosine_decay(1e-2, steps))
    batches = mx.training.Batches({"x": x, "y": mx.sin(2 * x)}, 64)

    def kill(entry: Mapping[str, float]) -> None:
        if entry["step"] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    trainer = mx.training.Trainer(
        model, optimizer, lambda m, batch: nn.losses.mse_loss(m(batch["x"]), batch["y"])
    )
    trainer.fit(
        batches, steps=steps, folder=folder, save_every=25, log_every=1, log=kill, progress=False
    )


def run(folder: Path, steps: int, kill_at: int = 0) -> int:
    """Train in a process of its own, and return how it ended."""
    command = [sys.executable, __file__, "--train", folder, "--kill-at", kill_at, "--steps", steps]
    return subprocess.run(list(map(str, command)), check=False).returncode


def main(steps: int = 400, picture: str = "resume.png") -> None:
    """Compare a run without a break with one that was killed, and draw both."""
    kill_at = steps * 3 // 5
    with tempfile.TemporaryDirectory() as name:
        whole, broken = Path(name, "whole"), Path(name, "broken")
        run(whole, steps)
        status = run(broken, steps, kill_at)
        saved = mx.training.Checkpoints(broken).steps()[-1]
        print(f"ended by {signal.Signals(-status).name} at step {kill_at}; saved: {saved}")
        run(broken, steps)
        logs = [mx.training.JsonLines(run / "log.jsonl").entries() for run in (whole, broken)]
        weights = [
            mx.load(mx.training.Checkpoints(run).path(steps) / "model.safetensors")
            for run in (whole, broken)
        ]
    same_losses = logs[0] == logs[1]
    same_weights = all(mx.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    print("losses:", "the same in every bit" if same_losses else "different")
    print("weights:", "the same in every bit" if same_weights else "different")

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    for log, style, label in zip(logs, ("-", ":"), ("whole", "killed, resumed"), strict=True):
        axes.semilogy([e["step"] for e in log], [e["loss"] for e in log], style, lw=2, label=label)
    axes.axvline(kill_at, color="red", label="kill -9")
    axes.axvline(saved, color="green", label="last checkpoint")
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    figure.savefig(picture)
    print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--picture", default="resume.png")
    parser.add_argument("--train", help="a folder: only train there")
    parser.add_argument("--kill-at", type=int, default=0)
    options = parser.parse_args()
    if options.train:
        train(options.train, options.steps, options.kill_at)
    else:
        main(options.steps, options.picture)
