"""Many threads at once: they share what they build, evaluate, transform, save and free."""

from __future__ import annotations

import faulthandler
import itertools
import queue
import random
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import mlx_sys_py as mx
import pytest
from mlx_sys_py import array, fast, io, ops, transforms

THREADS = 16


class Worker:
    """A thread with what it needs to know; each of its tasks checks what it computes.

    Args:
        number: which of the threads.
        folder: where it may write.
        lent: lazy arrays with the sums of their items, for whoever takes them.
    """

    def __init__(self, number: int, folder: Path, lent: queue.Queue[tuple[array, float]]) -> None:
        self.number = number
        self.k = float(number + 1)
        self.choose = random.Random(number)
        self.path = folder / f"{number}.safetensors"
        self.lent = lent
        self.stream = mx.new_stream(mx.cpu)
        self.compiled = transforms.compile(lambda x: [ops.exp(x[0] * 0) + x[0] * self.k])
        self.checkpointed = transforms.checkpoint(lambda x: [x[0] * x[0] * self.k])
        mx.random.seed(number)
        self.drawn = mx.random.uniform(shape=(3,)).tolist()

    def lend(self) -> None:
        n = self.choose.randint(1, 2000)
        self.lent.put((ops.arange(n) * self.number, self.number * n * (n - 1) / 2))

    def borrow(self) -> None:
        try:
            lazy, total = self.lent.get_nowait()
        except queue.Empty:
            return
        if self.choose.random() < 0.8:
            assert ops.sum(ops.astype(lazy, mx.float64)).item() == total

    def differentiate(self) -> None:
        both = transforms.value_and_grad(lambda x: [ops.sum(x[0] * x[0]) * self.k], [0])
        values, grads = both([array([1.0, 2.0, 3.0])])
        assert values[0].item() == 14 * self.k
        assert grads[0].tolist() == [2 * self.k, 4 * self.k, 6 * self.k]

    def evaluate_in_a_differentiated_function(self) -> None:
        def function(inputs: list[array]) -> list[array]:
            return [inputs[0] * ops.sum(inputs[0]).item()]

        values, products = transforms.vjp(function, [array([self.k, 1.0])], [array([1.0, 1.0])])
        total = self.k + 1
        assert values[0].tolist() == [total * self.k, total]
        assert products[0].tolist() == [total, total]

    def vectorize(self) -> None:
        x = array([[1.0, 2.0], [3.0, self.k]])
        traced_in, traced_out = transforms.vmap_trace(lambda x: [ops.sum(x[0])], [x], [0])
        (sums,) = transforms.vmap_replace([x], traced_in, traced_out, [0], [0])
        assert sums.tolist() == [3.0, 3.0 + self.k]

    def checkpoint(self) -> None:
        _, (grad,) = transforms.vjp(self.checkpointed, [array([3.0])], [array([1.0])])
        assert grad.tolist() == [6 * self.k]

    def compile(self) -> None:
        x = ops.full((self.choose.randint(1, 5),), 2.0)
        assert self.compiled([x])[0].tolist() == [1 + 2 * self.k] * x.size

    def use_kernels(self) -> None:
        n = self.choose.choice((3, 64, 200))
        product = ops.matmul(ops.full((n, n), self.k), ops.ones((n, n)))
        assert ops.sum(product).item() == self.k * n**3
        normed = fast.rms_norm(ops.full((4, n), self.k), ops.ones((n,)), 0.0)
        assert abs(ops.max(ops.abs(normed - 1)).item()) < 1e-5

    def save_and_load(self) -> None:
        io.save_safetensors(self.path, {"x": ops.arange(5) * self.number})
        loaded, _ = io.load_safetensors(self.path)
        assert loaded["x"].tolist() == [i * self.number for i in range(5)]

    def fail_in_a_callback(self) -> None:
        def function(inputs: list[array]) -> list[array]:
            raise ValueError(self.number)

        with pytest.raises(ValueError) as caught:
            transforms.value_and_grad(function, [0])([array(1.0)])
        assert caught.value.args == (self.number,)

    def fail_in_c(self) -> None:
        with pytest.raises(ValueError, match=rf"\(2,{self.number + 1000}\)"):
            ops.matmul(ops.ones((2, self.number + 1000)), ops.ones((2, 2)))

    def fail_while_evaluating(self) -> None:
        with pytest.raises(IndexError, match=str(self.number + 1000)):
            ops.take(ops.arange(3), array([self.number + 1000]) + 0).tolist()

    def draw(self) -> None:
        mx.random.seed(self.number)
        assert mx.random.uniform(shape=(3,)).tolist() == self.drawn

    def use_a_stream(self) -> None:
        with mx.stream(self.stream):
            assert ops.sum(ops.full((100,), self.k) + 1).item() == 100 * (self.k + 1)

    def build_large(self) -> None:
        x = ops.zeros((10,))
        for _ in range(1500):
            x = x + self.k
        assert x.tolist() == [1500 * self.k] * 10

    def run(self, end: float) -> None:
        tasks = [getattr(self, name) for name in TASKS]
        while time.monotonic() < end:
            self.choose.choice(tasks)()


