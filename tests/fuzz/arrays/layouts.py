"""Ways for elements to lie in memory, other than one after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .values import INTEGERS, Source, Wide


def junk(shape: tuple[int, ...], dtype: str) -> Wide:
    """What lies between elements and must not be seen: NaN, or the largest integer."""
    if dtype == "bool":
        return np.ones(shape, np.bool_)
    if dtype in INTEGERS:
        return np.full(shape, np.iinfo(dtype).max, dtype)
    return np.full(shape, np.nan, np.complex128 if dtype == "complex64" else np.float64)


def _index(axis: int, text: str) -> str:
    return "[" + ":, " * axis + text + "]"


def transposed(source: Source, values: Wide, dtype: str) -> tuple[Wide, str]:
    order = source.choose.sample(range(values.ndim), values.ndim)
    return values.transpose(
        order
    ), f"mx.transpose({{}}, {tuple(int(i) for i in np.argsort(order))})"


def strided(source: Source, values: Wide, dtype: str) -> tuple[Wide, str]:
    """Every so many elements of an axis, from an offset."""
    axis = source.choose.randrange(values.ndim)
    step, offset = source.choose.choice([(1, 1), (1, 3), (2, 0), (2, 1), (3, 2)])
    length = values.shape[axis]
    shape = list(values.shape)
    shape[axis] = offset + step * length
    base = junk(tuple(shape), dtype)
    place = [slice(None)] * axis
    base[(*place, slice(offset, offset + step * length, step))] = values
    return base, "{}" + _index(axis, f"{offset}::{step}")


def reversed_(source: Source, values: Wide, dtype: str) -> tuple[Wide, str]:
    axis = source.choose.randrange(values.ndim)
    return np.flip(values, axis), "{}" + _index(axis, "::-1")


def broadcast(source: Source, values: Wide, dtype: str) -> tuple[Wide, str]:
    """An axis of stride 0, where all elements along it are the same."""
    for axis in source.choose.sample(range(values.ndim), values.ndim):
        first = values.take([0], axis) if values.shape[axis] > 1 else values[:0]
        if first.size and np.array_equal(
            np.broadcast_to(first, values.shape), values, equal_nan=dtype not in ("bool", *INTEGERS)
        ):
            return first, f"mx.broadcast_to({{}}, {values.shape})"
    return values, "{}"


def folded(source: Source, values: Wide, dtype: str) -> tuple[Wide, str]:
    return values.reshape(-1), f"mx.reshape({{}}, {values.shape})"


LAYOUTS: tuple[Callable[[Source, Wide, str], tuple[Wide, str]], ...] = (
    transposed,
    strided,
    reversed_,
    folded,
)


def lay_out(source: Source, values: Wide, dtype: str) -> tuple[Wide, str]:
    """Elements to make an array of, and the view of that which shows `values`."""
    view = "{}"
    if values.ndim:
        values, view = broadcast(source, values, dtype)
        for _ in range(source.choose.choice([0, 0, 1, 1, 2, 3])):
            values, outer = source.choose.choice(LAYOUTS)(source, values, dtype)
            view = view.format(outer)
    return np.array(values, order="C"), view
