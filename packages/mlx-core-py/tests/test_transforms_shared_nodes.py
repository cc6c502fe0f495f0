"""Transforms of operations whose primitives nodes share: the same result, call after call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import pytest

OPERATIONS: dict[str, Callable[[mx.array], mx.array]] = {
    "reshape": lambda v: v.reshape(2, 6),
    "none": lambda v: v[None],
    "transpose": lambda v: mx.transpose(v, (1, 0)),
    "broadcast": lambda v: mx.broadcast_to(v, (2, 3, 4)),
    "expand_dims": lambda v: mx.expand_dims(v, (0, 2)),
    "squeeze": lambda v: mx.squeeze(mx.expand_dims(v, 0), 0),
    "flatten": mx.flatten,
    "unflatten": lambda v: mx.unflatten(v, 1, (2, 2)),
    "sum": lambda v: v.sum(0),
    "max": lambda v: v.max(axis=1, keepdims=True),
    "argmax": lambda v: mx.argmax(v, 1),
    "cumsum": lambda v: mx.cumsum(v, 1),
    "concatenate": lambda v: mx.concatenate([v, v], 1),
    "matmul": lambda v: v @ v.T,
    "softmax": lambda v: mx.softmax(v, -1),
    "rope": lambda v: mx.fast.rope(v[None], 4, traditional=False, base=1e4, scale=1.0, offset=0),
    "conv": lambda v: mx.conv1d(v[None], mx.ones((2, 2, 4))),
}


def mapped_one_by_one(f: Callable[[mx.array], mx.array], x: mx.array, axis: int) -> mx.array:
    return mx.stack([f(mx.take(x, i, axis)) for i in range(x.shape[axis])])


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_vmap_again_and_again(name: str, compiled: bool) -> None:
    f = OPERATIONS[name]
    mapped = mx.compile(f) if compiled else f
    plain = mx.arange(12.0).reshape(3, 4)
    before = f(plain).tolist()
    for axis in (0, 1, 2, 0):
        for size in (2, 5):
            shape = [3, 4]
            shape.insert(axis, size)
            x = mx.arange(12.0 * size).reshape(shape)
            expected = mapped_one_by_one(f, x, axis)
            result = mx.vmap(mapped, in_axes=axis)(x)
            assert result.shape == expected.shape
            assert mx.allclose(result, expected).item()
    assert mapped(plain).tolist() == before


def test_a_function_for_all_shapes_after_a_vmap() -> None:
    def f(v: mx.array) -> mx.array:
        return v.reshape(2, 2) + 1

    mx.vmap(f)(mx.zeros((3, 4)))
    assert mx.compile(f, shapeless=True)(mx.zeros(4)).shape == (2, 2)


@pytest.mark.parametrize("update", ["set", "add", "multiply", "maximum", "minimum"])
@pytest.mark.parametrize("index", [1, slice(1, None), slice(None, None, -1), slice(2, 0, -1)])
@pytest.mark.parametrize("in_axes", [(0, None), (None, 0), (0, 0), (1, None), (1, 0)])
def test_vmap_of_an_update_of_a_slice(update: str, index: Any, in_axes: tuple[Any, Any]) -> None:
    def put(row: mx.array, value: mx.array) -> Any:
        if update != "set":
            return getattr(row.at[index], update)(value)
        row = mx.array(row)
        row[index] = value
        return row

    rows = mx.arange(9.0).reshape(3, 3) if in_axes[0] is not None else mx.arange(3.0)
    values = mx.array([5.0, 6.0, 7.0]) if in_axes[1] is not None else mx.array(5.0)

    def part(x: mx.array, axis: int | None, i: int) -> mx.array:
        return x if axis is None else mx.take(x, i, axis)

    expected = [
        put(part(rows, in_axes[0], i), part(values, in_axes[1], i)).tolist() for i in range(3)
    ]
    assert mx.vmap(put, in_axes=in_axes)(rows, values).tolist() == expected


@pytest.mark.parametrize("wrap", [mx.checkpoint, mx.custom_function])
def test_vmap_of_a_function_with_rules(wrap: Any) -> None:
    def f(v: mx.array) -> mx.array:
        return mx.reshape(v, (4, 3)).T * mx.broadcast_to(mx.array(2.0), (3, 4))

    wrapped = wrap(f)
    x = mx.arange(24.0).reshape(2, 3, 4)
    before = f(x[0]).tolist()
    for _ in range(2):
        assert mx.array_equal(mx.vmap(wrapped)(x), mx.stack([f(x[0]), f(x[1])]))
        gradient = mx.grad(lambda v: mx.sum(wrapped(v) * wrapped(v)))
        assert mx.array_equal(mx.vmap(gradient)(x), 8 * x)
        assert mx.array_equal(mx.jvp(wrapped, [x[0]], [x[1]])[1][0], f(x[1]))
        assert f(x[0]).tolist() == before
