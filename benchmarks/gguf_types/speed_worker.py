"""Loads a file with one library and generates: a process of `cpu.worker`."""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import Any

from cpu.text_worker import Generate, peak_memory, with_openvino, with_ours
from cpu.worker import serve

from .models import SIDES

# Room for the prompt and what follows it.
CONTEXT = 640


def load(side: str, path: str) -> Generate:
    threads = int(os.environ["OMP_NUM_THREADS"])
    if side == "llama":
        from .llama import Llama

        return Llama(path, threads, CONTEXT).generate
    return {"ours": with_ours, "openvino": with_openvino}[side](path, threads)


def main(side: str, path: str) -> None:
    """Load, then answer requests."""
    module = importlib.import_module(SIDES[side][1])
    if side == "ours":
        # What is imported when it is asked for is no part of loading either.
        assert module.load
        assert module.generate_step
    memory = [peak_memory()]
    start = time.perf_counter()
    generate = load(side, path)
    seconds = time.perf_counter() - start
    memory.append(peak_memory())

    def answer(prompt: list[int], count: int) -> dict[str, Any]:
        """When each token was there, and the most memory after importing, loading and now."""
        times: list[float] = []
        start = time.perf_counter()
        generate(prompt, count, lambda: times.append(time.perf_counter() - start))
        return {"load": seconds, "times": times, "memory": [*memory, peak_memory()]}

    serve(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
