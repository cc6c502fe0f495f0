"""Loops of machine code compute what NumPy does, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from cpu_arrays import numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, cpu_kernels, ops, transforms
from numpy.typing import NDArray

pytestmark = [at_every_level, ours_only]

Floats = NDArray[np.float32]
Step = tuple[int, int, int]

# The operations that loops are made of, and of those that they are not: in half precision, of other
# types between floats, and what is not elementwise.
OPERATIONS: list[tuple[int, Callable[..., array], Callable[..., Any]]] = [
    (2, ops.add, np.add),
    (2, ops.subtract, np.subtract),
    (2, ops.multiply, np.multiply),
    (2, ops.divide, np.divide),
    (2, ops.maximum, np.maximum),
    (2, ops.minimum, np.minimum),
    (1, ops.negative, np.negative),
    (1, ops.abs, np.abs),
    (1, ops.square, np.square),
    (1, ops.sqrt, np.sqrt),
    (1, ops.rsqrt, lambda x: np.float32(1) / np.sqrt(x)),
    (2, lambda a, b: ops.where(a > b, a, b), lambda a, b: np.where(a > b, a, b)),
    (1, ops.floor, np.floor),
]
SPECIAL = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e-41, 3e38, 1], np.float32)


def same(ours: array, expected: Floats) -> None:
    """Compare the bits, which tell zeros apart; NaN may have any."""
    found, expected = np.broadcast_arrays(numpy(ours), expected)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(
        found[known].view(np.uint32), expected.astype(np.float32)[known].view(np.uint32)
    )


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([4096, 4099, 5000, 9001]),
    steps=st.lists(
        st.tuples(st.integers(0, len(OPERATIONS) - 1), st.integers(0, 99), st.integers(0, 99)),
        min_size=2,
        max_size=40,
    ),
    inputs=st.integers(1, 4),
    scalars=st.integers(0, 9),
    rows=st.booleans(),
    held=st.lists(st.integers(0, 99), min_size=1, max_size=4),
)
def test_random_programs(
    seed: int, size: int, steps: list[Step], inputs: int, scalars: int, rows: bool, held: list[int]
) -> None:
    rng = np.random.default_rng(seed)

    def numbers(*shape: int) -> Floats:
        made = rng.normal(size=shape).astype(np.float32)
        return np.where(rng.random(shape) < 0.05, rng.choice(SPECIAL, shape), made)

    shape = (3, size)
    expected: list[Any] = [numbers(*shape) for _ in range(inputs)]
    expected += [numbers() for _ in range(scalars)]
    if rows:
        # Elements that are not contiguous.
        expected.append(numbers(size))
    results = [array(np.ascontiguousarray(x)) for x in expected]
    # Held by nothing else, so that results are written over them.
    results[0] = results[0] + array(np.float32(0))
    expected[0] = expected[0] + np.float32(0)
    transforms.eval(results)
    with np.errstate(all="ignore"):
        for choice, first, second in steps:
            operands, ours, theirs = OPERATIONS[choice]
            chosen = [i % len(results) for i in (first, second)[:operands]]
            results.append(ours(*(results[i] for i in chosen)))
            expected.append(theirs(*(expected[i] for i in chosen)))
    kept = sorted({-1 - i % len(steps) for i in held})
    outputs = [results[i] for i in kept]
    del results
    transforms.eval(outputs)
    for i, output in zip(kept, outputs, strict=True):
        same(output, expected[i])


@pytest.mark.parametrize("size", [4096, 4097, 100_003])
def test_a_program_of_all_scalars_but_one(size: int) -> None:
    x = np.linspace(-3, 3, size, dtype=np.float32)
    numbers = [np.float32(0.1 * i + 0.3) for i in range(14)]
    result = array(x)
    expected: Any = x
    for i, number in enumerate(numbers):
        if i % 2:
            result, expected = result * array(number), expected * number
        else:
            result, expected = array(number) - result, number - expected
    log = cpu_kernels.Log()
    transforms.eval([result])
    assert sum(record.primitive.startswith("Elementwise") for record in log.records()) == 1
    same(result, expected)


def test_more_values_than_registers() -> None:
    x = np.random.default_rng(0).normal(size=5001).astype(np.float32)
    values, expected = [array(x)], [x]
    for i in range(24):
        number = np.float32(1 + i / 8)
        values.append(values[-1] * array(number))
        expected.append(expected[-1] * number)
    # All of them are needed at the end, the first one last.
    result = values[-1]
    sums: Any = expected[-1]
    for value, theirs in zip(values[-2::-1], expected[-2::-1], strict=True):
        result, sums = result - value, sums - theirs
    del values
    assert result.dtype == mx.float32
    same(result, sums)
