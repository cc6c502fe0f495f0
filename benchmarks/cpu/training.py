"""Training: a step of a perceptron and of a small transformer, beside PyTorch."""

from __future__ import annotations

import sys
from typing import Any, TypedDict

from .report import COLORS, ratio, seconds, table
from .section import Settings
from .worker import Worker

TITLE = "Training"
TURNS, GOAL = 12, 1.0
MODELS = {
    "mlp": "perceptron 784 → 1024 → 10, batch of 64, gradient descent",
    "transformer": "transformer of 4 layers, 256 wide, 8 x 64 tokens, Adam",
}
SIDES = {"ours": "ours", "torch": "PyTorch"}


class Step(TypedDict):
    """A step of one model.

    Attributes:
        model: The model.
        times: What each side takes, in seconds.
        ratio: How many times as long PyTorch takes; ``None`` without it.
    """

    model: str
    times: dict[str, float]
    ratio: float | None


class Found(TypedDict):
    """What the section has found."""

    rows: list[Step]


def run(settings: Settings) -> Found:
    """Measure both models."""
    steps: list[Step] = []
    with Worker("training_worker", threads=settings.threads) as worker:
        for model in MODELS:
            times = worker.ask(model=model, turns=1 if settings.quick else TURNS)
            ours, theirs = times["ours"], times.get("torch")
            steps.append({"model": model, "times": times, "ratio": theirs and theirs / ours})
            print(steps[-1], file=sys.stderr)
    return {"rows": steps}


def markdown(found: Found) -> str:
    """A row for each model."""
    rows = [
        [
            MODELS[step["model"]],
            *(seconds(step["times"][side]) if side in step["times"] else "-" for side in SIDES),
            ratio(step["ratio"]),
            f"{GOAL:g}",
        ]
        for step in found["rows"]
    ]
    text = table(["one step", *SIDES.values(), "PyTorch / ours", "goal"], rows)
    notes = (
        "Forward, backward and update, the least of several turns; the losses of both sides agree. "
        "Ours is compiled with `mx.compile`; PyTorch is as it is, with a fused Adam."
    )
    return f"{text}\n\n{notes}"


def height(found: Found) -> float:
    """The height of the plot in inches."""
    return 1 + 0.5 * len(found["rows"])


def draw(axes: Any, found: Found) -> None:
    """Bars of milliseconds per step."""
    for i, step in enumerate(found["rows"]):
        for offset, (side, value) in enumerate(step["times"].items()):
            label = SIDES[side] if i == 0 else None
            place = i + (offset - 0.5) * 0.4
            bar = axes.barh(place, value * 1e3, 0.4, color=COLORS[side], label=label)
            axes.bar_label(bar, fmt="%.2f", fontsize=7)
    axes.set_yticks(range(len(found["rows"])), [step["model"] for step in found["rows"]])
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds per step")
    axes.legend()
