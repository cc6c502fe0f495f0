"""Elements read and written by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from fuzz.arrays.bounds import rounding_error, sum_error
from fuzz.arrays.calls import Call, Draw, Operation, Shape, UnfitError
from fuzz.arrays.values import DTYPES, FLOATS, INTEGERS, Source, Wide, is_float

INDICES = ("int32", "uint32", "int64", "uint8")


def _indices_below(length: int, negative: bool = True) -> Any:
    def make(source: Source, shape: Shape, dtype: str) -> Wide:
        low = -length if negative and dtype.startswith("int") else 0
        return source.numbers.integers(low, length, shape).astype(dtype)

    return make


def _distinct_below(axis: int, length: int) -> Any:
    """Indices along an axis, none twice in a row of that axis."""

    def make(source: Source, shape: Shape, dtype: str) -> Wide:
        keys = source.numbers.random((*shape[:axis], length, *shape[axis + 1 :]))
        return np.argsort(keys, axis).take(np.arange(shape[axis]), axis).astype(dtype)

    return make


def _length_of(d: Draw, shape: Shape, axis: int) -> int:
    length = shape[axis]
    if length == 0 or length > 120:
        raise UnfitError
    return length


def _take(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    axis = d.source.axis(a.ndim)
    length = _length_of(d, a.shape, axis)
    d.operand(
        INDICES,
        shape=d.choose.choice([(), (1,), (3,), (2, 3), (17,)]),
        domain=_indices_below(length),
    )

    def exact(x: Wide, i: Wide) -> Any:
        return np.take(x, i.real.astype(int), axis)

    return d.call(f"mx.take({{0}}, {{1}}, {axis})", a.dtype, exact, smooth=True)


def _index_by_array(d: Draw) -> Call:
    """Arrays as indices, between slices."""
    a = d.operand(DTYPES, low=2)
    length = _length_of(d, a.shape, 0)
    d.operand(INDICES, shape=d.choose.choice([(), (3,), (2, 3)]), domain=_indices_below(length))
    kinds = ["{0}[{1}]", "{0}[{1}, 1:]", "{0}[{1}, ::-1]", "{0}[{1}, ..., None]", "{0}[{1}, None]"]
    code = d.choose.choice(kinds)
    after = code[7:-1]

    def exact(x: Wide, i: Wide) -> Any:
        i = i.real.astype(int)
        return eval(f"x[i{after}]", {"x": x, "i": i})

    return d.call(code, a.dtype, exact, smooth=True, shapeless=False)


def _two_arrays(d: Draw) -> Call:
    a = d.operand(DTYPES, low=2)
    first, second = _length_of(d, a.shape, 0), _length_of(d, a.shape, 1)
    shape = d.choose.choice([(3,), (2, 3)])
    d.operand(INDICES, shape=shape, domain=_indices_below(first))
    d.operand(INDICES, shape=shape, domain=_indices_below(second))

    def exact(x: Wide, i: Wide, j: Wide) -> Any:
        return x[i.real.astype(int), j.real.astype(int)]

    return d.call("{0}[{1}, {2}]", a.dtype, exact, smooth=True, shapeless=False)


def _slice_text(d: Draw, length: int) -> str:
    if d.source.chance(0.3):
        return ":"
    start = d.choose.choice(["", str(d.choose.randint(-length - 1, length + 1))])
    stop = d.choose.choice(["", str(d.choose.randint(-length - 1, length + 1))])
    step = d.choose.choice(["", "", ":2", ":-1", ":-2", ":3"])
    return f"{start}:{stop}{step}"


def _subscript(d: Draw, shape: Shape) -> str:
    """Slices, integers, None and an ellipsis."""
    parts = []
    for length in shape[: d.choose.randint(1, len(shape))]:
        if length and d.source.chance(0.25):
            parts.append(str(d.choose.randint(-length, length - 1)))
        else:
            parts.append(_slice_text(d, length))
        if d.source.chance(0.1):
            parts.append("None")
    if d.source.chance(0.2):
        parts.append("...")
    return ", ".join(parts)


def _index(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    text = _subscript(d, a.shape)

    def exact(x: Wide) -> Any:
        return np.asarray(eval(f"x[{text}]", {"x": x}))

    return d.call(f"{{0}}[{text}]", a.dtype, exact, smooth=True, shapeless=False)


def _update(d: Draw) -> Call:
    """`a.at[...]`, which gives a new array."""
    a = d.operand((*INTEGERS, *FLOATS), low=1, domain="plain")
    text = _subscript(d, a.shape).replace("None, ", "").replace(", None", "")
    name = d.choose.choice(["add", "subtract", "multiply", "maximum", "minimum"])
    value = d.choose.choice([1, 2, 3])
    exact_of = {"subtract": np.subtract}.get(name, getattr(np, name))

    def exact(x: Wide) -> Any:
        y = np.array(x)
        scope = {"y": y, "f": exact_of, "v": y.dtype.type(value)}
        if np.iscomplexobj(y) and name in ("maximum", "minimum"):
            return np.full(y.shape, np.nan, y.dtype)
        exec(f"y[{text}] = f(y[{text}], v)", scope)
        return y

    def error(result: Wide, x: Wide) -> Any:
        return rounding_error(result, a.dtype) if is_float(a.dtype) else 0.0

    code = f"{{0}}.at[{text}].{name}({value})"
    return d.call(code, a.dtype, exact, error, smooth=True, shapeless=False)


def _accumulate(d: Draw) -> Call:
    """Updates of rows, of which some meet."""
    a = d.operand(("float32", "float16", "bfloat16", "int32", "uint32"), low=1, domain="plain")
    length = _length_of(d, a.shape, 0)
    count = d.choose.choice([1, 3, 9])
    d.operand(INDICES, shape=(count,), domain=_indices_below(length))
    d.operand((a.dtype,), shape=(count, *a.shape[1:]), domain="plain")

    def exact(x: Wide, i: Wide, v: Wide) -> Any:
        y = np.array(
            np.broadcast_to(x, np.broadcast_shapes(x.shape, x.shape)), np.result_type(x, v)
        )
        np.add.at(y, i.real.astype(int), v)
        return y

    def error(result: Wide, x: Wide, i: Wide, v: Wide) -> Any:
        if not is_float(a.dtype):
            return 0.0
        return sum_error(exact(np.abs(x), i, np.abs(v)), count + 1, result, a.dtype)

    return d.call("{0}.at[{1}].add({2})", a.dtype, exact, error, smooth=True, shapeless=False)


def _take_along(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    axis = d.source.axis(a.ndim)
    length = _length_of(d, a.shape, axis)
    shape = list(a.shape)
    shape[axis] = d.choose.choice([1, 2, 5])
    d.operand(INDICES, shape=tuple(shape), domain=_indices_below(length))

    def exact(x: Wide, i: Wide) -> Any:
        return np.take_along_axis(x, i.real.astype(int), axis)

    return d.call(f"mx.take_along_axis({{0}}, {{1}}, {axis})", a.dtype, exact, smooth=True)


def _put_along(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    axis = d.choose.randrange(a.ndim)
    length = _length_of(d, a.shape, axis)
    shape = list(a.shape)
    shape[axis] = d.choose.randint(1, length)
    d.operand(("int32", "uint32"), shape=tuple(shape), domain=_distinct_below(axis, length))
    d.operand((a.dtype,), shape=tuple(shape))

    def exact(x: Wide, i: Wide, v: Wide) -> Any:
        y = np.array(x, np.result_type(x, v))
        np.put_along_axis(y, i.real.astype(int), v, axis)
        return y

    return d.call(f"mx.put_along_axis({{0}}, {{1}}, {{2}}, {axis})", a.dtype, exact, smooth=True)


def _assign(d: Draw) -> Call:
    """An assignment, in a function of its own: the operand stays as it is."""
    a = d.operand(DTYPES, low=1)
    text = _subscript(d, a.shape).replace("None, ", "").replace(", None", "")
    probe = np.zeros(a.shape)
    shape = np.asarray(eval(f"x[{text}]", {"x": probe})).shape
    d.operand((a.dtype,), shape=shape)

    def exact(x: Wide, v: Wide) -> Any:
        y = np.array(x, np.result_type(x, v))
        exec(f"y[{text}] = v", {"y": y, "v": v})
        return y

    parts = text.split(", ")
    index = ", ".join(
        "slice({})".format(", ".join(p or "None" for p in [*part.split(":"), ""][:3]))
        if ":" in part
        else part
        for part in parts
    )
    code = f"(lambda y: (y.__setitem__(({index},), {{1}}), y)[1])(mx.array({{0}}))"
    return d.call(code, a.dtype, exact, smooth=True, shapeless=False)


def _assign_by_mask(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    d.operand(("bool",), shape=a.shape[: d.choose.randint(1, a.ndim)])
    v = d.operand((a.dtype,), shape=())

    def exact(x: Wide, m: Wide, value: Wide) -> Any:
        y = np.array(x, np.result_type(x, value))
        y[m.real.astype(bool)] = value
        return y

    assert v.dtype == a.dtype
    code = "(lambda y: (y.__setitem__({1}, {2}), y)[1])(mx.array({0}))"
    return d.call(code, a.dtype, exact, shapeless=False)


def _read_by_mask(d: Draw) -> Call:
    a = d.operand(DTYPES, low=1)
    d.operand(("bool",), shape=a.shape[:1])
    return d.call(
        "{0}[{1}]",
        a.dtype,
        lambda x, m: x[m.astype(bool)],
        shapeless=False,
        mapped=False,
        traced=False,
    )


OPERATIONS: dict[str, Operation] = {
    "take": _take,
    "index_by_array": _index_by_array,
    "index_by_two_arrays": _two_arrays,
    "index": _index,
    "update": _update,
    "accumulate": _accumulate,
    "take_along_axis": _take_along,
    "put_along_axis": _put_along,
    "assign": _assign,
    "assign_by_mask": _assign_by_mask,
    "read_by_mask": _read_by_mask,
}
