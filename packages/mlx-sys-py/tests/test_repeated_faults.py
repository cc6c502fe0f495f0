"""What fails, stops, or is asked for by somebody else in the middle of recorded steps."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_sys_py import (
    array,
    cpu_kernels,
    default_device,
    fast,
    float16,
    memory,
    new_stream,
    ops,
    set_default_stream,
    transforms,
)
from recorded_steps import (
    HEADS,
    WIDTH,
    Step,
    are_kept,
    assert_same,
    caches,
    decoder,
    product,
    record,
    vector,
    weights,
)


def eval_interrupted(arrays: list[array], seconds: float) -> None:
    """Evaluate them, with Ctrl-C after that time, wherever the caller is then."""
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        transforms.eval(arrays)
        time.sleep(0.02)
    except KeyboardInterrupt:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


SOME = [slice(0, 1), slice(1, None), slice(None)]
needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no timer")


@needs_timer
@settings(deadline=None, max_examples=15)
@given(
    times=st.lists(st.floats(1e-4, 5e-3), min_size=12, max_size=12),
    stops=st.lists(st.booleans(), min_size=12, max_size=12),
    some=st.lists(st.sampled_from(SOME), min_size=12, max_size=12),
)
def test_an_interrupt_leaves_results_exact(
    times: list[float], stops: list[bool], some: list[slice]
) -> None:
    """What was set aside shares memory with steps that are scheduled later."""
    layers, calls = 24, 12
    step = decoder(layers, 4)
    recorded = record(step, [vector(0), *caches(layers, 16)], calls)
    expected, got = caches(layers, 16), caches(layers, 16)
    read: list[tuple[array, array]] = []
    for i in range(calls):
        one, other = step([vector(i), *expected], i + 1), recorded([vector(i), *got])
        read.append((other[0], one[0]))
        expected, got = one[1:], other[1:]
        transforms.async_eval(other[some[i]])
        if stops[i]:
            eval_interrupted(other[some[-i]], times[i])
    read += zip(got, expected, strict=True)
    assert_same(*map(list, zip(*read, strict=True)))


def test_what_fails_by_its_values_fails_in_its_step_alone() -> None:
    """A step fails as a whole, and the same tasks are right in the next one."""
    packed = weights(np.random.default_rng(0))
    room, calls = 8, 9

    def step(inputs: list[array], i: int) -> list[array]:
        x, more, keys, values = inputs
        for _ in range(5):
            x = x + product(fast.rms_norm(x, None, 1e-5), packed)
        rows = ops.reshape(x, (1, HEADS, 1, -1))
        y, keys, values = fast.attention_step(
            rows, rows, rows, [keys, values], more + array([i]), scale=0.25
        )
        return [product(ops.reshape(y, (1, 1, WIDTH)), packed), keys, values, x * 2]

    def empty() -> list[array]:
        return [ops.zeros((1, HEADS, room, 16), dtype=float16) for _ in range(2)]

    start = [vector(0), array([0]), *empty()]
    recorded = record(step, start, calls, begin=0)
    for i in range(6):
        more = array([room if i in (0, 3) else 1])
        out = recorded([vector(i), more, *empty()])
        assert are_kept(out)
        if i not in (0, 3):
            assert_same(out, step([vector(i), more, *empty()], i))
            continue
        with pytest.raises(IndexError, match=f"index {room + i}"):
            transforms.eval(out[0])
        # Again, and what depends on it.
        with pytest.raises(IndexError, match=f"index {room + i}"):
            np.array(out[0] + 1)
        with pytest.raises(IndexError, match=f"index {room + i}"):
            np.array(out[1])


def test_what_is_scheduled_behind_a_failure_fails_with_it() -> None:
    packed = weights(np.random.default_rng(0))
    table = array(np.ones((4, WIDTH), np.float16))

    def step(inputs: list[array], i: int) -> list[array]:
        x = inputs[0]
        for _ in range(9):
            x = x + product(fast.rms_norm(x, None, 1e-5), packed)
        return [x * array(i)]

    recorded = record(step, [vector(0)], 9)
    for i in range(4):
        row = ops.reshape(ops.take(table, array([9 if i == 2 else 1]), 0), (1, 1, WIDTH))
        transforms.async_eval(row) if i % 2 else None
        out = recorded([row])
        transforms.async_eval(out)
        if i == 2:
            with pytest.raises(IndexError, match="index 9"):
                transforms.eval(out)
        else:
            assert_same(out, step([row], i + 1))


def test_no_memory() -> None:
    """A result that no memory is for: the step fails, and says so when it is asked for again."""

    def step(inputs: list[array], i: int) -> list[array]:
        x = inputs[0]
        y = x
        for _ in range(9):
            y = fast.rms_norm(y, None, 1e-5)
        # More than there are addresses: some systems promise all that has one.
        wide = ops.broadcast_to(x[:, :, :1], (1 + i * 2**28, 2**10, 2**10))
        return [y, ops.contiguous(wide)[0, 0]]

    recorded = record(step, [vector(0)], 5, begin=0)
    assert_same(recorded([vector(1)]), step([vector(1)], 0))
    for _ in range(2):
        out = recorded([vector(2)])
        assert are_kept(out)
        with pytest.raises((RuntimeError, MemoryError), match="memory"):
            transforms.eval(out)
        with pytest.raises(RuntimeError, match="could not be computed before"):
            transforms.eval(out[0])


@pytest.mark.parametrize("bits", [8, 16])
def test_settings_that_change_between_steps(bits: int) -> None:
    """Tasks that are kept are those of the kernels and the activations that are in use."""
    step, levels = decoder(2, 4), cpu_kernels.levels()
    # Some operations are others where MLX's kernels are asked for: so both are recorded before.
    recorded, nodes = (record(step, [vector(0), *caches(2, 32)], 24) for _ in range(2))
    expected, got = caches(2, 32), caches(2, 32)
    level, activations = cpu_kernels.get_level(), cpu_kernels.get_activation_bits()
    try:
        for i in range(24):
            cpu_kernels.set_level(levels[i // 2 % len(levels)])
            cpu_kernels.set_activation_bits(bits if i // 3 % 2 else activations)
            log = cpu_kernels.Log()
            one = nodes([vector(i), *expected])
            transforms.eval(one)
            assert log.records()
            del log
            other = recorded([vector(i), *got])
            assert_same(other, one)
            expected, got = one[1:], other[1:]
    finally:
        cpu_kernels.set_level(level)
        cpu_kernels.set_activation_bits(activations)


def test_a_log_that_opens_and_closes() -> None:
    step = decoder(2, 4)
    recorded = record(step, [vector(0), *caches(2, 16)], 12)
    expected, got = caches(2, 16), caches(2, 16)
    for i in range(12):
        one, other = step([vector(i), *expected], i + 1), None
        if i % 3 == 0:  # from before it
            other = recorded([vector(i), *got])
        log = cpu_kernels.Log() if i % 4 < 2 else None
        other = other or recorded([vector(i), *got])
        transforms.eval(other)
        assert log is None or log.records()
        del log
        assert_same(other, one)
        expected, got = one[1:], other[1:]


def test_memory_that_is_limited_and_given_back() -> None:
    step = decoder(2, 4)
    recorded = record(step, [vector(0), *caches(2, 16)], 9)
    expected, got = caches(2, 16), caches(2, 16)
    cache, limit = memory.set_cache_limit(0), memory.set_memory_limit(1)
    try:
        for i in range(9):
            one, other = step([vector(i), *expected], i + 1), recorded([vector(i), *got])
            transforms.async_eval(other)
            memory.clear_cache()
            assert_same(other, one)
            expected, got = one[1:], other[1:]
    finally:
        memory.set_cache_limit(cache)
        memory.set_memory_limit(limit)


def run_steps(step: Step, layers: int, calls: int, read: list[tuple[array, array]]) -> None:
    recorded = record(step, [vector(0), *caches(layers, 32)], calls)
    expected, got = caches(layers, 32), caches(layers, 32)
    for i in range(calls):
        one, other = step([vector(i), *expected], i + 1), recorded([vector(i), *got])
        transforms.async_eval(other)
        read += zip(other[:1], one[:1], strict=True)
        expected, got = one[1:], other[1:]
    read += zip(got, expected, strict=True)
    transforms.eval([a for pair in read for a in pair])


@pytest.mark.parametrize("own_streams", [False, True])
def test_threads_that_repeat_at_the_same_time(own_streams: bool) -> None:
    reads: list[list[tuple[array, array]]] = [[] for _ in range(3)]
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            if own_streams:
                set_default_stream(new_stream(default_device()))
            run_steps(decoder(number + 1, 4), number + 1, 24, reads[number])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for read in reads:
        assert_same(*map(list, zip(*read, strict=True)))


def test_steps_that_another_thread_evaluates() -> None:
    step, calls = decoder(6, 4), 24
    recorded = record(step, [vector(0), *caches(6, 32)], calls)
    expected, got = caches(6, 32), caches(6, 32)
    read: list[tuple[array, array]] = []
    for i in range(calls):
        one, other = step([vector(i), *expected], i + 1), recorded([vector(i), *got])
        thread = threading.Thread(target=transforms.eval, args=(other[i % 3 :],))
        thread.start()
        if i % 2:
            transforms.async_eval(other)
        read.append((other[0], one[0]))
        expected, got = one[1:], other[1:]
        if i % 4 == 0:
            thread.join()
    thread.join()
    read += zip(got, expected, strict=True)
    assert_same(*map(list, zip(*read, strict=True)))


def test_inputs_of_another_stream() -> None:
    step = decoder(2, 4)
    recorded = record(step, [vector(0), *caches(2, 16)], 9)
    expected, got = caches(2, 16), caches(2, 16)
    stream = new_stream(default_device())
    for i in range(9):
        x = ops.multiply(vector(i), array(2, dtype=float16), stream=stream)
        one, other = step([x, *expected], i + 1), recorded([x, *got])
        ends = [ops.add(a[0], array(1, dtype=float16), stream=stream) for a in (other, one)]
        transforms.async_eval(ends[0])
        assert_same(ends[:1], ends[1:])
        expected, got = one[1:], other[1:]
    assert_same(got, expected)


def test_steps_within_steps() -> None:
    """What repeats a recording can be recorded."""
    inner_step = decoder(1, 4)
    inner = record(inner_step, [vector(0), *caches(1, 16)], 3)
    outer = record(lambda x, i: inner(x), [vector(0), *caches(1, 16)], 3)
    with pytest.raises(ValueError, match="no more calls"):
        inner([vector(0), *caches(1, 16)])
    for i in (1, 2, 3):
        assert_same(outer([vector(i), *caches(1, 16)]), inner_step([vector(i), *caches(1, 16)], i))


def mapped(f: Callable[[list[array]], list[array]], x: array) -> list[array]:
    inputs, outputs = transforms.vmap_trace(f, [x], [0])
    return list(transforms.vmap_replace([x], inputs, outputs, [0], [0]))


@pytest.mark.parametrize("transform", ["vjp", "vmap"])
def test_transformations_of_a_step(transform: str) -> None:
    w = array(np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32))

    def step(inputs: list[array], i: int) -> list[array]:
        y = inputs[0]
        for _ in range(9):
            y = ops.tanh(y @ w + array(i))
        return [y.sum()]

    shape = (5, 4)
    recorded = record(step, [ops.zeros(shape)], 6)
    x = array(np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32))
    for i in range(6):
        if i % 2 == 0:
            assert_same(recorded([x[0]]), step([x[0]], i + 1))
        elif transform == "vjp":
            results = [
                transforms.vjp(f, [x[0]], [array(1.0)])
                for f in (recorded, lambda a, i=i: step(a, i + 1))
            ]
            for got, expected in zip(*results, strict=True):
                assert_same(got, expected)
        else:
            assert_same(*(mapped(f, x) for f in (recorded, lambda a, i=i: step(a, i + 1))))
