"""What one call costs: mlx_core_py beside official mlx.core and MLX's own C++, interleaved.

Operations come first, then transforms of a function of five operations, which C++ has no twin of:
the call of a function that was transformed before, and transforming it and calling it once. Each is
timed in many short rounds that go from side to side in one process, so that what else the machine
does falls on all of them; the best round of each counts. The arrays are tiny: what is measured is
the way from Python to MLX's graph and back, not the computing. The C++ side is built here against
the headers and the library of the installed backend, which all three sides share.

    nox -s bench -- dispatch
    nox -s bench -- dispatch --rows arange   # rows whose statement this regular expression finds
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import platform
import re
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
i, j = 1, 2
mx.eval(a, b, c, row, mask, index, number)

def f(x):
    y = mx.exp(x * 2.0)
    return mx.sum(mx.tanh(y + x))

def loss(parameters, x):
    return mx.sum(mx.tanh(x @ parameters["weight"] + parameters["bias"]))

parameters = {"weight": b, "bias": row}
vmap_f, grad_f, value_and_grad_f = mx.vmap(f), mx.grad(f), mx.value_and_grad(f)
compile_f, compile_loss, grad_loss = mx.compile(f), mx.compile(loss), mx.grad(loss)
mx.eval(compile_f(a), compile_loss(parameters, a))
"""
# What is measured without a twin in C++. Official MLX reads no masks: that row has our time only.
PYTHON_ONLY = (
    "a[mask]",
    "c[mask] = 0.0",
    "mx.random.normal((4, 4))",
    "mx.random.uniform(shape=(4, 4))",
    "vmap_f(a)",
    "grad_f(a)",
    "value_and_grad_f(a)",
    "compile_f(a)",
    "grad_loss(parameters, a)",
    "compile_loss(parameters, a)",
    "mx.vmap(f)(a)",
    "mx.grad(f)(a)",
    "mx.value_and_grad(f)(a)",
    "mx.compile(f)(a)",
)
SOURCE = Path(__file__).parent / "dispatch" / "operations.cpp"

# What is imported by the two sides, in processes of their own.
IMPORTS = {
    "import mlx_sys_py": "import mlx.core",
    "import mlx_core_py": "import mlx.core",
    "import mlx_core_py as mx; mx.eval": "import mlx.core as mx; mx.eval",
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


def works(timer: Timer) -> bool:
    """Whether a side has the operation at all."""
    try:
        timer(1)
    except ValueError:
        return False
    return True


def nanoseconds(timers: list[Timer | None], rounds: int, calls: int) -> list[float]:
    """The best round of each side, per call; infinite for a side that has no such operation."""
    best = [math.inf] * len(timers)
    for _ in range(rounds):
        for side, timer in enumerate(timers):
            if timer is not None:
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
    return f"{statistics.geometric_mean(ratios):.2f}" if ratios else ""


def main() -> None:
    """Print a table of times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40, help="rounds per operation and side")
    parser.add_argument("--calls", type=int, default=1000, help="calls per round")
    parser.add_argument(
        "--rows", type=re.compile, default="", help="regular expression for the statements"
    )
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        cpp = cpp_timers(Path(folder))
    versions = f"mlx-sys-py {mlx_sys_py.__version__}, mlx {mlx.core.__version__}"
    print(f"{processor()}; Python {platform.python_version()}, {versions}")
    print("| operation | mlx_core_py | mlx.core | C++ | ours / mlx.core | ours / C++ |")
    print("|---|--:|--:|--:|--:|--:|")
    ratios: tuple[list[float], list[float]] = [], []
    for statement in filter(options.rows.search, (*cpp, *PYTHON_ONLY)):
        sides: list[Timer | None] = []
        for mx in (mlx_core_py, mlx.core):
            timer = python_timer(mx, statement)
            sides.append(timer if works(timer) else None)
        slow = "eval" in statement or statement in PYTHON_ONLY
        calls = max(1, options.calls // 20) if slow else options.calls
        times = nanoseconds([*sides, cpp.get(statement)], options.rounds, calls)
        cells = [f"{time:.0f} ns" if math.isfinite(time) else "" for time in times]
        for values, peer in zip(ratios, times[1:], strict=True):
            if math.isfinite(peer):
                values.append(times[0] / peer)
            cells.append(f"{values[-1]:.2f}" if math.isfinite(peer) else "")
        print(f"| `{statement}` | {' | '.join(cells)} |", flush=True)
    print(f"| geometric mean | | | | {' | '.join(map(geometric_mean, ratios))} |\n")
    above = sum(ratio > 1 for ratio in ratios[0])
    print(f"{above} of {len(ratios[0])} rows take longer than official mlx.core\n")

    print("| import | ours | official | ours / official |")
    print("|---|--:|--:|--:|")
    for statements in IMPORTS.items():
        if not options.rows.search(statements[0]):
            continue
        own, peer = import_milliseconds(statements, max(1, options.rounds // 2))
        print(
            f"| `{statements[0]}` | {own:.1f} ms | {peer:.1f} ms | {own / peer:.2f} |", flush=True
        )


if __name__ == "__main__":
    main()
