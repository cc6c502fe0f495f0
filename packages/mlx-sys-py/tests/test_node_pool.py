"""Nodes that are made of freed ones: nothing of what they were is left, and nothing is kept."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_sys_py import array, memory, ops, transforms

shapes = st.lists(st.integers(1, 4), min_size=0, max_size=4).map(tuple)


def as_numpy(a: array) -> Any:
    transforms.eval([a])
    return np.asarray(a)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_node_is_what_was_asked_for_whatever_it_was_before(data: Any) -> None:
    for _ in range(data.draw(st.integers(1, 6))):
        shape = data.draw(shapes)
        dtype = data.draw(st.sampled_from(["float32", "int32", "bool"]))
        x = np.ones(shape, dtype)
        a = array(x)
        made = data.draw(st.sampled_from(["unary", "binary", "many", "siblings", "view"]))
        if made == "unary":
            result, expected = ops.logical_not(a), np.logical_not(x)
        elif made == "binary":
            result, expected = ops.maximum(a, a), x
        elif made == "many":
            count = data.draw(st.integers(2, 12))
            flat = ops.reshape(a, (-1,))
            result, expected = ops.concatenate([flat] * count), np.concatenate([x.ravel()] * count)
        elif made == "siblings":
            flat = ops.reshape(a, (-1,))
            result, expected = ops.split(flat, x.size)[-1], x.ravel()[-1:]
        else:
            result, expected = ops.transpose(a), x.T
        assert result.shape == expected.shape
        if data.draw(st.booleans()):
            np.testing.assert_array_equal(as_numpy(result), expected)
            assert as_numpy(result).dtype == expected.dtype
        del result


def test_data_are_freed_with_the_last_handle() -> None:
    before = memory.get_active_memory()
    a = ops.ones((1 << 20,)) + 1
    transforms.eval([a])
    assert memory.get_active_memory() >= before + (4 << 20)
    del a
    assert memory.get_active_memory() < before + (1 << 20)


def test_data_of_others_are_freed_with_the_last_handle() -> None:
    class Data(np.ndarray[Any, Any]):
        pass

    data = np.arange(1000, dtype=np.float32).view(Data)
    gone = weakref.ref(data)
    a = array(data) * 2
    del data
    del a
    gc.collect()
    assert gone() is None


def test_functions_of_the_user_are_freed_with_their_node() -> None:
    class Rule:
        def __call__(self, primals: Any, cotangents: Any, outputs: Any) -> Any:
            return cotangents

    rule = Rule()
    gone = weakref.ref(rule)
    function = transforms.custom_vjp(lambda inputs: [ops.exp(inputs[0])], rule)
    result = function([array(1.0)])
    del rule, function
    assert gone() is not None
    del result
    gc.collect()
    assert gone() is None


def test_more_dimensions_than_a_shape_has_room_for() -> None:
    shape = (1, 2) * 6
    for _ in range(3):
        a = ops.exp(ops.zeros(shape))
        b = ops.exp(ops.zeros((2, 3)))
        assert a.shape == shape
        assert b.shape == (2, 3)
        np.testing.assert_array_equal(as_numpy(a), np.ones(shape))
        np.testing.assert_array_equal(as_numpy(b), np.ones((2, 3)))
        del a, b


def test_a_deep_graph_is_freed_without_recursion() -> None:
    for _ in range(2):
        a = array(1.0)
        for _ in range(200_000):
            a = ops.exp(a)
        del a


@pytest.mark.parametrize("freed_elsewhere", [False, True])
def test_threads_free_what_others_made(freed_elsewhere: bool) -> None:
    wrong: list[Any] = []
    exchanged: list[list[array]] = [[], []]
    barrier = threading.Barrier(2)

    def work(me: int) -> None:
        for step in range(200):
            mine = [ops.multiply(array(float(me + 1)), array(float(i))) for i in range(20)]
            exchanged[me] = mine
            barrier.wait()
            theirs = exchanged[1 - me] if freed_elsewhere else mine
            barrier.wait()
            exchanged[me] = []
            del mine
            value = (2 - me if freed_elsewhere else me + 1) * (step % 20)
            if theirs[step % 20].item() != value:
                wrong.append((me, step))
            del theirs
            barrier.wait()

    threads = [threading.Thread(target=work, args=(me,)) for me in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_gradients_of_nodes_that_were_tracers() -> None:
    def loss(x: array) -> array:
        return ops.sum(ops.square(ops.exp(x)))

    x = np.linspace(-1, 1, 6, dtype=np.float32)
    for _ in range(5):
        _, (gradient,) = transforms.value_and_grad(lambda xs: [loss(xs[0])], [0])([array(x)])
        np.testing.assert_allclose(as_numpy(gradient), 2 * np.exp(2 * x), rtol=1e-5)
        plain = ops.exp(array(x))
        np.testing.assert_allclose(as_numpy(plain), np.exp(x), rtol=1e-6)
        del plain, gradient
