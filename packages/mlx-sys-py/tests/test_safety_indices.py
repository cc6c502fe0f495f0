"""Indices that reach outside of an array: IndexError, whatever the kernels in use."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_sys_py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx_sys_py import array, fast, float32, ops, transforms

WILD = 90_000_000
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def matrix() -> array:
    return ops.reshape(ops.astype(ops.arange(6), float32), (2, 3))


def indexed(a: array, index: object, value: Any) -> array:
    a[index] = value
    return a


def gather_qmm(index: int) -> array:
    w, scales, biases = ops.quantize(ops.ones((2, 32, 64)))
    return ops.gather_qmm(ops.ones((1, 64)), w, scales, biases, rhs_indices=array([index]))


CALLS: dict[str, Callable[[int], array]] = {
    "take": lambda i: ops.take(matrix(), array([0, i])),
    "take of an axis": lambda i: ops.take(matrix(), array([0, i]), axis=1),
    "take_along_axis": lambda i: ops.take_along_axis(matrix(), array([[i]]), 1),
    "put_along_axis": lambda i: ops.put_along_axis(matrix(), array([[i]]), array([[1.0]]), 1),
    "array[index]": lambda i: matrix()[array([0, i])],
    "array[index, index]": lambda i: matrix()[array([0, 1]), array([0, i])],
    "array[:, index]": lambda i: matrix()[:, array([0, i])],
    "array[index] = value": lambda i: indexed(matrix(), array([i]), 1.0),
    "array[:, index] = value": lambda i: indexed(matrix(), (slice(None), array([i])), 1.0),
    "at.add": lambda i: matrix().at[array([i])].add(1),
    "at.multiply": lambda i: matrix().at[array([i])].multiply(2),
    "at.maximum": lambda i: matrix().at[array([i])].maximum(2),
    "at.minimum": lambda i: matrix().at[array([i])].minimum(2),
    "slice": lambda i: ops.slice(matrix(), array([i]), (1,), (2, 1)),
    "slice_update": lambda i: ops.slice_update(matrix(), ops.ones((1, 1)), array([0, i]), (0, 1)),
    "cross_entropy": lambda i: fast.cross_entropy(matrix(), array([0, i])),
    "gather_mm": lambda i: ops.gather_mm(
        ops.ones((2, 2, 3)), ops.ones((2, 3, 2)), rhs_indices=array([1, i])
    ),
    "gather_mm of the left": lambda i: ops.gather_mm(
        ops.ones((2, 2, 3)), ops.ones((2, 3, 2)), lhs_indices=array([1, i])
    ),
    "gather_qmm": gather_qmm,
    "segmented_mm": lambda i: ops.segmented_mm(
        ops.ones((2, 4)), ops.ones((4, 2)), array([[0, i]], mlx_sys_py.uint32)
    ),
}


def error_of(a: array) -> str:
    with pytest.raises(IndexError) as error:
        transforms.eval([a])
    return str(error.value)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_names_index_and_size(call: Callable[[int], array]) -> None:
    message = error_of(call(WILD))
    assert str(WILD) in message
    assert "out of range" in message
    assert "of size " in message
    assert message.startswith("[")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_first_index_beyond_the_end(call: Callable[[int], array]) -> None:
    transforms.eval([call(1)])
    error_of(call(6))


def test_products_with_none_of_no_matrices() -> None:
    w, scales, biases = (part[:0] for part in ops.quantize(ops.ones((2, 32, 64))))
    x, first = ops.ones((1, 64)), array([0])
    message = "index 0 is out of range for a batch of size 0"
    assert message in error_of(ops.gather_qmm(x, w, scales, biases, rhs_indices=first))
    assert message in error_of(ops.gather_mm(x, ops.ones((0, 64, 3)), rhs_indices=first))
    none = array([], mlx_sys_py.uint32)
    assert ops.gather_qmm(x, w, scales, biases, rhs_indices=none).size == 0


def test_negative_indices_count_from_the_end() -> None:
    assert matrix()[array([-2])].tolist() == [[0, 1, 2]]
    assert ops.take(matrix(), array([-3, 2]), axis=1).tolist() == [[0, 2], [3, 5]]
    assert "-3" in error_of(matrix()[array([0, -3])])
    assert "-4" in error_of(ops.take_along_axis(matrix(), array([[-4]]), 1))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_every_type_of_index(dtype: str) -> None:
    def indices(values: list[int]) -> array:
        return array(np.array(values, dtype))

    assert ops.take(ops.arange(300), indices([0, 100])).tolist() == [0, 100]
    largest = int(np.iinfo(dtype).max)
    source = ops.arange(100)
    assert str(largest) in error_of(ops.take(source, indices([1, largest])))
    smallest = int(np.iinfo(dtype).min)
    if smallest < 0:
        assert str(smallest) in error_of(ops.take(source, indices([smallest])))


layouts: dict[str, Callable[[array], array]] = {
    "as it is": lambda i: i,
    "computed": lambda i: i + 0,
    "reversed": lambda i: i[::-1],
    "every other": lambda i: ops.repeat(i, 2)[::2],
    "broadcast": lambda i: ops.broadcast_to(i, (3, i.size)),
    "transposed": lambda i: ops.transpose(ops.stack([i, i])),
    "masked neighbours": lambda i: ops.concatenate([array([WILD]), i, array([WILD])])[1:-1],
    "masked between": lambda i: ops.reshape(ops.stack([i, i + WILD], axis=1), (-1,))[::2],
}


@given(
    st.lists(st.integers(-7, 6), min_size=1, max_size=400),
    st.sampled_from(list(layouts)),
)
def test_agrees_with_numpy(values: list[int], layout: str) -> None:
    source = np.arange(100, 107)
    indices = layouts[layout](array(values))
    result = ops.take(array(source), indices)
    np.testing.assert_array_equal(np.array(result), source[np.array(indices)])
    values[len(values) // 2] = 7
    assert "index 7 is" in error_of(ops.take(array(source), layouts[layout](array(values))))


def test_each_axis_has_its_own_limit() -> None:
    assert "index 4 is out of range for axis 1" in error_of(matrix()[array([0]), array([4])])
    assert "index 2 is out of range for axis 0" in error_of(matrix()[array([2]), array([0])])


def test_failure_leaves_the_rest_alone() -> None:
    fine = ops.arange(5) + 1
    with pytest.raises(IndexError):
        transforms.eval([fine * 2, ops.take(fine, array([7]) + 0), fine * 3])
    assert fine.tolist() == [1, 2, 3, 4, 5]


def test_slice_must_fit() -> None:
    a = matrix()
    assert ops.slice(a, array([0, 1]), (0, 1), (2, 2)).tolist() == [[1, 2], [4, 5]]
    assert "slices of which have size 2" in error_of(ops.slice(a, array([0, 2]), (0, 1), (2, 2)))
    assert "-1" in error_of(ops.slice(a, array([-1]), (0,), (1, 1)))


def test_update_of_more_axes() -> None:
    with pytest.raises(ValueError, match="update has 2 axes"):
        ops.slice_update(ops.ones((2,)), ops.ones((2, 2)), array([0]), (0,))


def test_what_depends_on_it_fails_too_and_stays_so() -> None:
    wrong = ops.take(ops.arange(6), array([0, 9]))
    sum_ = ops.sum(wrong)
    for a, _ in itertools.product([sum_, wrong, ops.sum(wrong * 2)], range(2)):
        assert "index 9 is" in error_of(a)
    assert ops.sum(ops.arange(3)).item() == 3


def test_what_was_started_fails_when_waited_for() -> None:
    wrong = ops.take(ops.arange(6), array([9]) + 0)
    transforms.async_eval([wrong])
    assert ops.sum(ops.arange(3)).item() == 3
    error_of(wrong)
    # What is built on it before anyone can know fails as well.
    slow = ops.sum(ops.matmul(ops.ones((700, 700)), ops.ones((700, 700))))
    wrong = ops.take(ops.arange(6), ops.astype(slow, mlx_sys_py.int32))
    transforms.async_eval([wrong])

    def build() -> None:
        later = wrong + 1
        transforms.async_eval([later])
        transforms.eval([later])

    with pytest.raises(IndexError):
        build()


def test_inside_a_transformation() -> None:
    def function(inputs: list[array]) -> list[array]:
        return [ops.sum(inputs[0]) * ops.take(ops.arange(3), array([9])).item()]

    with pytest.raises(IndexError, match="index 9 is"):
        transforms.value_and_grad(function, [0])([ops.ones((3,))])


def test_of_a_gradient_and_of_a_compiled_function() -> None:
    def function(inputs: list[array]) -> list[array]:
        return [ops.sum(ops.take(inputs[0], array([0, 9])))]

    values, grads = transforms.value_and_grad(function, [0])([ops.ones((3,))])
    error_of(values[0])
    error_of(grads[0])
    error_of(transforms.compile(function)([ops.ones((3,))])[0])


def test_updates_stay_in_place() -> None:
    """The check must not keep the target from being updated where it is."""
    a = ops.zeros((1 << 22,))
    transforms.eval([a])
    mlx_sys_py.memory.reset_peak_memory()
    before = mlx_sys_py.memory.get_active_memory()
    for i in range(3):
        a = ops.slice_update(a, ops.ones((1,)), array([i]), (0,))
        transforms.eval([a])
    assert mlx_sys_py.memory.get_peak_memory() - before < a.nbytes / 2
    assert a[:4].tolist() == [1, 1, 1, 0]


@pytest.mark.skipif(os.environ.get("MLX_SYS_PY_CPU") == "stock", reason="is that already")
def test_with_stock_kernels() -> None:
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__))],
        check=True,
        env={**os.environ, "MLX_SYS_PY_CPU": "stock"},
    )
