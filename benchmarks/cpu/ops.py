"""Operations: each of three sizes, beside stock MLX, NumPy and PyTorch."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from .report import COLORS, ratio, seconds, table
from .section import Section, Settings
from .timing import geometric_mean
from .worker import Worker

TURNS = 4
PEERS = {"torch": "PyTorch", "stock": "stock MLX", "numpy": "NumPy"}
# Of the speed of PyTorch and of stock MLX: the least mean, and the least of any size of any row.
MEAN_GOALS, LEAST_GOAL = {"torch": 1.0, "stock": 20.0}, 0.6


@dataclass(frozen=True)
class Cell:
    """One operation of one size: what each side takes, in seconds."""

    row: str
    size: int
    alike: bool
    times: dict[str, float]

    def speed(self, peer: str) -> float | None:
        """How many times as long the peer takes."""
        return self.times[peer] / self.times["ours"] if peer in self.times else None


def run(settings: Settings) -> Section:
    """Measure all rows that are asked for."""
    cells = []
    with Worker("ops_worker", threads=settings.threads) as worker:
        for row in worker.ask(do="rows"):
            if settings.rows not in row["name"]:
                continue
            for size in row["sizes"][: 1 if settings.quick else None]:
                request = {
                    "row": row["name"],
                    "size": size,
                    "turns": 1 if settings.quick else TURNS,
                }
                times = worker.ask(do="time", sides=["ours", *PEERS], **request)
                cells.append(Cell(row["name"], size, row["alike"], times))
                print(cells[-1], file=sys.stderr)
    peers = [peer for peer in PEERS if any(peer in cell.times for cell in cells)]
    return Section(
        "Operations",
        f"{tabulate(cells, peers)}\n\n{summary(cells, peers)}",
        1 + 0.2 * len({cell.row for cell in cells}),
        lambda axes: draw(axes, cells, peers),
    )


def tabulate(cells: list[Cell], peers: list[str]) -> str:
    """All cells: the time of ours, and how many times as long the peers take."""
    return table(
        ["operation", "size", "ours", *(f"{PEERS[peer]} / ours" for peer in peers)],
        [
            [
                cell.row,
                f"{cell.size}",
                seconds(cell.times["ours"]),
                *(
                    f"({ratio(cell.speed(peer))})"
                    if peer == "torch" and not cell.alike
                    else ratio(cell.speed(peer))
                    for peer in peers
                ),
            ]
            for cell in cells
        ],
    )


def summary(cells: list[Cell], peers: list[str]) -> str:
    """The mean of each peer, and what is below the goals."""
    rows = []
    for peer in peers:
        counted = [
            (speed, f"{cell.row}, {cell.size}")
            for cell in cells
            if (cell.alike or peer == "stock") and (speed := cell.speed(peer)) is not None
        ]
        if not counted:
            continue
        speeds = [speed for speed, _ in counted]
        least, place = min(counted)
        goal = MEAN_GOALS.get(peer)
        rows.append(
            [
                PEERS[peer],
                f"{len(speeds)}",
                ratio(geometric_mean(speeds)),
                "-" if goal is None else f"{goal:g}",
                f"{ratio(least)} ({place})",
                *(f"{sum(speed < limit for speed in speeds)}" for limit in (1.0, LEAST_GOAL)),
            ]
        )
    header = ["peer / ours", "cells", "geometric mean", "goal", "least", "below 1", "below 0.6"]
    notes = (
        "A figure above 1 says that ours is faster. Times are the least of several turns. PyTorch "
        "and NumPy have no such quantized products: PyTorch multiplies with dense bfloat16 weights "
        "and NumPy with float32 ones there, and neither counts in the means."
    )
    return f"{table(header, rows)}\n\n{notes}"


def draw(axes: Any, cells: list[Cell], peers: list[str]) -> None:
    """For each row, how many times as long the peers take at each size."""
    names = list(dict.fromkeys(cell.row for cell in cells))
    for peer in peers:
        points = [
            (speed, names.index(cell.row))
            for cell in cells
            if (speed := cell.speed(peer)) is not None
        ]
        axes.scatter(*zip(*points, strict=True), s=14, color=COLORS[peer], label=PEERS[peer])
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", which="both", alpha=0.2)
    axes.set_xlabel("time of the peer / time of ours, a point for each size")
    axes.legend(loc="lower right")
