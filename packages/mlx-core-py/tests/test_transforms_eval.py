"""Evaluation computes the arrays of a tree."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close
from mlx_sys_py import cpu_kernels

X = mx.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("evaluate", [mx.eval, mx.async_eval])
def test_eval_passes_over_what_is_no_array(evaluate: Callable[..., None]) -> None:
    x = mx.exp(X)
    evaluate()
    evaluate(3, "text", None, [x, {"a": (x + 1,)}])
    assert close(x, np.exp([1, 2, 3]))


def test_eval_inside_of_compile_is_an_error() -> None:
    with pytest.raises(ValueError, match="eval"):
        mx.compile(lambda x: mx.eval(x + 1))(X)


def test_async_eval_inside_of_a_transformation_is_an_error() -> None:
    def background(x: mx.array) -> mx.array:
        y = x + 1
        mx.async_eval(y)
        return mx.exp(y)

    for transform in (mx.grad, mx.vmap, mx.compile):
        with pytest.raises(ValueError, match="async_eval"):
            transform(background)(X if transform is not mx.grad else mx.array(1.0))

    def at_once(x: mx.array) -> mx.array:
        y = x + 1
        mx.eval(y)
        mx.async_eval(y, X)
        return y * y

    # What is evaluated already can be differentiated still.
    assert mx.grad(at_once)(mx.array(2.0)).item() == 6


@pytest.fixture
def kernels_of_mlx() -> Iterator[None]:
    before = cpu_kernels.get_level()
    cpu_kernels.set_level("stock")
    yield
    cpu_kernels.set_level(before)


@pytest.mark.usefixtures("kernels_of_mlx")
@pytest.mark.parametrize("waits", [lambda x: mx.synchronize(mx.cpu), lambda x: x.tolist()])
@pytest.mark.parametrize("more", [0, 1000])
def test_the_error_of_a_stream_comes_out_once(
    more: int, waits: Callable[[mx.array], object]
) -> None:
    """From the call that waits, or, where MLX itself meets it, from that which schedules."""
    singular = mx.array([[1.0, 2.0], [2.0, 4.0]])
    for _ in range(20):
        failing = mx.linalg.inv(singular, stream=mx.cpu)
        # Scheduling these takes longer than the stream needs to fail.
        others = [mx.exp(singular[0] + number) for number in range(more)]
        with pytest.raises(RuntimeError, match="factorization"):  # noqa: PT012
            mx.async_eval(failing, *others)
            waits(failing)
        mx.synchronize(mx.cpu)


FAILING = """
import mlx_core_py as mx
from mlx_sys_py import cpu_kernels

cpu_kernels.set_level("stock")
singular = mx.array([[1.0, 2.0], [2.0, 4.0]])
for _ in range(60):
    for call in (
        lambda: mx.async_eval(
            mx.linalg.inv(singular, stream=mx.cpu), *(mx.exp(singular[0] + k) for k in range(500))
        ),
        lambda: mx.synchronize(mx.cpu),
    ):
        try:
            call()
        except RuntimeError:
            pass
for _ in range(60):
    mx.async_eval(*(mx.exp(singular[0] + k) for k in range(50)))
    mx.synchronize(mx.cpu)
"""


def test_errors_of_a_stream_are_no_tasks_to_wait_for() -> None:
    """Of those MLX counts a task for good, and it waits where it counts many."""
    subprocess.run([sys.executable, "-c", FAILING], check=True, timeout=120)
