"""Recorded steps keep tasks and memory, and compute what the function does, whoever holds what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, fast, memory, ops, transforms
from recorded_steps import (
    HEADS,
    WIDTH,
    Step,
    activations_of,
    are_kept,
    assert_same,
    caches,
    decoder,
    product,
    record,
    vector,
    weights,
)

pytestmark = at_every_level


# Many layers are more than one part of what is scheduled at once.
@pytest.mark.parametrize("layers", [1, 3, 30])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("way", ["read each", "read the last", "hold all"])
def test_steps_of_a_decoder_are_repeated_exactly(layers: int, bits: int, way: str) -> None:
    step, calls = decoder(layers, bits), 9
    recorded = record(step, [vector(0), *caches(layers, 16)], calls)
    expected, got = caches(layers, 16), caches(layers, 16)
    all_expected, all_got = [], []
    for i in range(calls):
        results = [step([vector(i), *expected], i + 1), recorded([vector(i), *got])]
        if way == "read each":
            assert_same(results[1][:1], results[0][:1])
        else:
            for arrays in results:
                transforms.async_eval(arrays)
        all_expected += results[0] if way == "hold all" else results[0][:1]
        all_got += results[1] if way == "hold all" else results[1][:1]
        expected, got = results[0][1:], results[1][1:]
    assert_same([*all_got, *got], [*all_expected, *expected])


def test_steps_are_kept(level: str) -> None:
    step = decoder(2, 4)
    recorded = record(step, [vector(0), *caches(2, 16)], 9)
    held = caches(2, 16)
    for i in range(9):
        out = recorded([vector(i), *held])
        # Nodes that are left to MLX are seen in the first step.
        assert are_kept(out) == (level != "stock" or i == 0)
        transforms.eval(out)
        held = out[1:]


@given(st.lists(st.sampled_from(["x", "caches", "nothing", "again"]), min_size=8, max_size=8))
@settings(deadline=None, max_examples=20)
def test_results_are_used_in_any_order(uses: list[str]) -> None:
    step = decoder(2, 4)
    recorded = record(step, [vector(0), *caches(2, 16)], len(uses))
    first = [caches(2, 16), caches(2, 16)]
    expected, got = first
    read: list[tuple[array, array]] = []
    for i, use in enumerate(uses):
        # From caches of before, as when tokens were taken back.
        if use == "again":
            expected, got = first
        one, other = step([vector(i), *expected], i + 1), recorded([vector(i), *got])
        some = {"x": slice(0, 1), "caches": slice(1, None)}.get(use, slice(0, 0))
        transforms.async_eval(other[some])
        read += zip(other[some], one[some], strict=True)
        expected, got = one[1:], other[1:]
    read += zip(got, expected, strict=True)
    assert_same(*map(list, zip(*read, strict=True)))


HOLDERS: list[Callable[[array], Any]] = [
    lambda a: a,
    lambda a: a[..., :1],
    lambda a: ops.transpose(a),
    lambda a: ops.reshape(a, (-1,)),
    lambda a: np.asarray(a),
    lambda a: np.from_dlpack(a),
    lambda a: memoryview(a),
]


@pytest.mark.parametrize("hold", HOLDERS)
def test_what_is_held_of_old_steps_stays_as_it_was(hold: Callable[[array], Any]) -> None:
    layers, calls = 2, 9
    step = decoder(layers, 4)
    recorded = record(step, [vector(0), *caches(layers, 16)], calls)
    arrays, held, then = caches(layers, 16), [], []
    for i in range(calls):
        out = recorded([vector(i), *arrays])
        transforms.eval(out)
        held += [hold(a) for a in out]
        then += [np.array(hold(a)).copy() for a in out]
        arrays = out[1:]
        del out
        memory.clear_cache()
    del recorded, arrays
    for now, before in zip(held, then, strict=True):
        np.testing.assert_array_equal(np.array(now), before)


def test_results_outlive_the_recording() -> None:
    step, calls = decoder(8, 4), 9
    recorded: Any = record(step, [vector(0), *caches(8, 16)], calls)
    expected, got = caches(8, 16), caches(8, 16)
    for i in range(calls):
        one, other = step([vector(i), *expected], i + 1), recorded([vector(i), *got])
        transforms.async_eval(other)
        expected, got = one[1:], other[1:]
    # While steps are under way.
    del recorded
    memory.clear_cache()
    assert_same([*other, *got], [*one, *expected])


def test_memory_is_freed_with_the_recording() -> None:
    def go() -> None:
        recorded = record(decoder(4, 4), [vector(0), *caches(4, 16)], 9)
        held = caches(4, 16)
        for i in range(9):
            held = recorded([vector(i), *held])[1:]
            transforms.eval(held)

    go()
    before = memory.get_active_memory()
    for _ in range(3):
        go()
    assert memory.get_active_memory() <= before


@ours_only
def test_caches_are_written_in_place() -> None:
    recorded = record(decoder(1, 4), [vector(0), *caches(1, 4096)], 9)
    held = caches(1, 4096)
    transforms.eval(held)
    places = {np.asarray(a).ctypes.data for a in held}
    for i in range(9):
        out = recorded([vector(i), *held])
        del held
        transforms.eval(out)
        held = out[1:]
        del out
        if i > 0:
            assert {np.asarray(a).ctypes.data for a in held} == places


def long(step: Step) -> Step:
    """With nodes enough to be kept."""

    def longer(inputs: list[array], i: int) -> list[array]:
        y = inputs[0]
        for _ in range(9):
            y = fast.rms_norm(y, None, 1e-5)
        # What leaves a step is made in each call, and so is what reads it.
        return [*step([y, *inputs[1:]], i), ops.exp(y)]

    return longer


Q, K = (weights(np.random.default_rng(i)) for i in range(2))
X = array(np.random.default_rng(0).normal(size=(1, 20, WIDTH)).astype(np.float16))


def softmax_of_part(x: list[array], i: int) -> list[array]:
    scores = x[0][:, : i + 1] @ ops.transpose(x[0], [0, 2, 1])
    return [ops.softmax(scores * 2 + 1, 1), ops.max(ops.exp(scores), 1)]


def turned(x: list[array], i: int) -> list[array]:
    """A product that is computed the other way round in the first step: its transpose is read."""
    part = x[0][:, : i + 1]
    y = ops.softmax(x[0] @ ops.swapaxes(part, 1, 2), -1) @ part
    return [product(ops.swapaxes(ops.contiguous(ops.swapaxes(y, 1, 2)), 1, 2), Q) * 2]


@pytest.mark.parametrize(
    "step",
    [
        turned,
        # A product that leaves, before one of the same rows that does not.
        lambda x, i: [product(x[0], Q), ops.exp(product(x[0], K)) * 2],
        lambda x, i: [ops.exp(product(x[0], K)) * 2, product(x[0], Q)],
        # A product of rows that are not one after the other.
        lambda x, i: [product(ops.exp(x[0])[:, ::2], Q) * 2, product(x[0][:, 1::3], K)],
        # Reductions over what grows.
        lambda x, i: [x[0][:, : i + 1].sum(1), x[0][:, : i + 1].sum((1, 2)), x[0].sum(1)],
        softmax_of_part,
        # What grows is read by what does not.
        lambda x, i: [fast.rms_norm(x[0][:, : i + 1].sum(1), None, 1e-5) @ x[0][0, 0]],
        # Broadcasts of what grows.
        lambda x, i: [ops.exp(x[0][:, : i + 1, None] + x[0][:, None, :1] * 2) - 1],
        # A slice that moves and does not grow, of something that grows.
        lambda x, i: [ops.concatenate([x[0], x[0][:, : i + 1]], 1)[:, i : i + 3] * 2],
        # Results that are inputs, constants, views of each other, or the same.
        lambda x, i: [x[0], x[0][:, :3], ops.transpose(x[0] * 2), Q[1], X * 2],
        lambda x, i: [y := x[0] * 2, y, y[:, :2], ops.reshape(y, (-1,)), y + 1],
        # Several results, some of which leave.
        lambda x, i: list(ops.split(x[0] * 2, 4, 1))[1:3],
        lambda x, i: list(ops.divmod(x[0], array(2 + i)))[:1],
        # What cannot be kept is of its own.
        lambda x, i: [ops.take(x[0], array([1, 2, i]), 1) * 2],
        lambda x, i: [ops.argsort(x[0], 1), ops.sort(x[0][:, : i + 1], 1)],
        lambda x, i: [ops.zeros((0, 3)) + 1, x[0][:, :0] * 2, x[0][:, :0].sum(1)],
        lambda x, i: [ops.arange(i + 1) * 2, ops.full((2, 3), 7) + array(i)],
    ],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_what_a_step_may_do(step: Step, bits: int) -> None:
    step = long(step)
    recorded = record(step, [X], 7)
    with activations_of(bits):
        for i in range(7):
            x = X * (i + 1) + vector(i)
            assert_same(recorded([x]), step([x], i + 1))


def batch(count: int) -> Step:
    """A step of many sequences: rows, and the buffers of keys and values of each layer."""
    packed = [weights(np.random.default_rng(i)) for i in range(8)]
    begins = [3 * i % 7 for i in range(count)]

    def step(inputs: list[array], i: int) -> list[array]:
        x, *held = inputs
        offsets = array(np.array([begin + i for begin in begins], np.int64))
        results = []
        for layer in range(2):
            q, k, v, out = packed[4 * layer : 4 * layer + 4]
            lines = fast.rms_norm(x, None, 1e-5)
            heads = [ops.reshape(product(lines, w), (count, HEADS, 1, -1)) for w in (q, k, v)]
            queries, keys = (
                fast.rope(a, 16, traditional=False, base=1e4, scale=1.0, offset=offsets)
                for a in heads[:2]
            )
            some = held[2 * count * layer : 2 * count * (layer + 1)]
            y, *written = fast.attention_step(queries, keys, heads[2], some, offsets, scale=0.25)
            results += written
            x = x + product(ops.reshape(y, (1, count, -1)), out)
        return [ops.exp(x), *results]

    return step


def buffers(count: int, room: int = 24) -> list[array]:
    return [ops.zeros((1, HEADS, room, 16), dtype=X.dtype) for _ in range(4 * count)]


def rows(count: int, i: int) -> array:
    return array(np.random.default_rng(i).normal(size=(1, count, WIDTH)).astype(np.float16))


@pytest.mark.parametrize("count", [1, 3, 16])
@pytest.mark.parametrize("way", ["read each", "read the last"])
def test_many_sequences_in_one_node(count: int, way: str) -> None:
    """Nodes of several results, of which some are places that do not move and some are caches."""
    step, calls = batch(count), 9
    recorded = record(step, [rows(count, 0), *buffers(count)], calls)
    expected, got, read = buffers(count), buffers(count), []
    for i in range(calls):
        one = step([rows(count, i), *expected], i + 1)
        other = recorded([rows(count, i), *got])
        if way == "read each":
            assert_same(other[:1], one[:1])
        else:
            transforms.async_eval(other)
        read.append((other[0], one[0]))
        expected, got = one[1:], other[1:]
    assert_same([a for a, _ in read] + got, [b for _, b in read] + expected)


@ours_only
def test_buffers_of_many_sequences_are_written_in_place() -> None:
    recorded = record(batch(3), [rows(3, 0), *buffers(3, 4096)], 9)
    held = buffers(3, 4096)
    transforms.eval(held)
    places = {np.asarray(a).ctypes.data for a in held}
    for i in range(9):
        out = recorded([rows(3, i), *held])
        del held
        assert are_kept(out)
        transforms.eval(out)
        held = out[1:]
        del out
        assert {np.asarray(a).ctypes.data for a in held} == places


def test_steps_of_other_graphs_between() -> None:
    """Memory that they take and free is none of what is kept."""
    steps = [decoder(layers, 4) for layers in (1, 2, 3)]
    all_recorded = [record(s, [vector(0), *caches(n + 1, 16)], 9) for n, s in enumerate(steps)]
    held = [(caches(n, 16), caches(n, 16)) for n in (1, 2, 3)]
    for i in range(9):
        for n, (step, recorded) in enumerate(zip(steps, all_recorded, strict=True)):
            expected, got = held[n]
            one, other = step([vector(i), *expected], i + 1), recorded([vector(i), *got])
            transforms.async_eval(other)
            noise = [ops.full((size,), 9e9) + i for size in (64, 256, 4096)]
            transforms.async_eval(noise)
            held[n] = one[1:], other[1:]
            if i % 3 == n:
                assert_same(other, one)
    for expected, got in held:
        assert_same(got, expected)
