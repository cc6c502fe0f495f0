"""What the CPU kernels cost, beside those of official MLX and NumPy.

Run as ``nox -s bench -- cpu [repetitions]``. All sides work on the same numbers, in turns, in one
process; a cell is the median of the repetitions. The official package runs its own kernels there:
ours are put in at evaluation, by our library alone.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlx.core as stock
import mlx_core_py as ours
import numpy as np

TURN, PAUSE = 5, 0.1
Case = tuple[str, float, dict[str, Callable[[], object]]]


def processor() -> str:
    """The name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def in_both(values: np.ndarray[Any, Any], dtype: str = "float32") -> tuple[Any, Any]:
    """The values as an array of either package, evaluated."""
    a, b = (mx.array(values).astype(getattr(mx, dtype)) for mx in (ours, stock))
    ours.eval(a)
    stock.eval(b)
    return a, b


def quantized_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Products with weights of 4 and 8 bits, of the sizes of a small language model."""
    for bits, m, n, k in [
        (4, 1, 576, 576),
        (4, 1, 1536, 576),
        (4, 1, 576, 1536),
        (8, 1, 49152, 576),
        (4, 1, 4096, 4096),
        (4, 8, 1536, 576),
        (4, 128, 1536, 576),
    ]:
        weights = rng.normal(size=(n, k)).astype(np.float32)
        x, x_stock = in_both(rng.normal(size=(m, k)).astype(np.float32))
        packed = [np.array(a) for a in stock.quantize(stock.array(weights), 32, bits)]
        w, w_stock = in_both(packed[0], "uint32")
        (s, s_stock), (b, b_stock) = (in_both(a, "float16") for a in packed[1:])
        options: dict[str, Any] = {"transpose": True, "group_size": 32, "bits": bits}
        dense = weights.T
        x_numpy = np.array(x_stock)
        yield (
            f"{bits}-bit ({m}, {k}) x ({n}, {k}).T",
            2.0 * m * n * k,
            {
                "ours": lambda x=x, w=w, s=s, b=b, o=options: ours.eval(
                    ours.quantized_matmul(x, w, s, b, **o)
                ),
                "stock": lambda x=x_stock, w=w_stock, s=s_stock, b=b_stock, o=options: stock.eval(
                    stock.quantized_matmul(x, w, s, b, **o)
                ),
                "NumPy, float32": lambda x=x_numpy, w=dense: x @ w,
            },
        )


def dense_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Products of floats: square, thin, batched as attention does, and in half precision."""
    for left, right, dtype in [
        ((512, 512), (512, 512), "float32"),
        ((512, 512), (512, 512), "bfloat16"),
        ((1, 576), (576, 576), "float32"),
        ((9, 1, 64), (9, 64, 512), "float32"),
        ((9, 1, 512), (9, 512, 64), "float32"),
        ((9, 128, 64), (9, 64, 128), "float32"),
        ((8, 8), (8, 8), "float32"),
    ]:
        a, b = (rng.normal(size=shape).astype(np.float32) for shape in (left, right))
        (x, x_stock), (y, y_stock) = in_both(a, dtype), in_both(b, dtype)
        yield (
            f"{dtype} {left} x {right}",
            2.0 * np.prod(left) * right[-1],
            {
                "ours": lambda x=x, y=y: ours.eval(x @ y),
                "stock": lambda x=x_stock, y=y_stock: stock.eval(x @ y),
                "NumPy, float32": lambda x=a, y=b: x @ y,
            },
        )


def measure(sides: dict[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """The median time of each side.

    They take turns of a few calls, the first of which does not count. Each turn begins with a
    pause, as threads of the side before keep looking for work for a while.
    """
    times: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(-(-repetitions // TURN)):
        for side, function in sides.items():
            time.sleep(PAUSE)
            for call in range(TURN + 1):
                start = time.perf_counter()
                function()
                if call > 0:
                    times[side].append(time.perf_counter() - start)
    return {side: statistics.median(values) for side, values in times.items()}


def main(repetitions: int = 30) -> None:
    """Print a table of times, speeds and ratios."""
    stock.set_default_device(stock.cpu)
    ours.set_default_device(ours.cpu)
    versions = [
        f"{name} {importlib.metadata.version(name)}" for name in ("mlx-sys-py", "mlx", "numpy")
    ]
    threads = os.environ.get("MLX_SYS_PY_NUM_THREADS") or len(os.sched_getaffinity(0))
    level = os.environ.get("MLX_SYS_PY_CPU") or "best"
    print(f"{processor()}, {threads} threads, level {level}; {', '.join(versions)}")
    print("| product | ours | GFLOP/s | stock | NumPy, float32 | stock / ours | NumPy / ours |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    rng = np.random.default_rng(0)
    for cases in (quantized_cases, dense_cases):
        for name, work, sides in cases(rng):
            own, *others = measure(sides, repetitions).values()
            cells = [f"{t * 1e6:.0f} µs" for t in (own, *others)]
            cells.insert(1, f"{work / own / 1e9:.1f}")
            ratios = [f"{t / own:.2f}" for t in others]
            print(f"| {name} | {' | '.join(cells + ratios)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
