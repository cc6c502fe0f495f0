"""Views and copies in other shapes, arrays joined and split, arrays made of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from fuzz.arrays.bounds import rounding_error, sum_error
from fuzz.arrays.calls import Call, Draw, Operation, UnfitError
from fuzz.arrays.values import DTYPES, FLOATS, INTEGERS, REAL, Wide, is_float, promoted, rounded

from .reductions import summed


def _factors(d: Draw, size: int) -> tuple[int, ...]:
    """A shape of so many elements."""
    if size == 0:
        return d.choose.choice([(0,), (2, 0), (0, 3)])
    shape = []
    for prime in (2, 2, 3, 5, 2, 3):
        if size % prime == 0 and size > 1:
            shape.append(prime)
            size //= prime
    shape.append(size)
    d.choose.shuffle(shape)
    while len(shape) > 4:
        shape[0:2] = [shape[0] * shape[1]]
    return tuple(shape)


def _reshape(d: Draw) -> Call:
    a = d.operand(DTYPES)
    shape = _factors(d, a.size)
    written = list(shape)
    if a.size and d.source.chance(0.3):
        written[d.choose.randrange(len(written))] = -1
    code = f"mx.reshape({{0}}, {tuple(written)})"
    return d.call(code, a.dtype, lambda x: x.reshape(shape), smooth=True, shapeless=False)


def _flatten(d: Draw) -> Call:
    a = d.operand(DTYPES)
    return d.call("{0}.flatten()", a.dtype, lambda x: x.reshape(-1), smooth=True)


def _transpose(d: Draw) -> Call:
    a = d.operand(DTYPES)
    order = tuple(d.choose.sample(range(a.ndim), a.ndim))
    return d.call(
        f"mx.transpose({{0}}, {order})", a.dtype, lambda x: x.transpose(order), smooth=True
    )


def _swapaxes(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    i, j = d.source.axis(a.ndim), d.source.axis(a.ndim)
    name = d.choose.choice(["swapaxes", "moveaxis"])
    exact = getattr(np, name)
    return d.call(f"mx.{name}({{0}}, {i}, {j})", a.dtype, lambda x: exact(x, i, j), smooth=True)


def _expand(d: Draw) -> Call:
    a = d.operand(DTYPES)
    axis = d.source.axis(a.ndim + 1)
    return d.call(
        f"mx.expand_dims({{0}}, {axis})", a.dtype, lambda x: np.expand_dims(x, axis), smooth=True
    )


def _none(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    text, index = d.choose.choice(
        [("None", (None,)), ("..., None", (..., None)), (":, None", (slice(None), None))]
    )
    return d.call(f"{{0}}[{text}]", a.dtype, lambda x: x[index], smooth=True)


def _squeeze(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    ones = [i for i, n in enumerate(a.shape) if n == 1]
    if not ones:
        raise UnfitError
    axis = d.choose.choice(ones)
    return d.call(f"mx.squeeze({{0}}, {axis})", a.dtype, lambda x: x.squeeze(axis), smooth=True)


def _broadcast(d: Draw) -> Call:
    a = d.operand(DTYPES, limit=2000)
    shape = tuple(d.choose.choice([n, 3]) if n == 1 else n for n in a.shape)
    shape = d.choose.choice([(), (2,), (3, 1)]) + shape
    code = f"mx.broadcast_to({{0}}, {shape})"
    return d.call(code, a.dtype, lambda x: np.broadcast_to(x, shape), smooth=True, shapeless=False)


def _flip(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    axis = d.source.axis(a.ndim)
    return d.call(f"mx.flip({{0}}, {axis})", a.dtype, lambda x: np.flip(x, axis), smooth=True)


def _roll(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    axis, by = d.source.axis(a.ndim), d.choose.choice([0, 1, -1, 2, 7, -5])
    return d.call(
        f"mx.roll({{0}}, {by}, {axis})", a.dtype, lambda x: np.roll(x, by, axis), smooth=True
    )


def _repeat(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1, limit=2000)
    axis, count = d.source.axis(a.ndim), d.choose.randint(0, 3)
    code = f"mx.repeat({{0}}, {count}, {axis})"
    return d.call(code, a.dtype, lambda x: np.repeat(x, count, axis), smooth=True, shapeless=False)


def _tile(d: Draw) -> Call:
    a = d.operand(DTYPES, limit=1000)
    reps = tuple(d.choose.randint(1, 3) for _ in range(d.choose.randint(1, 3)))
    code = f"mx.tile({{0}}, {reps})"
    return d.call(code, a.dtype, lambda x: np.tile(x, reps), smooth=True, shapeless=False)


def _pad(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1, limit=2000)
    widths = [(d.choose.randint(0, 3), d.choose.randint(0, 3)) for _ in a.shape]
    mode: Any = d.choose.choice(["constant", "edge"])
    if mode == "edge" and 0 in a.shape:
        raise UnfitError
    more = "" if mode == "constant" else ', mode="edge"'
    return d.call(
        f"mx.pad({{0}}, {widths}{more})", a.dtype, lambda x: np.pad(x, widths, mode), smooth=True
    )


def _concatenate(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    axis = d.source.axis(a.ndim)
    dtype, count = a.dtype, d.choose.randint(1, 3)
    for _ in range(count - 1):
        shape = list(a.shape)
        shape[axis] = d.choose.choice([shape[axis], 0, 1, 3])
        dtype = promoted(
            dtype, d.operand((a.dtype, d.source.dtype(DTYPES)), shape=tuple(shape)).dtype
        )
    listed = ", ".join(f"{{{i}}}" for i in range(count))

    def exact(*arrays: Wide) -> Any:
        return np.concatenate([_cast(x, dtype) for x in arrays], axis)

    return d.call(f"mx.concatenate([{listed}], {axis})", dtype, exact, smooth=True)


def _stack(d: Draw) -> Call:
    a = d.operand(DTYPES)
    axis, count = d.source.axis(a.ndim + 1), d.choose.randint(1, 3)
    for _ in range(count - 1):
        d.operand((a.dtype,), shape=a.shape)
    listed = ", ".join(f"{{{i}}}" for i in range(count))
    return d.call(
        f"mx.stack([{listed}], {axis})",
        a.dtype,
        lambda *arrays: np.stack(arrays, axis),
        smooth=True,
    )


def _cast(x: Wide, dtype: str) -> Wide:
    return x if np.iscomplexobj(x) and dtype != "complex64" else rounded(x, dtype)


def _split(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    axis = d.source.axis(a.ndim)
    length = a.shape[axis]
    cuts = sorted(d.choose.randint(0, length) for _ in range(d.choose.randint(1, 3)))
    at = d.choose.randrange(len(cuts) + 1)
    return d.call(
        f"mx.split({{0}}, {cuts}, {axis})[{at}]",
        a.dtype,
        lambda x: np.split(x, cuts, axis)[at],
        smooth=True,
        shapeless=False,
    )


def _diagonal(d: Draw) -> Call:
    a = d.operand(DTYPES, low=2)
    offset = d.choose.choice([0, 0, 1, -1])
    i, j = d.choose.sample(range(a.ndim), 2)
    rows, columns = a.shape[i], a.shape[j]
    if not -rows < offset < columns:
        raise UnfitError
    return d.call(
        f"mx.diagonal({{0}}, {offset}, {i}, {j})",
        a.dtype,
        lambda x: np.diagonal(x, offset, i, j),
        smooth=True,
        shapeless=False,
    )


def _trace(d: Draw) -> Call:
    a = d.operand((*INTEGERS, *FLOATS), low=2, domain="plain")
    i, j = d.choose.sample(range(a.ndim), 2)
    dtype = summed(a.dtype)

    def exact(x: Wide) -> Any:
        return np.trace(x, 0, i, j, dtype=None if is_float(dtype) else dtype)

    def error(value: Wide, x: Wide) -> Any:
        if not is_float(dtype):
            return 0.0
        return sum_error(np.trace(np.abs(x), 0, i, j), min(x.shape[i], x.shape[j]), value, dtype)

    return d.call(
        f"mx.trace({{0}}, 0, {i}, {j})", dtype, exact, error, smooth=True, shapeless=False
    )


def _triangle(d: Draw) -> Call:
    name, k = d.choose.choice(["tril", "triu"]), d.choose.choice([0, 1, -1, 2])
    a = d.operand(REAL, low=2)
    exact = getattr(np, name)
    code = f"mx.{name}({{0}}, {k})"
    return d.call(code, a.dtype, lambda x: exact(x, k), smooth=True, shapeless=False)


def _diag(d: Draw) -> Call:
    a = d.operand(REAL, low=1, high=2, limit=300)
    k = d.choose.choice([0, 0, 1, -1])
    if 0 in a.shape or (a.ndim == 2 and not -a.shape[0] < k < a.shape[1]):
        raise UnfitError
    return d.call(
        f"mx.diag({{0}}, {k})", a.dtype, lambda x: np.diag(x, k), smooth=True, shapeless=False
    )


def _outer_of_ranges(d: Draw) -> Call:
    """An array plus one that is made of numbers only, inside the function."""
    a = d.operand(("float32",), shape=(d.choose.choice([1, 3, 5, 17, 64]),), domain="plain")
    n = a.shape[0]
    made, exact = d.choose.choice(
        [
            (f"mx.arange({n})", np.arange(n)),
            (f"mx.arange(1, {2 * n + 1}, 2)", np.arange(1, 2 * n + 1, 2)),
            (f"mx.arange({n}, 0, -1)", np.arange(n, 0, -1)),
            (f"mx.eye({n})[0]", np.eye(n)[0]),
            (f"mx.ones(({n},))", np.ones(n)),
            (f"mx.zeros({n})", np.zeros(n)),
            (f"mx.full(({n},), 2.5)", np.full(n, 2.5)),
            (f"mx.tri({n}, {n}, 0)[-1]", np.tri(n)[-1]),
        ]
    )
    return d.call(
        f"{{0}} + {made}",
        "float32",
        lambda x: x + exact,
        lambda value, x: rounding_error(value, "float32"),
        smooth=True,
        shapeless=False,
    )


OPERATIONS: dict[str, Operation] = {
    "reshape": _reshape,
    "flatten": _flatten,
    "transpose": _transpose,
    "swapaxes": _swapaxes,
    "expand_dims": _expand,
    "none": _none,
    "squeeze": _squeeze,
    "broadcast_to": _broadcast,
    "flip": _flip,
    "roll": _roll,
    "repeat": _repeat,
    "tile": _tile,
    "pad": _pad,
    "concatenate": _concatenate,
    "stack": _stack,
    "split": _split,
    "diagonal": _diagonal,
    "trace": _trace,
    "triangle": _triangle,
    "diag": _diag,
    "creation": _outer_of_ranges,
}
