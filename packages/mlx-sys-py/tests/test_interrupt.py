"""Signals during long evaluations: Ctrl-C is heard at once, and leaves everything usable."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# Minutes of work. Only what is under way goes on after an interruption.
LONG = """
    w = ops.ones((1000, 1000))
    transforms.eval([w])
    long = w
    for _ in range(100_000):
        long = ops.matmul(long, w) * 1e-3
"""

WAITS = {
    "eval": "transforms.eval([long])",
    "async_eval": "transforms.async_eval([long])",
    "item": "ops.sum(long).item()",
    "tolist": "long.tolist()",
    "printing": "repr(long)",
    "a buffer": "memoryview(long)",
    "save": "io.save_safetensors(path, {'long': long})",
    "synchronize": """
        for _ in range(1000):
            part = w
            for _ in range(10):
                part = ops.matmul(part, w)
            transforms.async_eval([part])
        mlx_sys_py.synchronize()
    """,
    "an evaluation in a function that is differentiated": """
        def function(inputs):
            ops.sum(long).item()
            return inputs
        transforms.vjp(function, [w], [w])
    """,
    "another stream": """
        stream = mlx_sys_py.new_stream(mlx_sys_py.cpu)
        long = w
        for _ in range(100_000):
            long = ops.matmul(long, w, stream=stream)
        transforms.eval([long])
    """,
}


def run(*scripts: str) -> subprocess.CompletedProcess[str]:
    lines = """
        import atexit, os, signal, subprocess
        import mlx_sys_py
        from mlx_sys_py import array, io, ops, transforms

        # A job in the background begins with this signal ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)

        def interrupt_soon():
            subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -INT {os.getpid()}"])
    """
    return subprocess.run(
        [
            sys.executable,
            *("-X", "faulthandler", "-c"),
            "\n".join(textwrap.dedent(script) for script in (lines, *scripts)),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_ctrl_c_ends_a_wait(wait: str, tmp_path: Path) -> None:
    attempt = textwrap.indent(textwrap.dedent(wait), "    ")
    after = """
        except KeyboardInterrupt:
            del long
        else:
            raise AssertionError("the work has ended")
        assert ops.sum(ops.ones((10,))).item() == 10
        print("right")
    """
    path = f"path = {str(tmp_path / 'long')!r}"
    done = run(path, LONG, "interrupt_soon()\ntry:\n" + attempt, after)
    assert (done.returncode, done.stdout, done.stderr) == (0, "right\n", "")


def test_what_was_interrupted_can_still_be_had() -> None:
    done = run("""
        def hear(*_):
            raise InterruptedError
        signal.signal(signal.SIGALRM, hear)
        w = ops.ones((500, 500))
        x = w
        for _ in range(200):
            x = ops.matmul(x, w) / 500
        interruptions = 0
        while interruptions < 3:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                total = ops.sum(x).item()
                signal.pause()
            except InterruptedError:
                interruptions += 1
        print(ops.sum(x).item())
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "250000.0\n", "")


def test_a_handler_may_compute() -> None:
    handler = """
        stream = mlx_sys_py.new_stream(mlx_sys_py.cpu)
        def hear(*_):
            raise InterruptedError(ops.sum(ops.ones((10,)), stream=stream).item())
        signal.signal(signal.SIGINT, hear)
        interrupt_soon()
        try:
            transforms.eval([long])
        except InterruptedError as error:
            print(error)
    """
    done = run(LONG, handler)
    assert (done.returncode, done.stdout, done.stderr) == (0, "10.0\n", "")


def test_an_interrupted_script_ends() -> None:
    done = run(LONG, "interrupt_soon()\ntransforms.eval([long])")
    assert done.returncode != 0
    assert done.stderr.endswith("KeyboardInterrupt\n")


def test_ctrl_c_ends_the_wait_for_work_at_exit() -> None:
    done = run("""
        x = w = ops.ones((3000, 3000))
        for _ in range(40):
            x = ops.matmul(x, w)
        transforms.async_eval([x])
        atexit.register(interrupt_soon)
    """)
    assert (done.returncode, done.stdout, done.stderr) == (-2, "", "")
