"""Division of integers where processors fault: by zero, and of the least number by -1."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_sys_py import array, ops, transforms

DTYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
LENGTHS = st.integers(1, 40)


def expected(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NumPy's answers, but for the remainder of a division by zero."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.floor_divide(a, b), np.where(b == 0, a, np.remainder(a, b))


@settings(deadline=None, max_examples=50)
@given(st.data(), st.sampled_from(DTYPES), LENGTHS, st.sampled_from(["array", "number"]))
def test_agrees_with_numpy(data: st.DataObject, dtype: str, length: int, kind: str) -> None:
    info = np.iinfo(dtype)
    numbers = st.sampled_from([int(info.min), -1, 0, 1, 3, int(info.max)]).filter(
        lambda n: int(info.min) <= n
    )
    a = np.array(data.draw(st.lists(numbers, min_size=length, max_size=length)), dtype)
    if kind == "array":
        b = np.array(data.draw(st.lists(numbers, min_size=length, max_size=length)), dtype)
    else:
        b = np.array(data.draw(numbers), dtype)
    quotient, rest = expected(a, b)
    x, y = array(a), array(b)
    np.testing.assert_array_equal(np.array(ops.floor_divide(x, y)), quotient)
    np.testing.assert_array_equal(np.array(ops.remainder(x, y)), rest)
    both = ops.divmod(x, y)
    np.testing.assert_array_equal(np.array(both[0]), quotient)
    np.testing.assert_array_equal(np.array(both[1]), rest)
    compiled = transforms.compile(lambda inputs: [inputs[0] // inputs[1], inputs[0] % inputs[1]])
    for made, wanted in zip(compiled([x, y]), (quotient, rest), strict=True):
        np.testing.assert_array_equal(np.array(made), wanted)


@pytest.mark.parametrize("op", [operator.floordiv, operator.mod])
def test_operators_with_numbers(op: Callable[[Any, int], Any]) -> None:
    least = array([-(2**31)])
    assert op(least, -1).item() == (-(2**31) if op is operator.floordiv else 0)
    assert op(least, 0).item() == (0 if op is operator.floordiv else -(2**31))
    assert op(array([-7]), 2).item() == op(np.array(-7), 2)


def test_floats_are_left_alone() -> None:
    assert ops.floor_divide(array([1.0]), 0.0).item() == float("inf")
    assert np.isnan(ops.remainder(array([1.0]), 0.0).item())