TASKS = [
    name
    for name, value in vars(Worker).items()
    if callable(value) and name != "run" and not name.startswith("__")
]


def in_threads(work: Callable[[int], None], count: int = THREADS) -> None:
    """Run a function of the thread's number in threads; their first exception comes out."""
    errors: list[BaseException] = []

    def attempt(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_threads_do_everything_at_once(seconds: int, tmp_path: Path) -> None:
    lent: queue.Queue[tuple[array, float]] = queue.Queue()
    # Not what pytest puts in its place, which is no file.
    terminal = sys.__stderr__ or sys.stderr
    faulthandler.dump_traceback_later(10 * seconds + 60, file=terminal, exit=True)
    try:
        in_threads(lambda n: Worker(n, tmp_path, lent).run(time.monotonic() + seconds))
    finally:
        faulthandler.cancel_dump_traceback_later()
    # Their threads have ended.
    while not lent.empty():
        lazy, total = lent.get()
        assert ops.sum(ops.astype(lazy, mx.float64)).item() == total


def test_threads_draw_different_numbers() -> None:
    drawn: list[tuple[float, ...]] = []
    in_threads(lambda _: drawn.append(tuple(mx.random.uniform(shape=(4,)).tolist())))
    assert len(set(drawn)) == THREADS


def test_others_run_while_one_waits() -> None:
    """One thread waits for an evaluation, which waits for the other thread: for its reader."""
    waits = threading.Event()
    goes_on = threading.Event()

    def function(inputs: list[array]) -> list[array]:
        waits.set()
        assert goes_on.wait(60)
        return inputs

    def work(number: int) -> None:
        if number == 0:
            transforms.vjp(function, [array(1.0)], [array(1.0)])
        else:
            assert waits.wait(60)
            # With a lock or the GIL held over there this would never end.
            assert ops.sum(ops.ones((1000,)) + 1).item() == 2000
            goes_on.set()

    in_threads(work, 2)


def test_evaluations_on_streams_of_their_own_overlap() -> None:
    """Neither of two threads has more than begun when the other one is done with a part."""
    w = ops.ones((300, 300))
    transforms.eval([w])
    done: list[int] = []
    ready = threading.Barrier(2)

    def work(number: int) -> None:
        with mx.stream(mx.new_stream(mx.cpu)):
            ready.wait()
            for _ in range(100):
                x = w
                for _ in range(5):
                    x = ops.matmul(x, w) / 300
                assert ops.sum(x).item() == 90000
                done.append(number)

    in_threads(work, 2)
    turns = sum(a != b for a, b in itertools.pairwise(done))
    assert turns > 10


def test_a_small_evaluation_overtakes_a_long_one() -> None:
    """It has a stream of its own, and the long one does not keep the lock."""
    w = ops.ones((400, 400))
    transforms.eval([w])
    begun = threading.Event()
    ended = threading.Event()
    overtook: list[bool] = []

    def work(number: int) -> None:
        if number == 0:
            x = w
            for _ in range(3000):
                x = ops.matmul(x, w) / 400
            begun.set()
            transforms.eval([x])
            ended.set()
            return
        assert begun.wait(60)
        with mx.stream(mx.new_stream(mx.cpu)):
            for _ in range(10):
                assert ops.sum(ops.ones((10,)) + 1).item() == 20
            overtook.append(not ended.is_set())

    in_threads(work, 2)
    assert overtook[0]


ENDINGS = {
    "evaluating": "transforms.eval([ops.matmul(ops.ones((200, 200)), ops.ones((200, 200)))])",
    "in long evaluations": """
        x = ops.ones((200, 200))
        for _ in range(2000):
            x = ops.matmul(x, x) * 0
        x.tolist()
    """,
    "differentiating": """
        transforms.value_and_grad(lambda x: [ops.sum(x[0] * x[0])], [0])([ops.ones((9,))])
    """,
    "freeing closures": "Closure(lambda x: x)([array(1.0)])",
}


@pytest.mark.parametrize("work", ENDINGS.values(), ids=ENDINGS)
def test_exit_with_daemon_threads(work: str) -> None:
    script = """
        import threading, time
        from mlx_sys_py import Closure, array, ops, transforms
        def forever():
            while True:
                work()
        for _ in range(4):
            threading.Thread(target=forever, daemon=True).start()
        time.sleep(0.3)
    """
    function = "def work():\n" + textwrap.indent(textwrap.dedent(work), "    ")
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", function + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
