"""Measures steps of training and their parts, and shows what was found as a table."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TypedDict

from cpu.report import ratio, seconds, table
from cpu.timing import PAUSE, geometric_mean
from cpu.worker import Worker

from . import parts, problem

# The sides, by the modules that they need, and what tables call them.
SIDES = {
    "ours": ("mlx_core_py", "ours"),
    "torch": ("torch", "PyTorch"),
    "torch.compile": ("torch", "torch.compile"),
    "mlx": ("mlx", "official MLX"),
}
TURNS, TURNS_OF_PARTS = 12, 6
# A side that takes longer for one row takes fewer turns.
TOTAL = 3.0


class Found(TypedDict):
    """What was found of one row.

    Attributes:
        row: Its name: that of a model, or the title of a part.
        threads: Of all sides.
        times: What a step of each side takes, in seconds.
        bytes: The memory that each side's steps need at most, beside what the library itself does;
            empty for parts, which share a process.
        ratios: How many times as long each peer takes.
    """

    row: str
    threads: int
    times: dict[str, float]
    bytes: dict[str, int]
    ratios: dict[str, float]


def installed(sides: Iterable[str]) -> list[str]:
    """Those of some sides whose library there is."""
    return [side for side in sides if find_spec(SIDES[side][0])]


def title(row: str) -> str:
    """What the table calls a row."""
    return problem.MODELS[row].title if row in problem.MODELS else row


def rows(words: Iterable[str]) -> list[str]:
    """The rows whose names or titles contain one of some words; all if there are none."""
    words = list(words) or [""]
    every = [*problem.MODELS, *(part.title for part in parts.PARTS)]
    return [row for row in every if any(word in f"{row} {title(row)}" for word in words)]


def measure(rows: Iterable[str], threads: int, sides: Sequence[str], turns: int) -> Iterator[Found]:
    """Compute some rows with all sides in turns, each in a process of its own.

    A step gets new processes, so that its memory can be told; parts share theirs.

    Raises:
        ValueError: If two sides differ, or the losses of a step do not fall.
    """
    together = [row for row in rows if row not in problem.MODELS]
    groups = [[row] for row in rows if row in problem.MODELS] + ([together] if together else [])
    for group in groups:
        with ExitStack() as stack:
            workers = {
                side: stack.enter_context(Worker("training.worker", side, threads=threads))
                for side in sides
            }
            for row in group:
                found = measure_row(row, threads, workers, turns)
                print(found, file=sys.stderr, flush=True)
                yield found


def measure_row(row: str, threads: int, workers: dict[str, Worker], turns: int) -> Found:
    """Compute a row in turns."""
    values = {side: worker.ask(what="make", row=row) for side, worker in workers.items()}
    if row in problem.MODELS:
        problem.check_agreement(values, problem.MODELS[row].tolerance)
    else:
        parts.check_agreement(values)
    times = dict.fromkeys(workers, math.inf)
    spent = dict.fromkeys(workers, 0.0)
    memory: dict[str, int] = {}
    for _ in range(turns if row in problem.MODELS else min(turns, TURNS_OF_PARTS)):
        for side, worker in workers.items():
            if spent[side] > TOTAL:
                continue
            time.sleep(PAUSE)
            begin = time.perf_counter()
            answer = worker.ask(what="turn")
            spent[side] += time.perf_counter() - begin
            times[side] = min(times[side], answer["seconds"])
            if row in problem.MODELS:
                memory[side] = max(memory.get(side, 0), answer["bytes"])
    return {
        "row": row,
        "threads": threads,
        "times": times,
        "bytes": memory,
        "ratios": {side: times[side] / times["ours"] for side in workers if side != "ours"},
    }


def markdown(found: Sequence[Found]) -> str:
    """A line for each row and number of threads, and the geometric means."""
    order = rows([])
    found = sorted(found, key=lambda one: (order.index(one["row"]), one["threads"]))
    sides = [side for side in SIDES if any(side in one["times"] for one in found)]
    peers = sides[1:]
    lines = [
        [
            title(one["row"]),
            str(one["threads"]),
            *cells(sides, one["times"], seconds),
            *cells(peers, one["ratios"], ratio),
            *cells(sides, one["bytes"], megabytes),
        ]
        for one in found
    ]
    for name, steps in (("steps", True), ("parts", False)):
        for threads in sorted({one["threads"] for one in found}):
            some = [
                one["ratios"]
                for one in found
                if one["threads"] == threads and (one["row"] in problem.MODELS) == steps
            ]
            means = {
                side: geometric_mean(of[side] for of in some if side in of)
                for side in peers
                if any(side in of for of in some)
            }
            if means:
                empty = [""] * len(sides)
                line = [f"geometric mean of the {name}", str(threads), *empty]
                lines.append([*line, *cells(peers, means, ratio), *empty])
    names = {side: SIDES[side][1] for side in sides}
    header = [
        *("one step, or a part", "threads", *names.values()),
        *(f"{names[side]} / ours" for side in peers),
        *(f"memory, {name}" for name in names.values()),
    ]
    return table(header, lines)


def megabytes(value: float) -> str:
    """A number of bytes, as tables show it."""
    return f"{value / 1e6:.0f} MB"


def cells(
    sides: Iterable[str], values: Mapping[str, float], show: Callable[[float], str]
) -> list[str]:
    """A cell for each side, empty if there is nothing of it."""
    return [show(values[side]) if side in values else "" for side in sides]
