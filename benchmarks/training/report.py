"""Measures steps of training, and shows what was found as tables."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TypedDict

from cpu.report import ratio, seconds, table
from cpu.timing import PAUSE, geometric_mean
from cpu.worker import Worker

from . import problem

# The sides, by the modules that they need, and what tables call them.
SIDES = {
    "ours": ("mlx_core_py", "ours"),
    "torch": ("torch", "PyTorch"),
    "torch.compile": ("torch", "torch.compile"),
    "mlx": ("mlx", "official MLX"),
}
TURNS = 12
# A side that takes longer for one step takes fewer turns.
TOTAL = 3.0


class Found(TypedDict):
    """What was found of one model.

    Attributes:
        model: Its name.
        threads: Of all sides.
        times: What a step of each side takes, in seconds.
        bytes: The memory that each side's steps need at most, beside what the library itself does.
        ratios: How many times as long each peer takes.
    """

    model: str
    threads: int
    times: dict[str, float]
    bytes: dict[str, int]
    ratios: dict[str, float]


def installed(sides: Iterable[str]) -> list[str]:
    """Those of some sides whose library there is."""
    return [side for side in sides if find_spec(SIDES[side][0])]


def measure(model: str, threads: int, sides: Sequence[str], turns: int) -> Found:
    """Train a model with all sides in turns, each in a process of its own.

    Raises:
        ValueError: If the losses of two sides differ, or do not fall.
    """
    times = dict.fromkeys(sides, math.inf)
    spent = dict.fromkeys(sides, 0.0)
    memory = dict.fromkeys(sides, 0)
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        losses: dict[str, list[float]] = {}
        for side in sides:
            workers[side] = stack.enter_context(
                Worker("training.worker", side, model, threads=threads)
            )
            losses[side] = workers[side].ask(what="losses")
        problem.check_agreement(losses, problem.MODELS[model].tolerance)
        for _ in range(turns):
            for side, worker in workers.items():
                if spent[side] > TOTAL:
                    continue
                time.sleep(PAUSE)
                begin = time.perf_counter()
                answer = worker.ask(what="steps")
                spent[side] += time.perf_counter() - begin
                times[side] = min(times[side], answer["seconds"])
                memory[side] = max(memory[side], answer["bytes"])
    found: Found = {
        "model": model,
        "threads": threads,
        "times": times,
        "bytes": memory,
        "ratios": {side: times[side] / times["ours"] for side in sides if side != "ours"},
    }
    print(found, file=sys.stderr)
    return found


def markdown(found: Sequence[Found]) -> str:
    """A row for each model, and the geometric means."""
    sides = list(found[0]["times"])
    peers = sides[1:]
    names = {side: SIDES[side][1] for side in sides}
    rows = [
        [
            problem.MODELS[row["model"]].title,
            *(seconds(row["times"][side]) for side in sides),
            *(ratio(row["ratios"][side]) for side in peers),
            *(f"{row['bytes'][side] / 1e6:.0f} MB" for side in sides),
        ]
        for row in found
    ]
    means = [ratio(geometric_mean(row["ratios"][side] for row in found)) for side in peers]
    rows.append(["geometric mean", *("" for _ in sides), *means, *("" for _ in sides)])
    header = [
        "one step",
        *names.values(),
        *(f"{names[side]} / ours" for side in peers),
        *(f"memory, {name}" for name in names.values()),
    ]
    return table(header, rows)
