"""Operations: each of three sizes, beside stock MLX, NumPy and PyTorch."""

from __future__ import annotations

import sys
from typing import Any, TypedDict

from .report import COLORS, ratio, seconds, table
from .section import Settings
from .timing import geometric_mean
from .worker import Worker

TITLE = "Operations"
TURNS = 4
PEERS = {"torch": "PyTorch", "stock": "stock MLX", "numpy": "NumPy"}
# Of the speed of PyTorch and of stock MLX: the least mean, and the least of any size of any row.
MEAN_GOALS, LEAST_GOAL = {"torch": 1.0, "stock": 20.0}, 0.6


class Cell(TypedDict):
    """One operation of one size.

    Attributes:
        operation: The operation.
        size: Its size.
        alike: Whether PyTorch does the same.
        ours: What ours takes, in seconds.
        ratios: How many times as long each peer takes.
    """

    operation: str
    size: int
    alike: bool
    ours: float
    ratios: dict[str, float]


class Summary(TypedDict):
    """Ours beside one peer.

    Attributes:
        cells: How many cells count.
        mean: The geometric mean of their ratios.
        least: The least ratio.
        place: The cell of the least ratio.
        below_one: How many ratios are below 1.
        below_goal: How many ratios are below the goal for any cell.
    """

    cells: int
    mean: float
    least: float
    place: str
    below_one: int
    below_goal: int


class Found(TypedDict):
    """What the section has found: all cells, and a summary for each peer."""

    rows: list[Cell]
    summary: dict[str, Summary]


def run(settings: Settings) -> Found:
    """Measure all rows that are asked for."""
    cells: list[Cell] = []
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
                ours = times["ours"]
                cells.append(
                    {
                        "operation": row["name"],
                        "size": size,
                        "alike": row["alike"],
                        "ours": ours,
                        "ratios": {peer: times[peer] / ours for peer in PEERS if peer in times},
                    }
                )
                print(cells[-1], file=sys.stderr)
    return {"rows": cells, "summary": summarize(cells)}


def summarize(cells: list[Cell]) -> dict[str, Summary]:
    """The mean of each peer that has something to compare, and what is below the goals."""
    summary: dict[str, Summary] = {}
    for peer in PEERS:
        counted = [
            (cell["ratios"][peer], f"{cell['operation']}, {cell['size']}")
            for cell in cells
            if peer in cell["ratios"] and (cell["alike"] or peer == "stock")
        ]
        if counted:
            ratios = [value for value, _ in counted]
            least, place = min(counted)
            summary[peer] = {
                "cells": len(ratios),
                "mean": geometric_mean(ratios),
                "least": least,
                "place": place,
                "below_one": sum(value < 1 for value in ratios),
                "below_goal": sum(value < LEAST_GOAL for value in ratios),
            }
    return summary


def peers_of(found: Found) -> list[str]:
    """The peers that were there."""
    return [peer for peer in PEERS if any(peer in cell["ratios"] for cell in found["rows"])]


def markdown(found: Found) -> str:
    """All cells, and a summary of each peer."""
    notes = (
        "A figure above 1 says that ours is faster. Times are the least of several turns. PyTorch "
        "and NumPy have no such quantized products: PyTorch multiplies with dense bfloat16 weights "
        "and NumPy with float32 ones there, and neither counts in the means."
    )
    return f"{cell_table(found)}\n\n{summary_table(found)}\n\n{notes}"


def cell_table(found: Found) -> str:
    """All cells: the time of ours, and how many times as long the peers take."""
    peers = peers_of(found)

    def shown(cell: Cell, peer: str) -> str:
        text = ratio(cell["ratios"].get(peer))
        return f"({text})" if peer == "torch" and not cell["alike"] else text

    return table(
        ["operation", "size", "ours", *(f"{PEERS[peer]} / ours" for peer in peers)],
        [
            [
                cell["operation"],
                f"{cell['size']}",
                seconds(cell["ours"]),
                *(shown(cell, peer) for peer in peers),
            ]
            for cell in found["rows"]
        ],
    )


def summary_table(found: Found) -> str:
    """The mean of each peer, and what is below the goals."""
    rows = [
        [
            PEERS[peer],
            f"{summary['cells']}",
            ratio(summary["mean"]),
            f"{MEAN_GOALS[peer]:g}" if peer in MEAN_GOALS else "-",
            f"{ratio(summary['least'])} ({summary['place']})",
            f"{summary['below_one']}",
            f"{summary['below_goal']}",
        ]
        for peer, summary in found["summary"].items()
    ]
    header = ["peer / ours", "cells", "geometric mean", "goal", "least", "below 1"]
    return table([*header, f"below {LEAST_GOAL:g}"], rows)


def names_of(found: Found) -> list[str]:
    """The operations, in their order."""
    return list(dict.fromkeys(cell["operation"] for cell in found["rows"]))


def height(found: Found) -> float:
    """The height of the plot in inches."""
    return 1 + 0.2 * len(names_of(found))


def draw(axes: Any, found: Found) -> None:
    """For each operation, how many times as long the peers take at each size."""
    names = names_of(found)
    for peer in peers_of(found):
        points = [
            (cell["ratios"][peer], names.index(cell["operation"]))
            for cell in found["rows"]
            if peer in cell["ratios"]
        ]
        axes.scatter(*zip(*points, strict=True), s=14, color=COLORS[peer], label=PEERS[peer])
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", which="both", alpha=0.2)
    axes.set_xlabel("time of the peer / time of ours, a point for each size")
    axes.legend(loc="lower right")
