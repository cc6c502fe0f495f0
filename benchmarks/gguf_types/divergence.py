"""How far predictions are from those that are computed in float32, of the weights of one file."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from cpu.worker import Worker

REFERENCE = "float32"
# Whose they are. Few rows at once are multiplied by the kernels of decoding.
WAYS = {"8 bits": "ours", "8 bits, 8 rows": "ours", "exact": "ours", "llama.cpp": "llama"}


class Distance(TypedDict):
    """How far predictions are.

    Attributes:
        mean: The mean Kullback-Leibler divergence of a prediction.
        error: The standard error of the mean.
        greatest: The greatest divergence.
        same_top: The fraction of predictions whose most likely token is the same.
    """

    mean: float
    error: float
    greatest: float
    same_top: float


class Row(TypedDict):
    """What was found of a file.

    Attributes:
        model: The model.
        type: The type.
        tokens: The number of predictions.
        ways: How far each way of computing is.
    """

    model: str
    type: str
    tokens: int
    ways: dict[str, Distance]


def measure(
    model: str,
    type: str,
    path: str,
    pieces: Sequence[list[int]],
    threads: int,
    sides: Sequence[str],
) -> Row:
    """Have all predict the same pieces, and compare."""
    ways = [way for way, side in WAYS.items() if side in sides]
    distances: dict[str, list[Any]] = {way: [] for way in ways}
    same: dict[str, list[Any]] = {way: [] for way in ways}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers = {
            way: stack.enter_context(
                Worker("gguf_types.divergence_worker", way, path, threads=threads)
            )
            for way in (REFERENCE, *ways)
        }

        def predict(way: str, piece: list[int]) -> Any:
            out = folder / f"{way}.npy"
            workers[way].ask(tokens=piece, out=str(out))
            return np.load(out)

        for piece in pieces:
            base = predict(REFERENCE, piece)
            for way in ways:
                other = predict(way, piece)
                distances[way].append(divergence(base, other))
                same[way].append(base.argmax(-1) == other.argmax(-1))
            means = {way: f"{distances[way][-1].mean():.2e}" for way in ways}
            print(model, type, means, file=sys.stderr, flush=True)
    row: Row = {
        "model": model,
        "type": type,
        "tokens": sum(map(len, pieces)),
        "ways": {
            way: _distance(np.concatenate(distances[way]), np.concatenate(same[way]))
            for way in ways
        },
    }
    print(row, file=sys.stderr, flush=True)
    return row


def divergence(base: Any, other: Any) -> Any:
    """The Kullback-Leibler divergence of each prediction, from logarithms of probabilities."""
    width = min(base.shape[-1], other.shape[-1])
    base, other = base[:, :width], other[:, :width]
    return (np.exp(base) * (base - other)).sum(-1, dtype=np.float64)


def _distance(values: Any, same: Any) -> Distance:
    return {
        "mean": float(values.mean()),
        "error": float(values.std() / len(values) ** 0.5),
        "greatest": float(values.max()),
        "same_top": float(same.mean()),
    }
