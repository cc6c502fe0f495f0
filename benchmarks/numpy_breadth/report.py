"""Measures the rows of a section and prints them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Protocol

from cpu import machine
from cpu.report import ratio, seconds
from cpu.timing import geometric_mean, least_times

from .row import Row

TURNS = 3
PEERS = {"numpy": "NumPy", "scipy": "SciPy", "torch": "PyTorch"}


class Section(Protocol):
    """A module that yields rows."""

    TITLE: str
    GOAL: float

    def rows(self) -> Iterator[Row]:
        """The rows, each made when it is asked for."""
        ...


def introduction(threads: int) -> str:
    """What the figures are measured on and with."""
    found = {
        name: machine.version(name)
        for name in ("mlx-sys-py", "numpy", "scipy", "torch")
        if importlib.util.find_spec(name.replace("-", "_"))
    }
    versions = ", ".join(f"{name} {version}" for name, version in found.items())
    instructions = machine.instructions()
    return f"{machine.processor()} ({instructions}), {threads} threads; {versions}\n"


def run(section: Section, word: str, turns: int) -> None:
    """Print a table of times and ratios: above 1, ours is faster."""
    print(f"## {section.TITLE}\n")
    print("| operation | ours | NumPy | SciPy | PyTorch | best peer / ours |")
    print("|---|--:|--:|--:|--:|--:|", flush=True)
    ratios: dict[str, float] = {}
    for row in section.rows():
        if word not in row.name:
            continue
        times = least_times(row.calls, turns)
        ours = times.pop("ours")
        ratios[row.name] = min(times.values()) / ours
        cells = [seconds(times[peer]) if peer in times else "" for peer in PEERS]
        print(
            f"| {row.name} | {seconds(ours)} | {' | '.join(cells)} | {ratio(ratios[row.name])} |",
            flush=True,
        )
    if not ratios:
        return
    least = min(ratios, key=lambda name: ratios[name])
    below = sum(value < 1 for value in ratios.values())
    print(
        f"\nGeometric mean {geometric_mean(ratios.values()):.2f} (goal {section.GOAL:g}), least "
        f"{ratios[least]:.2f} ({least}), below 1: {below} of {len(ratios)}\n",
        flush=True,
    )
