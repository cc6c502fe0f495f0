"""Training: a step of a perceptron and of a small transformer, beside PyTorch."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from .report import COLORS, ratio, seconds, table
from .section import Section, Settings
from .worker import Worker

TURNS, GOAL = 12, 1.0
MODELS = {
    "mlp": "perceptron 784 → 1024 → 10, batch of 64, gradient descent",
    "transformer": "transformer of 4 layers, 256 wide, 8 x 64 tokens, Adam",
}


def run(settings: Settings) -> Section:
    """Measure both models."""
    times: dict[str, dict[str, float]] = {}
    with Worker("training_worker", threads=settings.threads) as worker:
        for model in MODELS:
            times[model] = worker.ask(model=model, turns=1 if settings.quick else TURNS)
            print(model, times[model], file=sys.stderr)
    rows = [
        [
            MODELS[model],
            seconds(sides["ours"]),
            seconds(sides["torch"]) if "torch" in sides else "-",
            ratio(sides["torch"] / sides["ours"] if "torch" in sides else None),
            f"{GOAL:g}",
        ]
        for model, sides in times.items()
    ]
    text = table(["one step", "ours", "PyTorch", "PyTorch / ours", "goal"], rows)
    notes = (
        "Forward, backward and update, the least of several turns; the losses of both sides agree. "
        "Ours is compiled with `mx.compile`; PyTorch is as it is, with a fused Adam."
    )
    return Section("Training", f"{text}\n\n{notes}", 2, partial(draw, times=times))


def draw(axes: Any, times: dict[str, dict[str, float]]) -> None:
    """Bars of milliseconds per step."""
    for i, sides in enumerate(times.values()):
        for offset, (name, value) in enumerate(sides.items()):
            label = {"ours": "ours", "torch": "PyTorch"}[name] if i == 0 else None
            place = i + (offset - 0.5) * 0.4
            bar = axes.barh(place, value * 1e3, 0.4, color=COLORS[name], label=label)
            axes.bar_label(bar, fmt="%.2f", fontsize=7)
    axes.set_yticks(range(len(times)), list(times))
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds per step")
    axes.legend()
