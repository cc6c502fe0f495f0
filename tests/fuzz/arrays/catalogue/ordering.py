"""Sorting, selection and search."""

from __future__ import annotations

from typing import Any

import numpy as np

from fuzz.arrays.calls import Call, Draw, Operation, Shape, UnfitError
from fuzz.arrays.values import FLOATS, INTEGERS, REAL, Source, Wide


def _sort_of(x: Wide, axis: int) -> Wide:
    if np.iscomplexobj(x):
        y = np.take_along_axis(x, np.argsort(x.real, axis, kind="stable"), axis)
        # Among equals, there is no derivative.
        return y if np.diff(y.real, axis=axis).all() else np.full(y.shape, np.nan, y.dtype)
    return np.sort(x, axis)


def _sort(d: Draw) -> Call:
    a = d.operand(REAL, low=1)
    if d.source.chance(0.2):
        code = "mx.sort({0}, axis=None)"
        return d.call(code, a.dtype, lambda x: _sort_of(x.reshape(-1), 0), smooth=True)
    axis = d.source.axis(a.ndim)
    return d.call(f"mx.sort({{0}}, axis={axis})", a.dtype, lambda x: _sort_of(x, axis), smooth=True)


def _argsort(d: Draw) -> Call:
    a = d.operand(REAL, low=1)
    axis = d.source.axis(a.ndim)
    return d.call(
        f"mx.argsort({{0}}, axis={axis})",
        "uint32",
        lambda x: np.argsort(x, axis, kind="stable").astype(np.uint32),
    )


def _part(d: Draw) -> Call:
    """The smallest ones, in their order, of what is parted by the k-th."""
    a = d.operand(REAL, low=1)
    axis = d.source.axis(a.ndim)
    length = a.shape[axis]
    if length == 0:
        raise UnfitError
    k = d.choose.randrange(length)
    parted = f"mx.partition({{0}}, {k}, axis={axis})"
    if d.source.chance(0.5):
        parted = f"mx.take_along_axis({{0}}, mx.argpartition({{0}}, {k}, axis={axis}), {axis})"
    code = f"mx.sort(mx.split({parted}, [{k + 1}], axis={axis})[0], axis={axis})"
    first = np.arange(k + 1)
    return d.call(code, a.dtype, lambda x: np.sort(x, axis).take(first, axis))


def _topk(d: Draw) -> Call:
    a = d.operand(REAL, low=1)
    axis = d.source.axis(a.ndim)
    length = a.shape[axis]
    if length == 0:
        raise UnfitError
    k = d.choose.randint(1, length)
    last = np.arange(length - k, length)
    code = f"mx.sort(mx.topk({{0}}, {k}, axis={axis}), axis={axis})"
    return d.call(code, a.dtype, lambda x: np.sort(x, axis).take(last, axis))


def _ascending(source: Source, shape: Shape, dtype: str) -> Wide:
    return np.sort(source.elements(shape, dtype, "finite"), -1)


def _searchsorted(d: Draw) -> Call:
    dtype = d.source.dtype((*INTEGERS, *FLOATS))
    length = d.source.size()
    a = d.operand((dtype,), shape=(length,), domain=_ascending, fixed=True)
    v = d.operand((dtype,), domain="finite")
    side: Any = d.choose.choice(["left", "right"])
    assert a.dtype == v.dtype
    return d.call(
        f"mx.searchsorted({{0}}, {{1}}, side={side!r})",
        "uint32",
        lambda x, y: np.searchsorted(x, y, side=side).astype(np.uint32),
        lambda value, x, y: np.where(y != y, np.nan, 0.0),
        mapped=False,
    )


OPERATIONS: dict[str, Operation] = {
    "sort": _sort,
    "argsort": _argsort,
    "partition": _part,
    "topk": _topk,
    "searchsorted": _searchsorted,
}
