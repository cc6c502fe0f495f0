"""Times of several sides that take turns in one process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping

# The threads of some libraries keep looking for work for a while after a call, OpenBLAS's for
# 0.1 s, and would keep a processor from the next side.
PAUSE = 0.2
# What one side is given in a turn, and in all turns together.
TURN, TOTAL = 0.04, 1.0


def turn(function: Callable[[], object]) -> float:
    """The least time that a call takes in one turn, in seconds.

    The first call does not count: it finds the caches full of the data of another side, and threads
    asleep.
    """
    function()
    best = math.inf
    start = end = time.perf_counter()
    while end - start < TURN:
        call = time.perf_counter()
        function()
        end = time.perf_counter()
        best = min(best, end - call)
    return best


def least_times(
    sides: Mapping[str, Callable[[], object]],
    turns: int,
    before: Mapping[str, Callable[[], object]] | None = None,
) -> dict[str, float]:
    """The least time that one call of each side takes, in seconds.

    A side that has used up its time takes no more turns. What ``before`` holds for a side is called
    before each of its turns.
    """
    best = dict.fromkeys(sides, math.inf)
    spent = dict.fromkeys(sides, 0.0)
    for _ in range(turns):
        for side, function in sides.items():
            if spent[side] > TOTAL:
                continue
            time.sleep(PAUSE)
            if before and side in before:
                before[side]()
            begin = time.perf_counter()
            best[side] = min(best[side], turn(function))
            spent[side] += time.perf_counter() - begin
    return best


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean of positive numbers."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))
