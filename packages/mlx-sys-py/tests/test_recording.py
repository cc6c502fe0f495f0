"""Compiled functions: what is recorded, and what a recording does with other inputs."""

from __future__ import annotations

import io
import threading
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_sys_py import array, graph, ops, transforms

RNG = np.random.default_rng(0)


def as_numpy(a: array) -> Any:
    transforms.eval([a])
    return np.asarray(a)


def operations(outputs: list[array]) -> Counter[str]:
    """How often each operation is in the graph of some arrays."""
    file = io.StringIO()
    graph.export_to_dot(file, outputs)
    return Counter(part.split('"')[0] for part in file.getvalue().split('[label ="')[1:])


def available(*values: Any) -> list[array]:
    arrays = [array(value) for value in values]
    transforms.eval(arrays)
    return arrays


X = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)


def test_equal_nodes_become_one() -> None:
    compiled = transforms.compile(lambda x: [ops.exp(x[0]) + ops.exp(x[0]) * ops.exp(x[0])])
    (result,) = compiled(available(X))
    assert operations([result]) == {"Exp": 1, "Multiply": 1, "Add": 1}
    np.testing.assert_allclose(as_numpy(result), np.exp(X) + np.exp(X) ** 2, rtol=1e-6)


def test_nodes_that_differ_in_what_their_primitives_hold_stay() -> None:
    def function(inputs: list[array]) -> list[array]:
        (x,) = inputs
        parts = [ops.sum(x, 0), ops.sum(x, 1), ops.reshape(x, (3, 2)), ops.reshape(x, (6,))]
        parts += [ops.power(x, 2.0), ops.power(x, 3.0), ops.take(x, array([0]), 1)]
        return [*parts, ops.take(x, array([1]), 1)]

    expected = [X.sum(0), X.sum(1), X.reshape(3, 2), X.reshape(6), X**2, X**3, X[:, [0]], X[:, [1]]]
    results = transforms.compile(function)(available(X))
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(as_numpy(result), value, rtol=1e-5, atol=1e-6)


def test_what_only_passes_an_input_on_is_left_out() -> None:
    compiled = transforms.compile(lambda x: [ops.exp(ops.stop_gradient(x[0])), x[0]])
    (x,) = available(X)
    result, same = compiled([x])
    assert operations([result]) == {"Exp": 1}
    np.testing.assert_array_equal(as_numpy(same), X)


