"""Measures the rate at which all threads read memory: a process of `cpu.worker`."""

from __future__ import annotations

import os

from cpu.limits_worker import bandwidth
from cpu.worker import serve


def answer(megabytes: int, turns: int) -> float:
    """Bytes per second."""
    return bandwidth(int(os.environ["OMP_NUM_THREADS"]), megabytes, turns)


if __name__ == "__main__":
    serve(answer)
