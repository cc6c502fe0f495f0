"""What one call costs: mlx_core_py beside official mlx.core and MLX's own C++, interleaved.

Each operation is timed in many short rounds that go from side to side in one process, so that what
else the machine does falls on all of them; the best round of each counts. The arrays are tiny: what
is measured is the way from Python to MLX's graph and back, not the computing. The C++ side is built
here against the headers and the library of the installed backend, which all three sides share.

    nox -s bench -- dispatch
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import mlx.core
import mlx_core_py
import mlx_sys_py
from cpu.machine import processor

SETUP = """
a, b, c, row = mx.ones((4, 4)), mx.ones((4, 4)), mx.ones((4, 4)), mx.ones((4,))
mask, index, number = a < b, mx.array([0, 2]), mx.array(1.0)
mx.eval(a, b, c, row, mask, index, number)
"""
SOURCE = Path(__file__).parent / "dispatch" / "operations.cpp"

# What is imported by the two sides, in processes of their own.
IMPORTS = {
    "import mlx_sys_py": "import mlx.core",
    "import mlx_core_py": "import mlx.core",
    "import mlx_core_py, mlx_core_py.nn": "import mlx.core, mlx.nn",
}

Timer = Callable[[int], float]


def cpp_timers(folder: Path) -> dict[str, Timer]:
    """Build the C++ side; its operations by name, each a function of the number of calls."""
    mlx_folder = Path(mlx.core.__file__).parent
    library = folder / "operations.so"
    command = [os.environ.get("CXX", "c++"), "-std=c++20", "-O2", "-shared", "-fPIC", str(SOURCE)]
    command += ["-isystem", f"{mlx_folder}/include", "-o", str(library)]
    command += [f"-L{mlx_folder}/lib", "-lmlx", f"-Wl,-rpath,{mlx_folder}/lib"]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.operation_name.restype = ctypes.c_char_p
    loaded.operation_seconds.restype = ctypes.c_double
    return {
        loaded.operation_name(i).decode(): partial(loaded.operation_seconds, i)
        for i in range(loaded.operation_count())
    }


def python_timer(mx: ModuleType, statement: str) -> Timer:
    """A statement on one of the packages as a function of the number of calls."""
    return timeit.Timer(statement, SETUP, globals={"mx": mx}).timeit


def nanoseconds(timers: list[Timer], rounds: int, calls: int) -> list[float]:
    """The best round of each side, per call."""
    best = [math.inf] * len(timers)
    for _ in range(rounds):
        for side, timer in enumerate(timers):
            best[side] = min(best[side], timer(calls) / calls * 1e9)
    return best


def import_milliseconds(statements: tuple[str, str], rounds: int) -> list[float]:
    """The median time of each statement in a new process."""
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(rounds):
        for statement in statements:
            code = f"import time; t = time.perf_counter(); {statement}; t -= time.perf_counter()"
            command = [sys.executable, "-c", f"{code}; print(-t * 1e3)"]
            output = subprocess.run(command, check=True, capture_output=True).stdout
            times[statement].append(float(output))
    return [statistics.median(values) for values in times.values()]


def geometric_mean(ratios: list[float]) -> str:
    """As a cell of the table."""
    return f"{statistics.geometric_mean(ratios):.2f}"


def main() -> None:
    """Print a table of times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40, help="rounds per operation and side")
    parser.add_argument("--calls", type=int, default=1000, help="calls per round")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        cpp = cpp_timers(Path(folder))
    versions = f"mlx-sys-py {mlx_sys_py.__version__}, mlx {mlx.core.__version__}"
    print(f"{processor()}; Python {platform.python_version()}, {versions}")
    print("| operation | mlx_core_py | mlx.core | C++ | ours / mlx.core | ours / C++ |")
    print("|---|--:|--:|--:|--:|--:|")
    ratios: tuple[list[float], list[float]] = [], []
    for statement, timer in cpp.items():
        timers = [python_timer(mx, statement) for mx in (mlx_core_py, mlx.core)]
        calls = max(1, options.calls // 20) if "eval" in statement else options.calls
        times = nanoseconds([*timers, timer], options.rounds, calls)
        cells = [f"{time:.0f} ns" for time in times]
        for values, peer in zip(ratios, times[1:], strict=True):
            values.append(times[0] / peer)
            cells.append(f"{values[-1]:.2f}")
        print(f"| `{statement}` | {' | '.join(cells)} |", flush=True)
    print(f"| geometric mean | | | | {' | '.join(map(geometric_mean, ratios))} |\n")

    print("| import | ours | official | ours / official |")
    print("|---|--:|--:|--:|")
    for statements in IMPORTS.items():
        own, peer = import_milliseconds(statements, max(1, options.rounds // 2))

        print(
            f"| `{statements[0]}` | {own:.1f} ms | {peer:.1f} ms | {own / peer:.2f} |", flush=True
        )


if __name__ == "__main__":
    main()
