"""A step of decoding for sequences of any lengths is attention of each with its own keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, fast, memory, ops, transforms

pytestmark = at_every_level

Floats = np.ndarray[Any, np.dtype[np.float32]]
TYPES = ((mx.float32, 2e-6), (mx.float16, 2e-3), (mx.bfloat16, 2e-2))


def numbers(x: array) -> Floats:
    return np.array(ops.astype(x, mx.float32))


def step(new: Sequence[array], held: list[array], offsets: array, scale: float) -> list[array]:
    queries, keys, values = new
    return fast.attention_step(queries, keys, values, held, offsets, scale=scale)


def sequences(
    rng: np.random.Generator, rooms: list[int], heads: int, kv_heads: int, width: int, other: int
) -> tuple[list[Floats], list[Floats]]:
    """Queries, keys and values of new positions, and the buffers."""
    count = len(rooms)
    shapes = [(count, heads, 1, width), (count, kv_heads, 1, width), (count, kv_heads, 1, other)]
    new = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    held = [
        rng.standard_normal((1, kv_heads, room, size)).astype(np.float32)
        for size in (width, other)
        for room in rooms
    ]
    return new, held


def expected(
    new: list[Floats], held: list[Floats], offsets: list[int], scale: float
) -> tuple[Floats, list[Floats]]:
    """In double precision."""
    queries, keys, values = (x.astype(np.float64) for x in new)
    held = [x.astype(np.float64) for x in held]
    count, heads = queries.shape[:2]
    results = []
    for i, offset in enumerate(offsets):
        for buffer, rows in ((held[i], keys), (held[count + i], values)):
            buffer[0, :, offset] = rows[i, :, 0]
        seen, seen_values = (x[0, :, : offset + 1] for x in (held[i], held[count + i]))
        repeats = heads // seen.shape[0]
        seen, seen_values = np.repeat(seen, repeats, 0), np.repeat(seen_values, repeats, 0)
        scores = np.exp(scale * queries[i] @ seen.swapaxes(-1, -2) - 5)
        results.append(scores @ seen_values / scores.sum(-1, keepdims=True))
    return np.stack(results).astype(np.float32), [x.astype(np.float32) for x in held]


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(1, 700), st.integers(0, 699)), min_size=1, max_size=9),
    groups=st.integers(1, 3),
    repeats=st.integers(1, 5),
    width=st.integers(1, 70),
    other=st.integers(1, 70),
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(TYPES),
)
def test_any_sequences(
    places: list[tuple[int, int]],
    groups: int,
    repeats: int,
    width: int,
    other: int,
    seed: int,
    kind: tuple[Any, float],
) -> None:
    dtype, tolerance = kind
    rooms, offsets = [room for room, _ in places], [at % room for room, at in places]
    rng = np.random.default_rng(seed)
    new, held = sequences(rng, rooms, groups * repeats, groups, width, other)
    scale = width**-0.5
    given_new, given_held = (
        [ops.astype(array(x), dtype) for x in arrays] for arrays in (new, held)
    )
    results, *buffers = step(given_new, given_held, array(offsets), scale)
    want, want_buffers = expected(
        [numbers(x) for x in given_new], [numbers(x) for x in given_held], offsets, scale
    )
    assert results.dtype is dtype
    np.testing.assert_allclose(numbers(results), want, rtol=0, atol=4 * tolerance)
    for buffer, wanted in zip(buffers, want_buffers, strict=True):
        np.testing.assert_array_equal(numbers(buffer), wanted)


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16])
@ours_only
def test_the_same_as_each_alone(dtype: Any) -> None:
    """To the last bit, so that an answer does not depend on who else is there."""
    rng = np.random.default_rng(1)
    rooms, offsets = [512, 256, 1024, 8], [300, 255, 1000, 0]
    new, held = sequences(rng, rooms, 9, 3, 64, 64)
    queries, keys, values = (ops.astype(array(x), dtype) for x in new)
    buffers = [ops.astype(array(x), dtype) for x in held]
    results, *written = fast.attention_step(
        queries, keys, values, buffers, array(offsets), scale=0.125
    )
    for i, offset in enumerate(offsets):
        seen, seen_values = (x[:, :, : offset + 1] for x in (written[i], written[4 + i]))
        alone = fast.scaled_dot_product_attention(
            queries[i : i + 1], seen, seen_values, scale=0.125
        )
        np.testing.assert_array_equal(numbers(results)[i : i + 1], numbers(alone))


def test_buffers_that_others_hold_stay_as_they_are() -> None:
    """And those that nobody holds are written in place, step after step."""
    rng = np.random.default_rng(2)
    new, held = sequences(rng, [4, 4], 2, 1, 8, 8)
    kept = [array(x) for x in held]
    transforms.eval(kept)
    buffers, reference = kept, held
    for position in range(4):
        rows = [array(x) for x in new]
        results, *buffers = step(rows, buffers, array([position, 3 - position]), 0.3)
        want, reference = expected(new, reference, [position, 3 - position], 0.3)
        np.testing.assert_allclose(numbers(results), want, atol=1e-5)
    for buffer, wanted in zip(kept, held, strict=True):
        np.testing.assert_array_equal(numbers(buffer), wanted)
    for buffer, wanted in zip(buffers, reference, strict=True):
        np.testing.assert_array_equal(numbers(buffer), wanted)


def test_layouts() -> None:
    """Heads of a projection are no rows in a row, and buffers may be transposed."""
    rng = np.random.default_rng(3)
    new, held = sequences(rng, [5, 7, 6], 4, 2, 8, 8)
    turned = [ops.swapaxes(array(np.ascontiguousarray(x.swapaxes(0, 2))), 0, 2) for x in new]
    columns = [ops.swapaxes(array(np.ascontiguousarray(x.swapaxes(2, 3))), 2, 3) for x in held]
    results, *buffers = step(turned, columns, array([4, 0, 2]), 0.5)
    want, want_buffers = expected(new, held, [4, 0, 2], 0.5)
    np.testing.assert_allclose(numbers(results), want, atol=1e-5)
    for buffer, wanted in zip(buffers, want_buffers, strict=True):
        np.testing.assert_array_equal(numbers(buffer), wanted)


def test_gradients() -> None:
    """Those of the graph that a step stands for."""
    rng = np.random.default_rng(4)
    new, held = sequences(rng, [3, 4], 2, 1, 4, 4)
    buffers = [array(x) for x in held]

    def total(inputs: list[array]) -> list[array]:
        y = step(inputs, buffers, array([1, 3]), 0.5)[0]
        return [ops.sum(ops.square(y))]

    _, (gradient, *_) = transforms.value_and_grad(total, [0])([array(x) for x in new])
    change, found = 1e-3, numbers(gradient)
    for at in ((0, 1, 0, 2), (1, 0, 0, 3)):
        sums = []
        for sign in (1, -1):
            moved = [x.copy() for x in new]
            moved[0][at] += sign * change
            sums.append((expected(moved, held, [1, 3], 0.5)[0].astype(np.float64) ** 2).sum())
        assert found[at] == pytest.approx((sums[0] - sums[1]) / (2 * change), rel=1e-2, abs=1e-4)


def test_what_lies_behind_is_not_read() -> None:
    """Not even where it is no number, as what a cache has forgotten may be."""
    rng = np.random.default_rng(7)
    new, held = sequences(rng, [6, 9], 2, 1, 8, 4)
    for buffer in held:
        buffer[:, :, 4:] = rng.choice([np.nan, np.inf, -np.inf])
    results = step([array(x) for x in new], [array(x) for x in held], array([2, 3]), 0.5)[0]
    want, _ = expected(new, held, [2, 3], 0.5)
    np.testing.assert_allclose(numbers(results), want, atol=1e-5)


@ours_only
@pytest.mark.parametrize("scheduled", [False, True])
def test_buffers_are_written_in_place(scheduled: bool) -> None:
    """By evaluations that are waited for, and by those that follow one which is under way."""
    new, _ = sequences(np.random.default_rng(6), [1] * 4, 2, 1, 64, 64)
    rows = [array(x) for x in new]
    buffers = [ops.zeros((1, 1, 16384, 64)) for _ in range(8)]
    transforms.eval([*rows, *buffers])
    evaluate = transforms.async_eval if scheduled else transforms.eval
    memory.reset_peak_memory()
    before, results = memory.get_active_memory(), rows[0]
    for position in range(12):
        results, *buffers = step(rows, buffers, array([position] * 4), 0.1)
        evaluate([results])
    transforms.eval([results, *buffers])
    # The eight are 32 MB. One is copied where a task lets go of it just as its holders are counted.
    assert memory.get_peak_memory() - before < 16 << 20


@ours_only
@pytest.mark.parametrize("offset", [-1, 4, 2**40])
@pytest.mark.parametrize("place", [0, 1, 4])
def test_an_offset_without_room(offset: int, place: int) -> None:
    """It is told by each of the results, whichever is asked for."""
    new, held = sequences(np.random.default_rng(5), [4, 4], 2, 1, 4, 4)
    rows, buffers = [array(x) for x in new], [array(x) for x in held]
    message = rf"attention_step\] index {offset} is out of range for axis 2"
    with pytest.raises(IndexError, match=message):
        transforms.eval([step(rows, buffers, array([0, offset], mx.int64), 1.0)[place]])
    result = step(rows, buffers, array([0, offset], mx.int64), 1.0)[place]
    transforms.async_eval([result])
    with pytest.raises(IndexError, match=message):
        numbers(result)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queries": (2, 2, 2, 4)}, r"queries of shape \(2,2,2,4\)"),
        ({"queries": (2, 3, 1, 4)}, "keys of shape .* of which the heads are a multiple"),
        ({"queries": (2, 2, 1, 6)}, "keys of shape .* must have the width of the queries"),
        ({"keys": (1, 2, 1, 4)}, "keys of shape"),
        ({"values": (2, 1, 1, 4)}, "values of shape"),
        ({"buffer": (1, 2, 0, 4)}, "buffers of shape"),
        ({"buffer": (1, 2, 4, 5)}, "buffers of shape"),
        ({"buffer": (1, 2, 5, 4)}, "buffers of shape .* as many positions as the keys"),
        ({"offsets": (3,)}, "offsets of shape .* must be 2 integers"),
    ],
)
def test_what_does_not_fit(changes: dict[str, tuple[int, ...]], message: str) -> None:
    def given_or(name: str, *shape: int) -> array:
        return ops.zeros(changes.get(name, shape), mx.int32 if name == "offsets" else mx.float32)

    new = [given_or(name, 2, 2, 1, 4) for name in ("queries", "keys", "values")]
    buffers = [given_or("buffer", 1, 2, 4, 4), *(ops.zeros((1, 2, 4, 4)) for _ in range(3))]
    with pytest.raises(ValueError, match=message):
        step(new, buffers, given_or("offsets", 2), 1.0)
    with pytest.raises(ValueError, match="buffers must be two for each of 2 sequences, not 3"):
        step([ops.zeros((2, 2, 1, 4))] * 3, buffers[1:], ops.zeros((2,), mx.int32), 1.0)


@ours_only
def test_functions_for_all_shapes() -> None:
    recorded = transforms.compile(lambda x: step(x[:3], x[3:5], x[5], 1.0), True)
    heads, buffer, offset = (1, 4, 1, 8), (1, 2, 6, 8), (1,)
    shapes = [heads, (1, 2, 1, 8), (1, 2, 1, 8), buffer, buffer, offset]
    of = [array([2]) if len(shape) == 1 else ops.ones(shape) for shape in shapes]
    assert recorded(of)[0].shape == heads
    of[3:5] = [ops.ones((1, 2, 9, 8))] * 2
    assert recorded(of)[1].shape == (1, 2, 9, 8)
    for at, shape in (
        (0, (1, 3, 1, 8)),
        (0, (1, 4, 2, 8)),
        (1, (1, 2, 1, 7)),
        (2, (2, 2, 1, 8)),
        (3, (1, 1, 6, 8)),
    ):
        unfit = [*of]
        unfit[at] = ops.ones(shape)
        with pytest.raises(ValueError, match=r"attention_step.* do not fit each other"):
            recorded(unfit)
