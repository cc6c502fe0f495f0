"""Devices, streams and threads."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import mlx_sys_py as mx
import pytest
from mlx_sys_py import array, ops


def in_thread(work: Callable[[], Any]) -> Any:
    """The result of a function in a thread of its own, or its exception."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def test_devices() -> None:
    assert mx.Device(mx.cpu) == mx.Device(mx.cpu, 0)
    assert mx.Device(mx.cpu) == mx.cpu
    assert mx.Device(mx.cpu) != mx.gpu
    assert repr(mx.Device(mx.cpu)) == "Device(cpu, 0)"
    assert len({mx.Device(mx.cpu), mx.Device(mx.cpu)}) == 1
    assert mx.is_available(mx.cpu)
    assert mx.device_count(mx.cpu) == 1


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: mx.Device("cpu"), TypeError),  # type: ignore[arg-type]
        (lambda: mx.Device(mx.cpu, -1), ValueError),
        (lambda: mx.set_default_device("cpu"), TypeError),  # type: ignore[arg-type]
        (lambda: mx.set_default_device(mx.Device(mx.cpu, 99)), ValueError),
        (lambda: mx.new_stream(mx.Device(mx.cpu, 99)), ValueError),
        (lambda: mx.Stream(), TypeError),
        (lambda: mx.default_stream(None), TypeError),  # type: ignore[arg-type]
        (lambda: mx.set_default_stream(mx.cpu), TypeError),  # type: ignore[arg-type]
        (lambda: mx.stream("cpu"), TypeError),  # type: ignore[arg-type]
        (lambda: ops.add(1, 2, stream="cpu"), TypeError),  # type: ignore[arg-type]
        (lambda: mx.Dtype(), TypeError),
    ],
)
def test_refused(make: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()


def test_streams() -> None:
    default = mx.default_stream(mx.cpu)
    made = mx.new_stream(mx.cpu)
    assert made != default
    assert made.device == mx.cpu
    assert hash(default) == hash(mx.default_stream(mx.cpu))
    assert ops.add(1, 2, stream=made).item() == 3
    assert ops.add(1, 2, stream=mx.cpu).item() == 3
    with mx.stream(made):
        assert mx.default_stream(mx.cpu) == made
        assert (array(1) + 1).item() == 2
    assert mx.default_stream(mx.cpu) == default
    mx.synchronize(made)
    mx.synchronize()


def test_a_context_is_left_by_an_exception() -> None:
    default = mx.default_stream(mx.cpu)
    with pytest.raises(KeyError), mx.stream(mx.new_stream(mx.cpu)):
        raise KeyError
    assert mx.default_stream(mx.cpu) == default


def test_the_default_stream_is_one_for_all_threads() -> None:
    assert in_thread(lambda: mx.default_stream(mx.cpu)) == mx.default_stream(mx.cpu)


def test_any_thread_evaluates_any_array() -> None:
    lazy = array([1.0, 2.0]) * 3
    assert in_thread(lazy.tolist) == [3.0, 6.0]
    assert in_thread(lambda: array([1.0]) + 1).tolist() == [2.0]


def test_every_stream_works_in_other_threads_if_it_is_made_for_that() -> None:
    def add(stream: mx.Stream) -> Any:
        return ops.add(1, 2, stream=stream).item()

    for make in (mx.new_thread_unsafe_stream, mx.new_thread_local_stream):
        stream = make(mx.cpu)
        assert in_thread(partial(add, stream)) == 3


def test_arguments_have_names() -> None:
    stream = mx.new_stream(device=mx.cpu)
    assert mx.is_available(device=mx.cpu)
    assert mx.default_stream(device=mx.cpu).device == mx.cpu
    assert mx.new_thread_unsafe_stream(device=mx.cpu).device == mx.cpu
    with mx.stream(s=stream), mx.StreamContext(s=mx.cpu):
        mx.set_default_stream(stream=stream)
        mx.set_default_device(device=mx.cpu)
        mx.synchronize(stream=stream)


def test_thread_local_streams_have_a_type() -> None:
    stream = mx.new_thread_local_stream(device=mx.cpu)
    assert type(stream) is mx.ThreadLocalStream
    assert isinstance(stream, mx.Stream)
    assert repr(stream).startswith("ThreadLocalStream(Device(cpu, 0)")
    for kind in (mx.Stream, mx.ThreadLocalStream):
        with pytest.raises(TypeError, match="no constructor: use new_"):
            kind(mx.cpu)  # type: ignore[call-arg]


def test_numbers_of_device_types_stand_for_them() -> None:
    assert mx.device_count(0) == 1  # type: ignore[arg-type]
    assert mx.is_available(0)  # type: ignore[arg-type]
    assert mx.device_info(0) == mx.device_info(mx.cpu)  # type: ignore[arg-type]
    assert mx.Device(0) == mx.Device(mx.cpu)  # type: ignore[arg-type]
    assert ops.add(1, 2, stream=0).item() == 3  # type: ignore[arg-type]
    for wrong in (2, -1, True, 0.0):
        with pytest.raises(TypeError):
            mx.is_available(wrong)  # type: ignore[arg-type]


def test_a_seed_makes_numbers_repeat_in_its_thread() -> None:
    def seeded() -> list[float]:
        mx.random.seed(7)
        values = mx.random.uniform(shape=(4,)).tolist()
        assert isinstance(values, list)
        return values

    assert seeded() == seeded() == in_thread(seeded)


def test_types_and_categories() -> None:
    assert repr(mx.float32) == f"{mx.Dtype.__module__}.float32"
    assert (mx.float32.name, mx.float32.size) == ("float32", 4)
    assert mx.issubdtype(mx.bfloat16, mx.inexact)
    assert mx.issubdtype(mx.complex64, mx.complexfloating)
    assert not mx.issubdtype(mx.bool_, mx.number)
    assert mx.issubdtype(mx.floating, mx.number)
    assert not mx.issubdtype(mx.number, mx.floating)
    assert mx.issubdtype(mx.int8, mx.int8)
    assert mx.promote_types(mx.int32, mx.float16) is mx.float16
    assert mx.promote_types(mx.float16, mx.bfloat16) is mx.float32
    with pytest.raises(TypeError, match="arg2"):
        mx.issubdtype(mx.int8, "floating")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a must be"):
        mx.promote_types(float, mx.int8)  # type: ignore[arg-type]
    for value in (mx.bool_, mx.float32, mx.floating):
        assert pickle.loads(pickle.dumps(value)) is value


def test_memory_counters() -> None:
    # The zero itself is kept for the next ones.
    mx.transforms.eval([ops.zeros((1,))])
    mx.memory.reset_peak_memory()
    before = mx.memory.get_active_memory()
    a = ops.zeros((1 << 20,))
    mx.transforms.eval([a])
    # Streams free what earlier tests left, some bytes, in their own time.
    least = before + (1 << 22) - (1 << 16)
    assert mx.memory.get_active_memory() >= least
    assert mx.memory.get_peak_memory() >= least
    del a
    assert mx.memory.get_active_memory() <= before
    limit = mx.memory.set_cache_limit(0)
    assert mx.memory.set_cache_limit(limit) == 0
    mx.memory.clear_cache()
    assert mx.memory.get_cache_memory() == 0
    for bad, error in (("1", TypeError), (-1, ValueError), (2**64, ValueError)):
        with pytest.raises(error, match="limit"):
            mx.memory.set_memory_limit(bad)  # type: ignore[arg-type]
