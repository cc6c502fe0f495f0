"""What operations on single elements and reductions cost, beside official MLX, NumPy and PyTorch.

Run as ``nox -s bench -- ops [dtype]``. All sides work on the same numbers, in turns, in one
process, with as many threads as there are processors; a cell is the least of the repetitions.
PyTorch takes part if it is installed, NumPy for float32.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import mlx.core as stock
import mlx_core_py as ours
import numpy as np

torch: Any = importlib.import_module("torch") if importlib.util.find_spec("torch") else None

SIZES = (1 << 10, 1 << 18, 1 << 24)
UNARY = ["exp", "log", "sin", "tanh", "sqrt", "abs"]
BINARY = ["add", "multiply", "divide", "maximum", "power"]
# What one side computes from two arrays of numbers between 0.1 and 1.1.
Function = Callable[[Any, Any], object]
# The functions for MLX's interface, given the module, and for the others.
Case = tuple[str, Callable[[Any, Any, Any], object], Function | None, Function | None]


def square(x: Any) -> Any:
    """The elements as a matrix that is about as high as it is wide."""
    return x.reshape(-1, 1 << int(math.log2(math.prod(x.shape)) / 2))


def named(name: str) -> Case:
    """The case of a function that has the same name everywhere."""
    return (
        name,
        lambda m, x, y: getattr(m, name)(x, y) if name in BINARY else getattr(m, name)(x),
        lambda x, y: getattr(torch, TORCH.get(name, name))(*((x, y) if name in BINARY else (x,))),
        lambda x, y: getattr(np, name)(*((x, y) if name in BINARY else (x,))),
    )


TORCH = {"power": "pow"}


def along_rows(name: str) -> Case:
    """The case of a function of the rows of a matrix."""
    return (
        f"{name} of rows",
        lambda m, x, y: getattr(m, name)(square(x), axis=-1),
        lambda x, y: getattr(torch, name)(square(x), -1),
        None if name in ("softmax", "logsumexp") else lambda x, y: getattr(np, name)(square(x), -1),
    )


def cases() -> Iterator[Case]:
    """All rows of the table."""
    for name in UNARY + BINARY:
        yield named(name)
    yield "sigmoid", lambda m, x, y: m.sigmoid(x), lambda x, y: torch.sigmoid(x), None
    yield "erf", lambda m, x, y: m.erf(x), lambda x, y: torch.erf(x), None
    yield "x * 2 + 1", *[lambda m, x, y: x * 2 + 1, *[lambda x, y: x * 2 + 1] * 2]
    yield "x > y", *[lambda m, x, y: x > y, *[lambda x, y: x > y] * 2]
    yield (
        "where(x > y, x, y)",
        lambda m, x, y: m.where(x > y, x, y),
        lambda x, y: torch.where(x > y, x, y),
        lambda x, y: np.where(x > y, x, y),
    )
    yield (
        "silu(x) * y",
        lambda m, x, y: x * m.sigmoid(x) * y,
        lambda x, y: torch.nn.functional.silu(x) * y,
        None,
    )
    yield (
        "gelu",
        lambda m, x, y: x * (1 + m.erf(x * 0.70710678)) / 2,
        lambda x, y: torch.nn.functional.gelu(x),
        None,
    )
    yield (
        "to int32",
        lambda m, x, y: x.astype(m.int32),
        lambda x, y: x.to(torch.int32),
        lambda x, y: x.astype(np.int32),
    )
    rows: Function = lambda x, y: square(x) + square(y)[0]  # noqa: E731
    yield "matrix + row", lambda m, x, y: rows(x, y), rows, rows
    turned: Function = lambda x, y: square(x) + square(y).T  # noqa: E731
    yield "matrix + transposed", lambda m, x, y: turned(x, y), turned, turned
    for name in ("sum", "max"):
        yield (
            name,
            lambda m, x, y, name=name: getattr(m, name)(x),
            lambda x, y, name=name: getattr(torch, name)(x),
            lambda x, y, name=name: getattr(np, name)(x),
        )
    yield (
        "sum of columns",
        lambda m, x, y: m.sum(square(x), axis=0),
        lambda x, y: torch.sum(square(x), 0),
        lambda x, y: np.sum(square(x), 0),
    )
    for name in ("sum", "argmax", "var", "softmax", "logsumexp"):
        yield along_rows(name)


def best_times(sides: dict[str, Callable[[], object]], size: int) -> dict[str, float]:
    """The least time of each side in microseconds."""
    repetitions, calls = (7, 20) if size < 1 << 16 else (5, 1)
    best = dict.fromkeys(sides, math.inf)
    for function in sides.values():
        function()
    for _ in range(repetitions):
        for name, function in sides.items():
            start = time.perf_counter()
            for _ in range(calls):
                function()
            best[name] = min(best[name], (time.perf_counter() - start) / calls * 1e6)
    return best


def main() -> None:
    """Print the table."""
    dtype = sys.argv[1] if len(sys.argv) > 1 else "float32"
    stock.set_default_device(stock.cpu)
    peers = ["numpy"] + (["torch"] if torch else [])
    if torch:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("mlx", *peers)]
    print(f"{dtype}, {len(os.sched_getaffinity(0))} processors; {', '.join(versions)}")
    ratios: dict[str, list[float]] = {}
    for size in SIZES:
        rng = np.random.default_rng(0)
        numbers = [rng.uniform(0.1, 1.1, size).astype(np.float32) for _ in "xy"]
        of_ours = [ours.array(a).astype(getattr(ours, dtype)) for a in numbers]
        of_stock = [stock.array(a).astype(getattr(stock, dtype)) for a in numbers]
        of_torch = [torch.from_numpy(a).to(getattr(torch, dtype)) for a in numbers] if torch else []
        ours.eval(of_ours)
        stock.eval(of_stock)
        for name, function, for_torch, for_numpy in cases():
            sides: dict[str, Callable[[], object]] = {
                "ours": lambda f=function, a=of_ours: ours.eval(f(ours, *a)),
                "mlx": lambda f=function, a=of_stock: stock.eval(f(stock, *a)),
            }
            if torch and for_torch:
                sides["torch"] = lambda f=for_torch, a=of_torch: f(*a)
            if for_numpy and dtype == "float32":
                sides["numpy"] = lambda f=for_numpy, a=numbers: f(*a)
            times = best_times(sides, size)
            cells = [f"{name:20}{size:10}{times['ours']:11.1f} us"]
            for peer in ("mlx", "torch", "numpy"):
                if peer not in times:
                    continue
                ratio = times[peer] / times["ours"]
                ratios.setdefault(peer, []).append(ratio)
                cells.append(f"{peer} {ratio:6.2f}")
            print("  ".join(cells), flush=True)
    for peer, values in ratios.items():
        mean = math.exp(sum(map(math.log, values)) / len(values))
        print(f"{peer} / ours: geometric mean {mean:.2f}, least {min(values):.2f}")


if __name__ == "__main__":
    main()
