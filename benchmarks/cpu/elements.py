"""Rows of the table: operations on single elements, reductions, movement, sorting and the like."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .row import Random, Row, Values, normal, squares, torch, vectors

VECTOR, SQUARE = (1 << 10, 1 << 17, 1 << 24), (32, 512, 4096)
GENERATOR = np.random.default_rng(0)


def reduction(name: str) -> Row:
    """A reduction of the rows of a matrix that all have under one name."""
    return Row(
        f"{name} of rows",
        SQUARE,
        squares(1),
        lambda m, x: getattr(m, name)(x, -1),
        lambda x: getattr(torch, name)(x, -1),
        lambda x: getattr(np, name)(x, -1),
        order=2,
    )


def logsumexp(x: Values) -> Values:
    """The logarithm of the sum of the exponentials of each row, with NumPy."""
    most = x.max(-1, keepdims=True)
    return np.asarray(np.log(np.exp(x - most).sum(-1)) + most[:, 0])


def update_middle(x: Any, y: Any) -> Any:
    """Write a matrix over the middle of a larger one, in place."""
    start = (x.shape[0] - y.shape[0]) // 2
    x[start : start + y.shape[0], start : start + y.shape[1]] = y
    return x


def table_and_places(rng: Random, n: int) -> tuple[Values, ...]:
    """A table of 32 MB, and which rows to take."""
    return normal(rng, 1 << 15, 256), rng.integers(0, 1 << 15, n)


def sums_and_places(rng: Random, n: int) -> tuple[Values, ...]:
    """Sums, where to add to them, and what."""
    return normal(rng, n, 64), rng.integers(0, n, n), normal(rng, n, 64)


def add_at(sums: Values, places: Values, values: Values) -> Values:
    """Add rows to a copy of the sums, with NumPy."""
    sums = sums.copy()
    np.add.at(sums, places, values)
    return sums


SINGLE_ELEMENTS = [
    Row("add", VECTOR, vectors(2), lambda m, x, y: x + y, lambda x, y: x + y, lambda x, y: x + y),
    Row("exp", VECTOR, vectors(1), lambda m, x: m.exp(x), lambda x: torch.exp(x), np.exp),
    Row(
        "gelu, as a chain",
        VECTOR,
        vectors(1),
        lambda m, x: x * (1 + m.erf(x * math.sqrt(0.5))) / 2,
        lambda x: torch.nn.functional.gelu(x),
    ),
    Row(
        "where(x > y, x, y)",
        VECTOR,
        vectors(2),
        lambda m, x, y: m.where(x > y, x, y),
        lambda x, y: torch.where(x > y, x, y),
        lambda x, y: np.where(x > y, x, y),
    ),
]
REDUCTIONS = [
    Row("sum", VECTOR, vectors(1), lambda m, x: m.sum(x), lambda x: torch.sum(x), np.sum),
    Row(
        "sum of columns",
        SQUARE,
        squares(1),
        lambda m, x: m.sum(x, 0),
        lambda x: torch.sum(x, 0),
        lambda x: np.sum(x, 0),
        order=2,
    ),
    Row("max", VECTOR, vectors(1), lambda m, x: m.max(x), lambda x: torch.max(x), np.max),
    reduction("argmax"),
    Row(
        "logsumexp of rows",
        SQUARE,
        squares(1),
        lambda m, x: m.logsumexp(x, -1),
        lambda x: torch.logsumexp(x, -1),
        logsumexp,
        order=2,
    ),
]
MOVEMENT = [
    Row(
        "transposed copy",
        SQUARE,
        squares(1),
        lambda m, x: m.contiguous(x.T),
        lambda x: x.T.contiguous(),
        lambda x: np.ascontiguousarray(x.T),
        order=2,
    ),
    Row(
        "concatenate",
        SQUARE,
        squares(2),
        lambda m, x, y: m.concatenate((x, y), 1),
        lambda x, y: torch.concatenate((x, y), 1),
        lambda x, y: np.concatenate((x, y), 1),
        order=2,
    ),
    Row(
        "update of a slice",
        SQUARE,
        lambda rng, n: (normal(rng, n, n), normal(rng, n // 2, n // 2)),
        lambda m, x, y: update_middle(x, y),
        update_middle,
        update_middle,
        order=2,
    ),
    Row(
        "take rows",
        (8, 512, 32768),
        table_and_places,
        lambda m, x, places: m.take(x, places, 0),
        lambda x, places: torch.index_select(x, 0, places),
        lambda x, places: np.take(x, places, 0),
    ),
    Row(
        "add to rows",
        (16, 1024, 65536),
        sums_and_places,
        lambda m, x, places, y: x.at[places].add(y),
        lambda x, places, y: x.index_add(0, places, y),
        add_at,
    ),
]
OTHERS = [
    Row(
        "sort",
        (1 << 10, 1 << 15, 1 << 20),
        vectors(1),
        lambda m, x: m.sort(x),
        lambda x: torch.sort(x).values,
        np.sort,
    ),
    Row(
        "argsort",
        (1 << 10, 1 << 15, 1 << 20),
        vectors(1),
        lambda m, x: m.argsort(x),
        lambda x: torch.argsort(x),
        np.argsort,
    ),
    Row(
        "cumsum of rows",
        SQUARE,
        squares(1),
        lambda m, x: m.cumsum(x, -1),
        lambda x: torch.cumsum(x, -1),
        lambda x: np.cumsum(x, -1),
        order=2,
    ),
    Row(
        "random normal",
        VECTOR,
        vectors(1),
        lambda m, x: m.random.normal(x.shape),
        lambda x: torch.randn(x.shape),
        lambda x: GENERATOR.standard_normal(x.shape, np.float32),
    ),
]
ROWS = SINGLE_ELEMENTS + REDUCTIONS + MOVEMENT + OTHERS
