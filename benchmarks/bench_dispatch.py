"""What one call costs: mlx_core_py beside official mlx.core, in one process, interleaved.

Each operation is timed in many short rounds that alternate between the two, so that what else
the machine does falls on both; the best round of each counts. The arrays are tiny: what is
measured is the way from Python to MLX's graph and back, not the computing.

    nox -s bench -- dispatch
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import mlx.core
import mlx_core_py


def operations(mx: ModuleType) -> dict[str, Callable[[], Any]]:
    """The operations to time, each as a function without arguments."""
    a = mx.ones((4, 4))
    b = mx.ones((4, 4))
    mx.eval(a, b)
    return {
        "a + b": lambda: a + b,
        "mx.add(a, b)": lambda: mx.add(a, b),
        "a + 1.0": lambda: a + 1.0,
        "a @ b": lambda: a @ b,
        "mx.exp(a)": lambda: mx.exp(a),
        "mx.reshape(a, (2, 8))": lambda: mx.reshape(a, (2, 8)),
        "a[0]": lambda: a[0],
        "a[1:3]": lambda: a[1:3],
        "a.shape": lambda: a.shape,
        "a.dtype": lambda: a.dtype,
        "mx.sum(a)": lambda: mx.sum(a),
        "a.sum(axis=-1)": lambda: a.sum(axis=-1),
        "mx.array(1.0)": lambda: mx.array(1.0),
        "mx.array([1, 2, 3])": lambda: mx.array([1, 2, 3]),
        "mx.eval(a + b)": lambda: mx.eval(a + b),
    }


def round_time(function: Callable[[], Any], calls: int) -> float:
    """Nanoseconds per call of one round."""
    start = time.perf_counter_ns()
    for _ in range(calls):
        function()
    return (time.perf_counter_ns() - start) / calls


def main() -> None:
    """Time every operation and print a table with the ratio of the two."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40, help="rounds per operation and side")
    parser.add_argument("--calls", type=int, default=1000, help="calls per round")
    options = parser.parse_args()

    ours = operations(mlx_core_py)
    official = operations(mlx.core)
    ratios = []
    print(f"{'operation':24}{'mlx_core_py':>14}{'mlx.core':>12}{'ratio':>8}   (ns per call)")
    for name in ours:
        calls = max(1, options.calls // 20) if "eval" in name else options.calls
        best = [math.inf, math.inf]
        for _ in range(options.rounds):
            for side, function in enumerate((ours[name], official[name])):
                best[side] = min(best[side], round_time(function, calls))
        ratios.append(best[0] / best[1])
        print(f"{name:24}{best[0]:14.0f}{best[1]:12.0f}{ratios[-1]:8.2f}")
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"{'geometric mean':24}{'':26}{mean:8.2f}")


if __name__ == "__main__":
    main()
