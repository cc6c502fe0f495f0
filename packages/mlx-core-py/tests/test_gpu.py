"""What goes wrong on a GPU comes out as an exception: needs one, and is skipped elsewhere.

After an illegal access CUDA refuses all further work of a process, so each case has its own.
"""

from __future__ import annotations

import subprocess
import sys

import mlx_core_py as mx
import pytest

pytestmark = pytest.mark.skipif(not mx.is_available(mx.gpu), reason="needs a GPU")

TIMEOUT = 100  # of seconds, for what must not wait without end

HEAD = """
import os, signal, threading, time
import mlx_core_py as mx
import numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)
known = mx.arange(10)
far = mx.array([2**31 - 1])
mx.eval(known, far)

def error_of(function):
    try:
        function()
    except BaseException as error:
        return type(error).__name__
    return "nothing"

def interrupt_after(seconds):
    threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
"""


def output_of(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + program],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


NEEDS_CUDA = pytest.mark.skipif(not mx.cuda.is_available(), reason="needs CUDA")


@NEEDS_CUDA
@pytest.mark.parametrize(
    "use",
    [
        "mx.take(known, far).tolist()",
        "mx.add(mx.take(known, far), 1, stream=mx.cpu).tolist()",
        "mx.linalg.inv(mx.take(known, far) * mx.eye(2), stream=mx.cpu).tolist()",
        "mx.exp(mx.add(mx.take(known, far), 1, stream=mx.cpu)).tolist()",
    ],
)
@pytest.mark.parametrize("ahead", ["", "mx.async_eval(broken := mx.take(known, far))"])
def test_an_illegal_access_is_an_error(use: str, ahead: str) -> None:
    if ahead:
        use = use.replace("mx.take(known, far)", "broken")
    program = f"{ahead}\nprint(error_of(lambda: {use}))"
    # Whatever is computed afterwards ends, too.
    program += "\nprint(error_of(lambda: (mx.ones(3) + 1).tolist()))"
    program += "\nerror_of(lambda: mx.ones((2000, 2000), stream=mx.cpu).sum().item())"
    assert output_of(program).split() == ["RuntimeError"] * 2


def test_the_cpu_computes_from_what_a_gpu_does() -> None:
    program = """
x = mx.random.normal((500, 500))
with mx.stream(mx.cpu):
    on_cpu = mx.exp(x) + 1
y = mx.add(mx.sin(on_cpu), mx.cos(x, stream=mx.cpu))
z = mx.sum(y, stream=mx.cpu)
mx.async_eval(z)
v = np.array(x)
print(np.allclose(z.item(), (np.sin(np.exp(v) + 1) + np.cos(v)).sum(), rtol=1e-3))
"""
    assert output_of(program).split() == ["True"]


def test_threads_that_end_while_others_evaluate() -> None:
    program = """
wrong = []
def work(number):
    for _ in range(50):
        x = mx.random.normal((64, 64))
        if abs((x @ x.T).sum().item() - np.array(x @ x.T).sum()) > 1:
            wrong.append(number)
for _ in range(4):
    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
print(wrong)
"""
    assert output_of(program).split() == ["[]"]


def test_threads_that_read_one_array() -> None:
    program = """
for _ in range(50):
    x = mx.random.normal((256, 256)); y = x @ x; mx.eval(y)
    found = []
    threads = [threading.Thread(target=lambda: found.append(np.array(y).sum())) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert len(set(map(float, found))) == 1
print("same")
"""
    assert output_of(program).split() == ["same"]


@pytest.mark.parametrize("call", ["mx.eval(x)", "x.sum().item()", "mx.async_eval(x)"])
def test_an_interrupt_ends_scheduling(call: str) -> None:
    program = f"""
w = mx.random.normal((4096, 4096)) / 4096
mx.eval(w)
x = w
for _ in range(20_000): x = x @ w
interrupt_after(0.3)
print(error_of(lambda: {call}))
print(error_of(lambda: (mx.ones(3) + 1).tolist()))
os._exit(0 if not print(end="", flush=True) else 1)
"""
    assert output_of(program).split() == ["KeyboardInterrupt", "nothing"]


def test_an_interrupt_ends_synchronize() -> None:
    program = """
w = mx.random.normal((8192, 8192)) / 8192
mx.eval(w)
for _ in range(40):
    x = w
    for _ in range(20): x = x @ w
    mx.async_eval(x)
x = mx.random.normal((1 << 17, 8192))
mx.async_eval([x @ w for _ in range(20)])
interrupt_after(0.01)
print(error_of(mx.synchronize), flush=True)
os._exit(0)
"""
    assert output_of(program).split()[0] in ("KeyboardInterrupt", "nothing")
