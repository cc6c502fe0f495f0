"""What holds for all transforms."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import pytest

X = mx.array([1.0, 2.0, 3.0])


class Oops(Exception):
    pass


def raise_oops(*_: Any) -> mx.array:
    raise Oops("in the function")


@pytest.mark.parametrize(
    "call",
    [
        lambda: mx.grad(raise_oops)(X),
        lambda: mx.vjp(raise_oops, [X], [X]),
        lambda: mx.jvp(raise_oops, [X], [X]),
        lambda: mx.vmap(raise_oops)(X),
        lambda: mx.compile(raise_oops)(X),
        lambda: mx.checkpoint(raise_oops)(X),
    ],
)
def test_exceptions_come_out_as_they_are(call: Callable[[], Any]) -> None:
    with pytest.raises(Oops, match="in the function"):
        call()


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "vmap", "compile", "checkpoint"])
def test_functions_must_be_callable(name: str) -> None:
    with pytest.raises(TypeError, match="callable"):
        getattr(mx, name)(3)


class Tuple(tuple[Any, ...]):
    """A tuple of a class of its own."""


@pytest.mark.parametrize(
    "transformed",
    [
        mx.compile(lambda x: Tuple([x, 2 * x])),
        mx.vmap(lambda x: Tuple([x, 2 * x])),
        mx.checkpoint(lambda x: Tuple([x, 2 * x])),
        mx.custom_function(lambda x: Tuple([x, 2 * x])),
        lambda x: mx.grad(lambda pair: mx.sum(pair[0] + 2 * pair[1]))(Tuple([x, 2 * x])),
        lambda x: mx.value_and_grad(lambda x: Tuple([mx.sum(x), x]))(x)[0],
    ],
)
def test_classes_of_tuples_are_kept(transformed: Callable[[mx.array], Any]) -> None:
    result = transformed(X)
    assert type(result) is Tuple
    assert len(result) == 2


def test_classes_of_tuples_are_kept_in_arguments() -> None:
    def first(pair: Any) -> Any:
        assert type(pair) is Tuple
        return pair[0]

    for transform in (mx.compile, mx.vmap, mx.checkpoint):
        assert mx.array_equal(transform(first)(Tuple([X, X])), X)
    assert mx.grad(lambda pair: mx.sum(first(pair)))(Tuple([X, X]))[0].tolist() == [1, 1, 1]


def scaled(x: mx.array, /, factor: float = 2.0, *, shift: float = 0.0) -> mx.array:
    """Scale and shift."""
    return mx.sum(x * factor + shift)


@pytest.mark.parametrize(
    "transform", [mx.grad, mx.value_and_grad, mx.compile, mx.vmap, mx.checkpoint]
)
def test_signatures_are_kept(transform: Callable[..., Any]) -> None:
    transformed = transform(scaled)
    assert inspect.signature(transformed) == inspect.signature(scaled)
    assert transformed.__wrapped__ is scaled
    assert transformed.__name__ == "scaled"
    assert transformed.__doc__ == "Scale and shift."


# How each is put around a function of an array without axes.
AROUND = {
    "grad": "mx.grad(fun)",
    "vmap": "lambda x: mx.vmap(fun)(x[None])[0]",
    "compile": "mx.compile(fun)",
    "checkpoint": "mx.checkpoint(fun)",
    "custom_function": "mx.custom_function(fun)",
}

NESTED = """
import threading
import mlx_core_py as mx

def around(fun):
    return {around}

def work():
    fun = lambda x: x * 1.0
    for _ in range(5_000):
        fun = around(fun)
    try:
        fun(mx.array(1.0))
    except RecursionError as error:
        print(error)

threading.stack_size(256 << 10)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.parametrize("name", AROUND)
def test_nested_deeper_than_the_stack_of_a_thread(name: str) -> None:
    code = NESTED.format(around=AROUND[name])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.returncode} {done.stderr[-2000:]}"
    assert "nested too deeply" in done.stdout
