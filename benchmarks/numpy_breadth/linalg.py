"""Linear algebra: one matrix of several sizes, and batches of small ones, in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import mlx_core_py as mx
import numpy as np
from cpu.row import Values, torch

from .row import Row, evaluated

TITLE = "Linear algebra"
GOAL = 1.0
SHAPES = ((16, 16), (128, 128), (1024, 1024), (1000, 16, 16), (64, 64, 64))

Function = Callable[..., Any]


def general(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Matrices that are far from singular."""
    n = shape[-1]
    result: Values = (rng.standard_normal(shape) + 2 * np.sqrt(n) * np.eye(n)).astype(np.float32)
    return result


def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Symmetric positive definite matrices."""
    x = rng.standard_normal(shape)
    result: Values = (x @ x.mT / shape[-1] + np.eye(shape[-1])).astype(np.float32)
    return result


# The name, the matrices, and the function of each side.
OPERATIONS: tuple[tuple[str, Function, Function, Function | None, str | None], ...] = (
    ("eigh", positive, mx.linalg.eigh, np.linalg.eigh, "eigh"),
    ("eigvalsh", positive, mx.linalg.eigvalsh, np.linalg.eigvalsh, "eigvalsh"),
    ("svd", general, mx.linalg.svd, np.linalg.svd, "svd"),
    (
        "svdvals",
        general,
        lambda a: mx.linalg.svd(a, compute_uv=False),
        np.linalg.svdvals,
        "svdvals",
    ),
    ("qr", general, mx.linalg.qr, np.linalg.qr, "qr"),
    ("cholesky", positive, mx.linalg.cholesky, np.linalg.cholesky, "cholesky"),
    ("inv", general, mx.linalg.inv, np.linalg.inv, "inv"),
    ("det", general, mx.linalg.det, np.linalg.det, "det"),
    ("lu_factor", general, mx.linalg.lu_factor, None, "lu_factor"),
    ("solve", general, mx.linalg.solve, np.linalg.solve, "solve"),
)


def label(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def rows() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    for name, make, ours, numpy, of_torch in OPERATIONS:
        for shape in SHAPES:
            inputs = [make(rng, shape)]
            if name == "solve":
                inputs.append(rng.standard_normal((*shape[:-1], 4)).astype(np.float32))
            arrays = [mx.array(x) for x in inputs]
            mx.eval(arrays)
            calls: dict[str, Callable[[], object]] = {"ours": evaluated(ours, *arrays)}
            if numpy:
                calls["numpy"] = partial(numpy, *inputs)
            if torch and of_torch:
                tensors = [torch.from_numpy(x) for x in inputs]
                calls["torch"] = partial(getattr(torch.linalg, of_torch), *tensors)
            if "numpy" in calls or "torch" in calls:
                yield Row(f"{name} {label(shape)}", calls)
