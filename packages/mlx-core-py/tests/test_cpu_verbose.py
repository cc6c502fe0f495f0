"""The record of what the CPU has evaluated."""

from __future__ import annotations

import threading

import mlx_core_py as mx
import pytest


def primitives(log: mx.cpu_verbose) -> list[str]:
    return [record.primitive for record in log.records]


def test_only_what_is_in_the_block() -> None:
    mx.eval(mx.sin(mx.array([1.0])))
    with mx.cpu_verbose() as log:
        mx.eval(mx.cos(mx.array([1.0])))
    mx.eval(mx.tan(mx.array([1.0])))
    assert primitives(log) == ["Cos"]


def test_types_and_shapes() -> None:
    with mx.cpu_verbose() as log:
        mx.eval(mx.zeros((2, 3), mx.float16) @ mx.zeros((3, 4), mx.float16))
    (record,) = [record for record in log.records if record.primitive == "Matmul"]
    assert record.inputs == "float16:2x3 float16:3x4"
    assert record.outputs == "float16:2x4"
    assert record.microseconds > 0


def test_work_that_is_still_under_way_at_the_end() -> None:
    with mx.cpu_verbose() as log:
        mx.async_eval(mx.random.normal((200, 200)) @ mx.random.normal((200, 200)))
    assert "Matmul" in primitives(log)


def test_kernels_of_mlx_have_a_reason() -> None:
    with mx.cpu_verbose() as log:
        mx.eval(mx.hadamard_transform(mx.ones(4), stream=mx.cpu))
    (record,) = [record for record in log.records if record.primitive == "Hadamard"]
    assert (record.kernel, record.reason) == ("mlx", "no kernel for this primitive")


def test_blocks_within_each_other() -> None:
    with mx.cpu_verbose() as outer:
        with mx.cpu_verbose() as inner:
            mx.eval(mx.exp(mx.array([1.0])))
        mx.eval(mx.log(mx.array([1.0])))
    assert primitives(inner) == ["Exp"]
    assert primitives(outer) == ["Exp", "Log"]


def test_other_threads_are_recorded() -> None:
    with mx.cpu_verbose() as log:
        thread = threading.Thread(target=lambda: mx.eval(mx.exp(mx.array([1.0]))))
        thread.start()
        thread.join()
    assert primitives(log) == ["Exp"]


def test_an_error_in_the_block_comes_out() -> None:
    def run(log: mx.cpu_verbose) -> None:
        with log:
            mx.eval(mx.exp(mx.array([1.0])))
            mx.eval(mx.array([1.0])[mx.array([3])])

    log = mx.cpu_verbose()
    with pytest.raises(IndexError, match="out of range"):
        run(log)
    assert primitives(log)[0] == "Exp"


def test_summary() -> None:
    with mx.cpu_verbose() as log:
        for _ in range(3):
            mx.eval(mx.exp(mx.array([1.0])))
    head, row = str(log).splitlines()
    assert head.split() == ["us", "nodes", "primitive", "kernel", "reason"]
    assert row.split()[1:3] == ["3", "Exp"]


def test_gradients_are_the_same() -> None:
    gradient = mx.grad(lambda x: mx.sum(mx.softmax(x) * x))
    x = mx.array([0.1, 0.2, 0.4])
    expected = gradient(x)
    with mx.cpu_verbose():
        assert mx.array_equal(gradient(x), expected)
