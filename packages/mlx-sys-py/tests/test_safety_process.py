"""What ends with a process or begins with one: exit with live objects, fork; long graphs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

ENDINGS = {
    "arrays that nobody computed": "kept = [ops.exp(array([1.0])) for _ in range(100)]",
    "a computation that has begun": """
        kept = ops.ones((1200, 1200))
        for _ in range(10):
            kept = ops.matmul(kept, kept) * 1e-3
        transforms.async_eval([kept])
    """,
    "closures": """
        kept = [
            Closure(lambda x: x),
            transforms.compile(lambda x: [x[0] + 1]),
            transforms.value_and_grad(lambda x: [x[0] * 2], [0]),
            transforms.checkpoint(lambda x: [x[0]]),
        ]
        kept[1]([array(1.0)])
    """,
    "a thread at work": """
        import threading, time
        def work():
            while True:
                transforms.eval([ops.sum(ops.matmul(ops.ones((200, 200)), ops.ones((200, 200))))])
        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
    """,
    "a stream": """
        kept = mlx_sys_py.new_stream(mlx_sys_py.cpu)
        transforms.async_eval([ops.add(ops.ones((1000,)), 1, stream=kept)])
    """,
    "memory shared with others": """
        import numpy as np
        kept = [np.asarray(memoryview(ops.arange(10))), array(np.ones(1000))]
        kept.append(mlx_sys_py.from_dlpack(np.ones(100, dtype=np.float32)))
    """,
    "functions that run at exit": """
        import atexit
        atexit.register(lambda: ops.sum(ops.ones((3,))).item())
        class Last:
            def __del__(self):
                ops.sum(ops.ones((3,))).item()
        kept = Last()
        kept.itself = kept
    """,
    "an exception of a callback": """
        def fail(inputs):
            raise ValueError("callback")
        try:
            transforms.value_and_grad(fail, [0])([array(1.0)])
        except ValueError as error:
            kept = error
    """,
    "functions in graphs": """
        def double(inputs):
            return [inputs[0] * 2]
        kept = [transforms.checkpoint(double)([array(1.0)])]
        kept.append(transforms.custom_vjp(double, lambda x, dy, y: dy)([array(1.0)]))
        double.kept = kept
    """,
    "functions that know their closures": """
        def double(inputs):
            return [inputs[0] * 2]
        double.kept = [transforms.compile(double), transforms.checkpoint(double), Closure(double)]
        results = [closure([array(1.0)]) for closure in double.kept]
    """,
    "a generator that has not ended": """
        def numbers(a):
            with mlx_sys_py.stream(mlx_sys_py.cpu):
                try:
                    while True:
                        yield (a := a + 1)
                finally:
                    a.tolist()
        kept = numbers(array([1.0]))
        transforms.async_eval([next(kept)])
    """,
    "a view, a capsule and a finalizer": """
        import weakref
        source = ops.arange(10)
        kept = [memoryview(source), source.__dlpack__()]
        weakref.finalize(source, lambda: ops.exp(array([1.0])).tolist())
    """,
    "threads that compile and collect": """
        import gc, threading, time
        def work():
            while True:
                def double(inputs):
                    return [inputs[0] * 2]
                double.kept = transforms.compile(double)
                double.kept([array(1.0)])[0].item()
                gc.collect()
        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
    """,
    "an evaluation that failed": """
        kept = ops.take(ops.arange(3), array([7]) + 0)
        transforms.async_eval([kept])
    """,
}

LONG = {
    "computed": "transforms.eval([a])",
    "printed": "repr(a)",
    "freed": "del a",
    "computed in a thread": """
        import threading
        thread = threading.Thread(target=transforms.eval, args=([a],))
        thread.start()
        thread.join()
    """,
    "freed in a thread": """
        import threading
        thread = threading.Thread(target=globals().pop, args=("a",))
        thread.start()
        thread.join()
    """,
}


def run(script: str) -> str:
    lines = "import mlx_sys_py\nfrom mlx_sys_py import Closure, array, ops, transforms\n"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", lines + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize("script", ENDINGS.values(), ids=ENDINGS)
def test_exit_with(script: str) -> None:
    run(script)


@pytest.mark.parametrize("script", LONG.values(), ids=LONG)
def test_long_chain(script: str) -> None:
    run("a = array(1.0)\nfor _ in range(100_000):\n    a = a + 1\n" + textwrap.dedent(script))


def test_long_chain_of_squares() -> None:
    run("a = array(1.0)\nfor _ in range(100_000):\n    a = a * a\ndel a")


def test_long_chain_of_two_results() -> None:
    run("""
        a = array([1.0, 2.0])
        for _ in range(50_000):
            a = ops.concatenate(ops.split(a, 2))
        del a
    """)


def test_gradient_of_a_long_chain() -> None:
    run("""
        def function(inputs):
            y = inputs[0]
            for _ in range(20_000):
                y = y * 1.0
            return [y]
        _, (grad,) = transforms.value_and_grad(function, [0])([array(1.0)])
        assert grad.item() == 1
    """)


def test_gradients_without_end() -> None:
    run("""
        def function(inputs):
            return transforms.value_and_grad(function, [0])(inputs)[0]
        try:
            function([array(1.0)])
        except RecursionError:
            pass
    """)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_fork_after_use() -> None:
    said = run("""
        import os
        ops.sum(ops.ones((3,))).item()
        child = os.fork()
        if child == 0:
            for attempt in (lambda: ops.ones((3,)), lambda: array([1.0]) + 1):
                try:
                    attempt().tolist()
                except RuntimeError as error:
                    print(error, flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert ops.sum(ops.ones((3,))).item() == 3
    """)
    assert said.count('get_context("spawn")') == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_fork_before_use() -> None:
    run("""
        import os
        child = os.fork()
        assert ops.sum(ops.ones((3,))).item() == 3
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)
