"""Elementwise nodes of several outputs give the bits that one operation after the other gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from cpu_arrays import floats, numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, cpu_kernels, ops, transforms

pytestmark = [at_every_level, ours_only]

# The least that is fused has 8 KiB.
SHAPE = (32, 128)

UNARY: list[Callable[[array], array]] = [
    ops.square,
    ops.abs,
    ops.sign,
    ops.negative,
    lambda a: ops.sqrt(ops.abs(a)),
    lambda a: a * 0.5,
    lambda a: 1 - a,
    # Conversions of types, and results that lie in no buffer of the same size.
    lambda a: ops.astype(ops.astype(a, mx.float16), a.dtype),
    lambda a: ops.astype(a > 0, a.dtype),
    # What stands between elementwise operations, and makes circles of them if they are fused.
    lambda a: a - ops.mean(a, axis=-1, keepdims=True),
    lambda a: ops.softmax(a, axis=-1),
    lambda a: ops.reshape(ops.swapaxes(a, 0, 1), SHAPE) + 1,
]
BINARY = [ops.add, ops.subtract, ops.multiply, ops.maximum]

Step = tuple[int, int, int]


def values(inputs: list[array], steps: list[Step], at_once: bool) -> list[array]:
    """The inputs, and what each step makes of two earlier values."""
    results = list(inputs)
    for choice, first, second in steps:
        a, b = results[first % len(results)], results[second % len(results)]
        if choice < len(UNARY):
            results.append(UNARY[choice](a))
        else:
            results.append(BINARY[choice - len(UNARY)](a, b))
        if at_once:
            transforms.eval(results[-1:])
    return results


def bits(a: array) -> Any:
    """The bits of numbers, which tell zeros apart; NaN may have any."""
    x = numpy(ops.astype(a, mx.float32))
    return np.where(np.isnan(x), np.uint32(0xFFFFFFFF), x.view(np.uint32))


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.lists(
        st.tuples(
            st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 99), st.integers(0, 99)
        ),
        min_size=2,
        max_size=25,
    ),
    held=st.lists(st.integers(0, 99), min_size=1, max_size=8),
    dtype=st.sampled_from(["float32", "float16", "bfloat16"]),
    waits=st.booleans(),
    owned=st.booleans(),
)
def test_random_programs(
    seed: int, steps: list[Step], held: list[int], dtype: str, waits: bool, owned: bool
) -> None:
    numbers = np.random.default_rng(seed).normal(size=(3, *SHAPE)).astype(np.float32)

    def inputs() -> list[array]:
        made = [ops.astype(array(x) + 0, getattr(mx, dtype)) for x in numbers]
        transforms.eval(made)
        return made

    before = inputs()
    kept = [i % (len(steps) + len(before)) for i in held]
    expected = values(before, steps, True)
    again = inputs()
    everything = values(again, steps, False)
    results = [everything[i] for i in kept]
    if owned:
        # Nothing else holds the inputs, so that results are written over them.
        del again
    del everything
    (transforms.eval if waits else transforms.async_eval)(results)
    for i, result in zip(kept, results, strict=True):
        np.testing.assert_array_equal(bits(result), bits(expected[i]))
    if not owned:
        for a, b in zip(again, before, strict=True):
            np.testing.assert_array_equal(bits(a), bits(b))


def primitives(outputs: list[array]) -> list[str]:
    log = cpu_kernels.Log()
    transforms.eval(outputs)
    return [record.primitive for record in log.records()]


def test_what_reads_the_same_is_one_node() -> None:
    x = array(np.arange(4096, dtype=np.float32))
    y, z = x + 1, x * 2
    assert primitives([y, z]) == ["Elementwise(Add+Multiply)"]
    np.testing.assert_array_equal(numpy(y), np.arange(4096) + 1)
    np.testing.assert_array_equal(numpy(z), np.arange(4096) * 2)


def test_what_is_read_later_is_an_output() -> None:
    x = array(np.arange(4096, dtype=np.float32))
    y = ops.square(x)
    z = ops.sum(y)
    w = y + 1
    assert sorted(primitives([z, w])) == ["Elementwise(Square+Add)", "Sum"]
    np.testing.assert_array_equal(numpy(w), np.arange(4096, dtype=np.float32) ** 2 + 1)


def test_circles_are_not_made() -> None:
    x = array(np.full(4096, 2, np.float32))
    y = ops.square(x)
    w = y * ops.sum(y)
    names = primitives([y, w])
    assert len(names) >= 3
    np.testing.assert_array_equal(numpy(w), np.full(4096, 4.0 * 4 * 4096))


def test_scalars_and_small_arrays_stay_alone() -> None:
    x = array(floats([1, 2, 3]))
    assert sorted(primitives([ops.sin(x), ops.cos(x)])) == ["Cos", "Sin"]
    row = array(np.ones((1, 4096), np.float32))
    assert sorted(primitives([ops.sin(row), ops.cos(ops.reshape(row, (4096,)))])) == [
        *("Cos", "Reshape", "Sin")
    ]


def test_updates_are_in_place() -> None:
    mx.memory.clear_cache()
    size = 1 << 20
    state = [array(np.ones(size, np.float32)) + 0 for _ in range(4)]
    transforms.eval(state)

    def update(w: array, m: array, v: array, g: array) -> list[array]:
        m = m * 0.9 + g * 0.1
        v = v * 0.9 + ops.square(g) * 0.1
        return [w - 0.1 * m / (ops.sqrt(v) + 1e-8), m, v]

    for waits in (True, False, True):
        gradient = array(np.ones(size, np.float32)) + 0
        transforms.eval([gradient])
        state = [*state[:3], gradient]
        del gradient
        mx.memory.reset_peak_memory()
        before = mx.memory.get_active_memory()
        state[:3] = update(*state)
        state.pop()
        (transforms.eval if waits else transforms.async_eval)(state[:3])
        transforms.eval(state[:3])
        assert mx.memory.get_peak_memory() - before < size


def test_an_interrupted_plan_can_be_evaluated_later() -> None:
    x = array(np.arange(4096, dtype=np.float32))
    y, z = x + 1, x * 2
    bad = ops.take(x, array([5000]))
    with pytest.raises(IndexError):
        transforms.eval([y, bad, z])
    transforms.eval([y, z])
    np.testing.assert_array_equal(numpy(y), np.arange(4096) + 1)
    np.testing.assert_array_equal(numpy(z), np.arange(4096) * 2)


def test_errors_concern_what_depends_on_them() -> None:
    x = array(np.arange(4096, dtype=np.float32))
    indices = array(np.arange(4096) + 1)
    wrong = x + ops.take(x, indices)
    right = x * 2
    with pytest.raises(IndexError):
        transforms.eval([right, wrong])
    np.testing.assert_array_equal(numpy(right), np.arange(4096) * 2)
    with pytest.raises(IndexError):
        numpy(wrong)