def test_several_results_of_one_operation() -> None:
    def function(inputs: list[array]) -> list[array]:
        quotient, remainder = ops.divmod(inputs[0], inputs[1])
        first, second = ops.split(inputs[0], 2)
        return [remainder, quotient, second + first, quotient, remainder - quotient]

    a, b = RNG.integers(1, 50, (4, 3)), RNG.integers(1, 9, (4, 3))
    compiled = transforms.compile(function)
    for x, y in ((a, b), (b, a)):
        results = compiled(available(x, y))
        expected = [x % y, x // y, x[2:] + x[:2], x // y, x % y - x // y]
        for result, value in zip(results, expected, strict=True):
            np.testing.assert_array_equal(as_numpy(result), value)


def test_a_function_that_reads_its_inputs_elsewhere_is_refused() -> None:
    (x,) = available(X)
    with pytest.raises(ValueError, match="uncaptured inputs"):
        transforms.compile(lambda inputs: [inputs[0] + x])([x])
    # It is recorded anew then.
    compiled = transforms.compile(lambda inputs: [inputs[0] + x])
    with pytest.raises(ValueError, match="uncaptured inputs"):
        compiled([x])
    (other,) = available(2 * X)
    np.testing.assert_array_equal(as_numpy(compiled([other])[0]), 3 * X)


def test_constants_that_are_not_evaluated_yet() -> None:
    captured = ops.exp(array(X)) * 2
    compiled = transforms.compile(lambda inputs: [inputs[0] + captured, captured])
    for factor in (1, 2):
        result, constant = compiled(available(factor * X))
        np.testing.assert_allclose(as_numpy(result), factor * X + 2 * np.exp(X), rtol=1e-6)
        np.testing.assert_allclose(as_numpy(constant), 2 * np.exp(X), rtol=1e-6)


def test_compiled_functions_without_inputs_within_others() -> None:
    inner = transforms.compile(lambda _: [ops.arange(6.0)])
    outer = transforms.compile(lambda x: [x[0] + ops.reshape(inner([])[0], (2, 3))])
    for factor in (1, 2):
        expected = factor * X + np.arange(6).reshape(2, 3)
        np.testing.assert_allclose(as_numpy(outer(available(factor * X))[0]), expected)


def test_an_exception_while_recording_leaves_nothing_behind() -> None:
    fails = [True]

    def function(inputs: list[array]) -> list[array]:
        if fails:
            raise KeyError("recording")
        return [inputs[0] * 2]

    compiled = transforms.compile(function)
    with pytest.raises(KeyError):
        compiled(available(X))
    fails.clear()
    np.testing.assert_array_equal(as_numpy(compiled(available(X))[0]), 2 * X)


def test_recordings_are_forgotten() -> None:
    calls = []

    def function(x: list[array]) -> list[array]:
        calls.append(1)
        return [x[0] + 1]

    compiled = transforms.compile(function)
    compiled(available(X))
    compiled(available(X))
    assert len(calls) == 1
    transforms.compile_clear_cache()
    compiled(available(X))
    assert len(calls) == 2


def test_threads_share_a_recording() -> None:
    calls = []

    def function(x: list[array]) -> list[array]:
        calls.append(1)
        return [ops.tanh(x[0]) * 3]

    compiled = transforms.compile(function)
    compiled(available(X))
    results: list[Any] = []

    def work(factor: int) -> None:
        for _ in range(50):
            value = as_numpy(compiled(available(factor * X))[0])
            results.append(np.allclose(value, 3 * np.tanh(factor * X), rtol=1e-5))

    threads = [threading.Thread(target=work, args=(factor,)) for factor in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results)
    assert len(results) == 200
    assert len(calls) == 1


UNARY: list[tuple[Any, Any]] = [
    (ops.exp, np.exp), (ops.tanh, np.tanh), (ops.negative, np.negative), (ops.abs, np.abs),
    (ops.stop_gradient, lambda x: x), (ops.transpose, np.transpose),
]  # fmt: skip
BINARY: list[tuple[Any, Any]] = [
    (ops.add, np.add), (ops.multiply, np.multiply), (ops.maximum, np.maximum),
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_random_functions(data: Any) -> None:
    """Of two square matrices; equal steps are frequent."""
    steps = data.draw(
        st.lists(
            st.tuples(
                st.one_of(st.sampled_from(UNARY), st.sampled_from(BINARY), st.floats(-1, 1)),
                st.integers(0, 20),
                st.integers(0, 20),
            ),
            min_size=1,
            max_size=12,
        )
    )
    chosen = data.draw(st.lists(st.integers(0, 20), min_size=1, max_size=3))

    def run(values: list[Any], which: int) -> list[Any]:
        values = list(values)
        for operation, i, j in steps:
            x, y = values[i % len(values)], values[j % len(values)]
            if isinstance(operation, float):
                values.append(x * np.float32(operation) if which else x * operation)
            elif operation in BINARY:
                values.append(operation[which](x, y))
            else:
                values.append(operation[which](x))
            if which:
                values[-1] = np.clip(values[-1], -2, 2)
            else:
                values[-1] = ops.minimum(ops.maximum(values[-1], -2.0), 2.0)
        return [values[i % len(values)] for i in chosen]

    compiled = transforms.compile(lambda inputs: run(inputs, 0))
    for _ in range(2):
        given_values = [RNG.uniform(-1, 1, (3, 3)).astype(np.float32) for _ in range(2)]
        results = compiled(available(*given_values))
        for result, value in zip(results, run(given_values, 1), strict=True):
            np.testing.assert_allclose(as_numpy(result), value, rtol=1e-4, atol=1e-5)
