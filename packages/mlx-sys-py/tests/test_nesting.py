"""Functions nested deeper than a stack: calling them raises, freeing them does not recurse."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What nests a function of lists of arrays in another.
NESTS = {
    "Closure": "mx.Closure(f)",
    "compile": "transforms.compile(f)",
    "checkpoint": "transforms.checkpoint(f)",
    "custom_function": "transforms.custom_function(f)",
    "vjp": "lambda x: transforms.vjp(f, x, [array(1.0)])[1]",
    "jvp": "lambda x: transforms.jvp(f, x, [array(1.0)])[1]",
    "value_and_grad": "lambda x: transforms.value_and_grad(f, [0])(x)[1]",
    "vmap_trace": "lambda x: transforms.vmap_trace(f, [x[0][None]], [0])[1]",
}

PROGRAM = """
import sys, threading
import mlx_sys_py as mx
from mlx_sys_py import array, transforms
where, depth = sys.argv[1], int(sys.argv[2])

def nested(depth):
    def outer(f):
        return {nest}
    f = lambda x: [x[0] * 1.0]
    for _ in range(depth):
        f = outer(f)
    return f

def work():
    f = nested(depth)
    try:
        f([array(1.0)])
    except RecursionError as error:
        print(error)
    del f
    assert len(nested(3)([array(1.0)])) == 1
    print("right")

if where == "main":
    # What is left to count is the stack.
    sys.setrecursionlimit(1_000_000)
    work()
else:
    threading.stack_size(int(where) << 10)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""


def run(nest: str, where: str, depth: int) -> list[str]:
    """The lines that the program prints, which must not end before its end."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(nest=NESTS[nest]), where, str(depth)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, f"{result.returncode} {result.stderr[-2000:]}"
    return result.stdout.splitlines()


@pytest.mark.parametrize("nest", NESTS)
def test_deeper_than_the_stack_of_a_thread(nest: str) -> None:
    message, last = run(nest, "256", 5_000)
    assert message.startswith("functions are nested too deeply")
    assert "256 KiB" in message
    assert last == "right"


@pytest.mark.parametrize("nest", NESTS)
def test_deeper_than_the_stack_of_the_process(nest: str) -> None:
    message, last = run(nest, "main", 50_000)
    assert message.startswith("functions are nested too deeply") or "recursion" in message
    assert last == "right"


@pytest.mark.parametrize("nest", NESTS)
def test_as_deep_as_anybody_nests(nest: str) -> None:
    assert run(nest, "512", 10) == ["right"]
