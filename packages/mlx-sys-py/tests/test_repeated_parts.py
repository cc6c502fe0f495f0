"""Steps that pass on a part of what they have computed, at another place in each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from levels import at_every_level, ours_only
from mlx_sys_py import array, fast, ops, transforms
from recorded_steps import Step, are_kept, assert_same, record

pytestmark = at_every_level

CALLS = 10
# More bytes than may be left over in the memory of a view that `contiguous` passes on.
ROWS, WIDTH = 200, 64


def long(step: Step) -> Step:
    """With enough nodes for their tasks to be kept."""

    def longer(inputs: list[array], i: int) -> list[array]:
        y = inputs[0]
        for _ in range(9):
            y = fast.rms_norm(y, None, 1e-5)
        return [*step([y], i), ops.exp(y)]

    return longer


def moving(i: int, x: array) -> array:
    return x[:, i : i + 3]


# What may have the memory of its operand: a part of z, which is read again afterwards.
PARTS: dict[str, Callable[[array, int], array]] = {
    "reshape": lambda z, i: ops.reshape(moving(i, z), (3 * WIDTH,)),
    "flatten": lambda z, i: ops.flatten(moving(i, z), 1, 2),
    "unflatten": lambda z, i: ops.unflatten(z[:, i : i + 1], 2, (8, 8)),
    "contiguous": lambda z, i: ops.contiguous(moving(i, z)),
    "full": lambda z, i: ops.full((1, 3, WIDTH), moving(i, z)),
    "a view of a reshape": lambda z, i: ops.reshape(moving(i, z), (1, WIDTH, 3))[:, 1:],
    "a sum": lambda z, i: ops.sum(ops.contiguous(moving(i, z)), 1),
    "a part that grows": lambda z, i: ops.contiguous(z[:, : 132 + i]),
}


@pytest.mark.parametrize("name", PARTS)
def test_what_has_the_memory_of_a_part(name: str) -> None:
    part = PARTS[name]

    def step(inputs: list[array], i: int) -> list[array]:
        x = inputs[0]
        z = ops.tanh(x)
        passed = part(z, i)
        # Takes memory that is free by then.
        other = fast.layer_norm(x, None, None, 1e-5)
        again = ops.sum(ops.sin(z @ ops.ones((WIDTH, WIDTH))), 1)
        return [ops.exp(passed) * 2, other[:, 0], again + ops.sum(passed) * 0]

    check(long(step))


def check(step: Step) -> None:
    rng = np.random.default_rng(0)
    x = array(rng.standard_normal((1, ROWS, WIDTH)).astype(np.float32))
    recorded = record(step, [x], CALLS)
    for i in range(CALLS):
        assert_same(recorded([x * (i + 1)]), step([x * (i + 1)], i + 1))


def with_result(result: array) -> Callable[[list[array]], list[array]]:
    return lambda inputs: [inputs[0] + result]


# MLX's own `compile` repeats nodes that a function reads from outside.
@ours_only
def test_results_in_functions_that_run_again() -> None:
    """A function that reads a result which is not evaluated yet reads it in each of its calls."""
    rng = np.random.default_rng(0)
    x = array(rng.standard_normal((1, 4, WIDTH)).astype(np.float32))

    def step(inputs: list[array], i: int) -> list[array]:
        return [ops.tanh(inputs[0]) * 2]

    for evaluated in (False, True):
        recorded = record(long(step), [x], 5)
        for i in range(3):
            out, want = recorded([x]), long(step)([x], i + 1)
            assert are_kept(out)
            if evaluated:
                # So that the function reads one result of a step, and not the step.
                transforms.eval(out[1])
            compiled = transforms.compile(with_result(out[0]))
            for factor in (1, 2, 3):
                assert_same(compiled([x * factor]), [x * factor + want[0]])
            assert_same(out, want)
