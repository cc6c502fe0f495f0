"""What holds for all transforms."""

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
