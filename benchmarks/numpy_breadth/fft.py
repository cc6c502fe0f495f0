"""Fourier transforms: single ones of several lengths, primes among them, and batches."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import Any

import mlx_core_py as mx
import numpy as np
from cpu.row import torch

from .row import Row, evaluated

scipy_fft: Any = importlib.import_module("scipy.fft") if importlib.util.find_spec("scipy") else None

TITLE = "Fourier transforms"
GOAL = 1.0

LENGTHS = ((16,), (256,), (4096,), (1 << 16,), (1 << 20,), (1009,), (10007,))
BATCHES = ((1000, 256), (64, 4096), (64, 1009))
IMAGES = ((512, 512), (8, 128, 128))


def _calls(name: str, x: np.ndarray) -> dict[str, Callable[[], object]]:
    a = mx.array(x)
    mx.eval(a)
    of_numpy: Any = getattr(np.fft, name)
    calls: dict[str, Callable[[], object]] = {
        "ours": evaluated(getattr(mx.fft, name), a),
        "numpy": lambda: of_numpy(x),
    }
    if scipy_fft is not None:
        of_scipy: Any = getattr(scipy_fft, name)
        workers = int(os.environ.get("OMP_NUM_THREADS", "1"))
        calls["scipy"] = lambda: of_scipy(x, workers=workers)
    if torch:
        tensor, of_torch = torch.from_numpy(x), getattr(torch.fft, name)
        calls["torch"] = lambda: of_torch(tensor)
    return calls


def rows() -> Iterator[Row]:
    """Of complex and of real numbers in single precision."""
    rng = np.random.default_rng(0)
    for name, shapes in (
        ("fft", LENGTHS + BATCHES),
        ("rfft", LENGTHS + BATCHES),
        ("irfft", BATCHES),
        ("fft2", IMAGES),
        ("rfft2", IMAGES),
    ):
        for shape in shapes:
            x = rng.standard_normal(shape).astype(np.float32)
            if name in ("fft", "fft2", "irfft"):
                x = (x + 1j * rng.standard_normal(shape)).astype(np.complex64)
            yield Row(f"{name} {'x'.join(map(str, shape))}", _calls(name, x))
