"""Scaling: what more threads bring, and how the cost of an operation grows with its size."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack
from typing import Any, TypedDict

from .report import COLORS, ratio, table
from .section import Settings
from .timing import geometric_mean
from .worker import Worker

TITLE = "Scaling"
TURNS, POINTS = 3, 4
SIDES = {"ours": "ours", "torch": "PyTorch"}


class Growth(TypedDict):
    """How one operation scales.

    Attributes:
        operation: The operation.
        order: The power of the size that the work grows with.
        exponents: The power that the cost grows with from the middle size to the largest, by side.
        threaded: How many times as fast the largest size is, by side and number of threads.
    """

    operation: str
    order: int
    exponents: dict[str, float]
    threaded: dict[str, dict[str, float]]


class Found(TypedDict):
    """What the section has found: all operations, and mean gains by number of threads and side."""

    rows: list[Growth]
    means: dict[str, dict[str, float]]


def thread_counts(threads: int) -> list[int]:
    """One, its doubles, and all threads."""
    return sorted({*(1 << i for i in range(threads.bit_length())), threads})


def sizes_between(low: int, high: int) -> list[int]:
    """Sizes in equal proportions, in steps that rows of all kinds can be made of."""
    step = 32 if low >= 32 else low
    return [step * round(low * (high / low) ** (i / (POINTS - 1)) / step) for i in range(POINTS)]


def fitted_exponent(times: dict[int, float]) -> float:
    """The slope of the straight line through the logarithms of sizes and times."""
    x, y = ([math.log(value) for value in values] for values in (times, times.values()))
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return covariance / sum((a - mean_x) ** 2 for a in x)


def run(settings: Settings) -> Found:
    """Measure all rows that are asked for."""
    counts = thread_counts(settings.threads)
    growths: list[Growth] = []
    with ExitStack() as stack:
        workers = {n: stack.enter_context(Worker("ops_worker", threads=n)) for n in counts}
        for row in workers[1].ask(do="rows"):
            if settings.rows in row["name"]:
                growths.append(measure(row, workers, settings))
                print(growths[-1], file=sys.stderr)
    means = {
        f"{n}": {
            side: geometric_mean(growth["threaded"][side][f"{n}"] for growth in growths)
            for side in sides_of(growths)
        }
        for n in counts[1:]
    }
    return {"rows": growths, "means": means}


def measure(row: dict[str, Any], workers: dict[int, Worker], settings: Settings) -> Growth:
    """Measure one operation."""
    low, high = row["sizes"][:2] if settings.quick else row["sizes"][1:]
    most = max(workers)

    def time(threads: int, size: int) -> dict[str, float]:
        turns = 1 if settings.quick else TURNS
        request = {"row": row["name"], "size": size, "turns": turns, "sides": list(SIDES)}
        result: dict[str, float] = workers[threads].ask(do="time", **request)
        return result

    grown = {size: time(most, size) for size in sizes_between(low, high)}
    threaded = {n: grown[high] if n == most else time(n, high) for n in workers}
    sides = list(grown[high])
    exponents = {s: fitted_exponent({n: times[s] for n, times in grown.items()}) for s in sides}
    gains = {
        s: {f"{n}": threaded[1][s] / times[s] for n, times in threaded.items() if n > 1}
        for s in sides
    }
    return {
        "operation": row["name"],
        "order": row["order"],
        "exponents": exponents,
        "threaded": gains,
    }


def markdown(found: Found) -> str:
    """All operations, and the mean of what threads bring."""
    sides = sides_of(found["rows"])
    lines = [
        f"{n} threads, geometric mean: "
        + ", ".join(f"{label} {ratio(gains[side])}" for side, label in sides.items())
        + "."
        for n, gains in found["means"].items()
    ]
    notes = (
        "The exponents are fitted between the middle and the largest size, with all threads; the "
        "last columns say how many times as fast the largest size is as with one thread."
    )
    return "\n\n".join([growth_table(found, sides), *lines, notes])


def sides_of(growths: list[Growth]) -> dict[str, str]:
    """The sides that were there, with their labels."""
    return {
        side: label
        for side, label in SIDES.items()
        if any(side in growth["exponents"] for growth in growths)
    }


def growth_table(found: Found, sides: dict[str, str]) -> str:
    """All operations."""
    header = [
        "operation",
        "work grows with",
        *(f"cost of {label}" for label in sides.values()),
        *(f"{label}, {n} threads" for n in found["means"] for label in sides.values()),
    ]
    return table(
        header,
        [
            [
                growth["operation"],
                f"n^{growth['order']}",
                *(f"n^{growth['exponents'][side]:.2f}" for side in sides),
                *(ratio(growth["threaded"][side][n]) for n in found["means"] for side in sides),
            ]
            for growth in found["rows"]
        ],
    )


def height(found: Found) -> float:
    """The height of the plot in inches."""
    return 1 + 0.2 * len(found["rows"])


def draw(axes: Any, found: Found) -> None:
    """What the most threads bring each operation."""
    names = [growth["operation"] for growth in found["rows"]]
    most = max(found["means"], key=int, default="1")
    for side, label in sides_of(found["rows"]).items():
        gains = [growth["threaded"][side].get(most, 1.0) for growth in found["rows"]]
        axes.scatter(gains, range(len(names)), s=16, color=COLORS[side], label=label)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.2)
    axes.set_xlabel(f"times as fast with {most} threads as with one")
    axes.legend(loc="lower right")
