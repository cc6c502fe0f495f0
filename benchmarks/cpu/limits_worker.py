"""Measures what the machine can do at best: a process of `worker`."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mlx_core_py as ours
import numpy as np

from .row import torch
from .timing import least_times
from .worker import serve


def bandwidth(threads: int, megabytes: int, turns: int) -> float:
    """Bytes per second that all threads read together from an array that no cache holds.

    Each of them goes through a part of its own with the fastest loops that NumPy has.
    """
    parts = np.array_split(np.ones(megabytes << 17), threads)
    whole = [part.view(np.uint64) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        times = least_times(
            {
                "maximum": lambda: list(pool.map(np.max, parts)),
                "dot product": lambda: list(pool.map(np.dot, parts, parts)),
                "or": lambda: list(pool.map(np.bitwise_or.reduce, whole)),
            },
            turns,
        )
    return (megabytes << 20) / min(times.values())


def peaks(n: int, turns: int) -> dict[str, float]:
    """The most operations per second in a product of square matrices, by type, of any side."""
    x = ours.random.normal((n, n)).astype(ours.bfloat16)
    ours.eval(x)
    sides: dict[str, Callable[[], object]] = {"bfloat16": lambda: ours.eval(x @ x)}
    if torch:
        y = torch.randn(n, n).to(torch.bfloat16)
        z = torch.ones(n, n, dtype=torch.int8)
        sides |= {"bfloat16, torch": lambda: y @ y, "int8": lambda: torch._int_mm(z, z)}
    result: dict[str, float] = {}
    for side, time in least_times(sides, turns).items():
        name = side.partition(",")[0]
        result[name] = max(result.get(name, 0.0), 2 * n**3 / time)
    return result


def main() -> None:
    """Answer requests."""
    threads = int(os.environ["OMP_NUM_THREADS"])
    ours.set_default_device(ours.cpu)
    if torch:
        torch.set_num_threads(threads)

    def answer(megabytes: int, n: int, turns: int) -> dict[str, Any]:
        """The limits of reading memory and of products, per second."""
        return {"bytes": bandwidth(threads, megabytes, turns), "operations": peaks(n, turns)}

    serve(answer)


if __name__ == "__main__":
    main()
