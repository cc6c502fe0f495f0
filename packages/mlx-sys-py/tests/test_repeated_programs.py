"""Random steps, repeated with tasks that are kept, against the same steps made anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level
from mlx_sys_py import array, fast, memory, ops, transforms
from recorded_steps import Step, activations_of, assert_same, product, record, weights

pytestmark = at_every_level

ROWS, WIDTH, ROOM, CALLS = 4, 64, 16, 7
PACKED = weights(np.random.default_rng(0))
MATRIX = array((np.random.default_rng(1).normal(size=(WIDTH, WIDTH)) * 0.1).astype(np.float16))
ROW = array(np.random.default_rng(2).normal(size=(WIDTH,)).astype(np.float16))


def with_last(x: array, y: array) -> array:
    x = x[...]
    x[:, -1:] = y[:, :1]
    return x


# Of arrays of the shape (1, rows, WIDTH), with others of any number of rows, in the step i.
OPERATIONS: list[Callable[[array, array, int], array]] = [
    lambda x, y, i: product(x, PACKED),
    lambda x, y, i: product(fast.rms_norm(x, ROW, 1e-5), PACKED),
    lambda x, y, i: x @ MATRIX,
    lambda x, y, i: fast.layer_norm(x, ROW, None, 1e-5),
    lambda x, y, i: ops.tanh(x) + ROW,
    lambda x, y, i: x * ops.sigmoid(x) - ops.mean(x, -1, keepdims=True),
    lambda x, y, i: ops.tanh(x + y[:, :1]),
    lambda x, y, i: x - ops.max(y, 1, keepdims=True),
    lambda x, y, i: ops.softmax(x, -1) * array(2 * i + 1).astype(x.dtype),
    lambda x, y, i: fast.rope(x[None], 8, traditional=True, base=1e4, scale=1.0, offset=i)[0],
    lambda x, y, i: x * x[:, -1:],
    lambda x, y, i: ops.concatenate([x, y[:, :1]], 1),
    lambda x, y, i: ops.concatenate([x[:, :1], y], 1),
    lambda x, y, i: x[:, :1] + y,
    lambda x, y, i: ops.reshape(
        ops.transpose(ops.reshape(x, (1, -1, 8, 8)), [0, 1, 3, 2]), x.shape
    ),
    lambda x, y, i: ops.swapaxes(ops.contiguous(ops.swapaxes(x, 1, 2)), 1, 2),
    lambda x, y, i: ops.softmax(x @ ops.swapaxes(y, 1, 2), -1) @ y,
    lambda x, y, i: fast.scaled_dot_product_attention(x[None], y[None], y[None], scale=0.1)[0],
    lambda x, y, i: ops.broadcast_to(x[:, :1], (1, i + 1, WIDTH)) * 2,
    lambda x, y, i: ops.concatenate(list(ops.split(x, 2, -1))[::-1], -1),
    lambda x, y, i: ops.where(x > y[:, :1], x, ROW),
    lambda x, y, i: ops.sort(x, 1),
    lambda x, y, i: with_last(x, y),
    lambda x, y, i: ops.take(x, array([0, 0]), 1),
]

Choice = tuple[int, int, int]
choices = st.tuples(st.integers(0, len(OPERATIONS) - 1), st.integers(0, 9), st.integers(0, 9))


def program(steps: list[Choice], returned: list[int]) -> Step:
    """Each operation reads two of the latest values, x and what the cache holds among them."""

    def step(inputs: list[array], i: int) -> list[array]:
        x, cache = inputs
        cache = cache[...]
        cache[:, i : i + 1] = ops.tanh(x[:, :1])
        values = [x, cache[:, : i + 1]]
        for which, a, b in steps:
            one, other = values[-1 - a % len(values)], values[-1 - b % len(values)]
            values.append(OPERATIONS[which](one, other, i))
        return [*(values[-1 - k % len(values)] for k in returned), cache]

    return step


HOLD: dict[str, Callable[[array], Any]] = {
    "nothing": lambda a: None,
    "array": lambda a: a,
    "view": lambda a: a[..., ::2],
    "numpy": lambda a: np.asarray(a),
}


def each(some: list[str]) -> st.SearchStrategy[list[str]]:
    """One for each call."""
    return st.lists(st.sampled_from(some), min_size=CALLS, max_size=CALLS)


@given(
    steps=st.lists(choices, min_size=8, max_size=30),
    returned=st.lists(st.integers(0, 29), min_size=1, max_size=4),
    ways=st.lists(
        st.sampled_from(["eval", "async", "first", "none"]), min_size=CALLS, max_size=CALLS
    ),
    holds=st.lists(st.sampled_from(sorted(HOLD)), min_size=CALLS, max_size=CALLS),
    feeds=st.booleans(),
    bits=st.sampled_from([8, 16]),
)
@settings(deadline=None, max_examples=60)
def test_random_steps(
    steps: list[Choice],
    returned: list[int],
    ways: list[str],
    holds: list[str],
    feeds: bool,
    bits: int,
) -> None:
    with activations_of(bits):
        run(program(steps, returned), ways, holds, feeds)


def run(step: Step, ways: list[str], holds: list[str], feeds: bool) -> None:

    def start() -> list[array]:
        rng = np.random.default_rng(3)
        x = array(rng.normal(size=(1, ROWS, WIDTH)).astype(np.float16))
        return [x, ops.zeros((1, ROOM, WIDTH), dtype=x.dtype)]

    recorded = record(step, start(), CALLS)
    (x, expected), (y, got) = start(), start()
    held: list[tuple[Any, Any]] = []
    read: list[tuple[array, array]] = []
    for i in range(CALLS):
        one, other = step([x, expected], i + 1), recorded([y, got])
        if ways[i] == "eval":
            transforms.eval(other)
        elif ways[i] == "async":
            transforms.async_eval(other)
        elif ways[i] == "first":
            transforms.async_eval(other[:1])
        keep = HOLD[holds[i]]
        if holds[i] == "numpy":
            transforms.eval(other)
        held += [(keep(a), keep(b)) for a, b in zip(other, one, strict=True)]
        read.append((other[0], one[0]))
        expected, got = one[-1], other[-1]
        if feeds:
            x = ops.tanh(one[0][:, :1]) + x
            y = ops.tanh(other[0][:, :1]) + y
        memory.clear_cache()
        del one, other
    assert_same([got], [expected])
    assert_same(*map(list, zip(*read, strict=True)))
    for mine, other_one in held:
        if mine is not None:
            np.testing.assert_array_equal(np.array(mine), np.array(other_one))
