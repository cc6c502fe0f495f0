"""Compiled functions are recorded once for each signature, and compute the same."""

import gc
import math
import weakref
from functools import partial
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close
from mlx_sys_py import cpu_kernels

X = mx.array([1.0, 2.0, 3.0])


def test_compile_records_once_for_each_signature() -> None:
    recorded = []

    @mx.compile
    def fun(x: Any, scale: Any = 2) -> dict[str, Any]:
        recorded.append(scale)
        return {"y": x["a"] * scale, "scale": scale}

    for _ in range(2):
        result = fun({"a": X})
        assert close(result["y"], [2, 4, 6])
        assert result["scale"] == 2
    assert recorded == [2]
    assert close(fun({"a": X}, 3)["y"], [3, 6, 9])
    assert close(fun({"a": X}, scale=3)["y"], [3, 6, 9])
    assert recorded == [2, 3, 3]
    # Equal constants of different types are different.
    assert fun({"a": mx.array([1])}, 2)["y"].dtype == mx.int32
    assert fun({"a": mx.array([1])}, 2.0)["y"].dtype == mx.float32
    # Another shape, another structure of the result.
    assert fun({"a": X[:2]})["y"].shape == (2,)


def test_compile_follows_shapes_into_the_structure_of_the_result() -> None:
    fun = mx.compile(lambda x: [x] * x.shape[0])
    for size in (1, 3, 2, 3):
        assert len(fun(mx.zeros((size,)))) == size


def test_shapeless_compile_records_once_for_all_shapes() -> None:
    recorded = []

    def fun(x: mx.array) -> mx.array:
        recorded.append(x.ndim)
        return mx.exp(-x)

    compiled = mx.compile(fun, shapeless=True)
    for x in (X, X[:2], mx.array([[1.0], [2.0]])):
        assert close(compiled(x), np.exp(-np.array(x)))
    assert recorded == [1, 2]


def test_compiled_state() -> None:
    state: dict[str, Any] = {"total": mx.array(0.0), "nested": [mx.array(1.0)]}

    def fun(x: mx.array) -> mx.array:
        state["total"] = state["total"] + mx.sum(x)
        state["nested"][0] = state["nested"][0] * 2
        y: mx.array = x + state["total"]
        return y

    compiled = mx.compile(fun, inputs=state, outputs=state)
    for round_ in (1, 2, 3):
        assert close(compiled(X), np.array([1, 2, 3]) + 6 * round_)
        assert state["total"].item() == 6 * round_
        assert state["nested"][0].item() == 2**round_
    # What is replaced from outside is seen, not what was recorded.
    state["total"] = mx.array(100.0)
    assert close(compiled(X), [107, 108, 109])


def test_compiled_state_may_begin_empty() -> None:
    state: dict[str, mx.array] = {}

    def fun(x: mx.array) -> None:
        state["n"] = state.get("n", mx.array(0.0)) + mx.sum(x)

    compiled = mx.compile(fun, inputs=state, outputs=state)
    for total in (6, 12, 18):
        assert compiled(X) is None
        assert state["n"].item() == total


def test_inputs_are_not_changed_by_recording() -> None:
    state = {"factor": mx.array(2.0)}
    factor = state["factor"]
    compiled = mx.compile(lambda x: x * state["factor"], inputs=state)
    assert close(compiled(X), [2, 4, 6])
    assert state["factor"] is factor
    state["factor"] = mx.array(3.0)
    assert close(compiled(X), [3, 6, 9])


def test_inputs_are_restored_after_an_exception() -> None:
    state = {"factor": mx.array(2.0)}
    factor = state["factor"]

    def fail(x: mx.array) -> mx.array:
        raise LookupError("while recording")

    with pytest.raises(LookupError, match="while recording"):
        mx.compile(fail, inputs=state)(X)
    assert state["factor"] is factor


def test_grad_of_compile_and_compile_of_grad() -> None:
    def fun(x: mx.array) -> mx.array:
        return mx.sum(mx.sin(x) ** 2)

    expected = 2 * np.sin([1, 2, 3]) * np.cos([1, 2, 3])
    assert close(mx.grad(mx.compile(fun))(X), expected)
    assert close(mx.compile(mx.grad(fun))(X), expected)


def test_compile_refuses_what_it_cannot_compare() -> None:
    with pytest.raises(ValueError, match="object"):
        mx.compile(lambda x: x)(object())


@pytest.mark.parametrize("name", ["inputs", "outputs"])
@pytest.mark.parametrize("tree", [X, (X,), [(X,)]])
def test_compiled_state_must_be_replaceable(name: str, tree: Any) -> None:
    with pytest.raises(TypeError, match=name):
        mx.compile(lambda x: x, **{name: tree})(X)


def test_disable_compile() -> None:
    recorded = []

    def fun(x: mx.array) -> mx.array:
        recorded.append(1)
        return x

    mx.disable_compile()
    try:
        compiled = mx.compile(fun)
        compiled(X)
        compiled(X)
    finally:
        mx.enable_compile()
    assert len(recorded) == 2


def test_constants_that_are_equal_but_not_the_same_are_recorded_apart() -> None:
    reciprocal = mx.compile(lambda x, by: x / by)
    assert reciprocal(mx.array(1.0), 0.0).item() == math.inf
    assert reciprocal(mx.array(1.0), -0.0).item() == -math.inf
    calls = []

    @mx.compile
    def plus(x: mx.array, constant: float | complex) -> mx.array:
        calls.append(constant)
        return x + constant

    for constant in (math.nan, float("nan"), 1, 1.0, True, 2**70 % 2**64 + 1):
        plus(mx.array(1.0), constant)
    assert len(calls) == 4


def test_compiled_functions_are_freed_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        function = lambda x: x + 1  # noqa: E731
        compiled = mx.compile(function)
        compiled(mx.array(1.0))
        alive = weakref.ref(function)
        del function, compiled
        assert alive() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "all", "any"])
@pytest.mark.parametrize("dtype", ["complex64", "float64", "float32", "int8", "bool_"])
def test_reductions_over_single_elements_for_all_shapes(name: str, dtype: str) -> None:
    numbers = mx.arange(24).astype(getattr(mx, dtype))
    reduction = getattr(mx, name)
    for shape, axis in (((1, 8, 3), 0), ((8, 1, 3), 1), ((1, 24, 1), (0, 2)), ((1, 1, 24), (0, 1))):
        x = numbers.reshape(shape)
        for array in (x, x[..., ::-1], mx.swapaxes(x, 0, 1)):
            for keepdims in (False, True):
                f = partial(reduction, axis=axis, keepdims=keepdims)
                got = mx.compile(f, shapeless=True)(array)
                assert got.dtype == f(array).dtype
                assert got.tolist() == f(array).tolist()


def recorded_operations(fun: Any, *args: mx.array) -> list[str]:
    """The operations of a compiled function, when it is repeated."""
    compiled = mx.compile(fun)
    mx.eval(compiled(*args))
    log = cpu_kernels.Log()
    mx.eval(compiled(*args))
    return sorted(record.primitive for record in log.records())


def test_what_is_computed_twice_is_recorded_once() -> None:
    x = mx.array([1.0, 2.0, 3.0])
    mx.eval(x)

    def sums(x: mx.array) -> list[mx.array]:
        return [mx.sum(mx.exp(x * 2)), mx.max(mx.exp(x * 2)), mx.sum(mx.exp(x * 3))]

    compiled = recorded_operations(sums, x)
    assert compiled.count("Sum") == 2
    assert sum("Exp" in name for name in compiled) == 2
    for got, expected in zip(mx.compile(sums)(x), sums(x), strict=True):
        np.testing.assert_array_equal(np.array(got), np.array(expected))


def test_what_differs_by_its_constants_is_not() -> None:
    x = mx.array([[1.0, 2.0], [3.0, 5.0]])

    def results(x: mx.array) -> list[mx.array]:
        return [
            *(mx.sum(x, axis=axis) for axis in (0, 1)),
            *(x.reshape(shape) for shape in ((4, 1), (1, 4), (4, 1))),
            *(x * number for number in (0.0, -0.0, 2.0)),
            *(x.astype(dtype) for dtype in (mx.int32, mx.int64, mx.int32)),
            mx.concatenate([x, x]),
            mx.concatenate([x, x], axis=1),
            # The same numbers, drawn twice, and others.
            mx.random.normal((2,), key=mx.random.key(1)) + x,
            mx.random.normal((2,), key=mx.random.key(1)) + x,
            mx.random.normal((2,), key=mx.random.key(2)) + x,
        ]

    for got, expected in zip(mx.compile(results)(x), results(x), strict=True):
        assert got.shape == expected.shape
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(np.array(got), np.array(expected))
        np.testing.assert_array_equal(np.signbit(np.array(got)), np.signbit(np.array(expected)))


def test_a_checkpoint_is_computed_twice() -> None:
    x = mx.array([1.0, 2.0, 3.0])
    mx.eval(x)

    def loss(x: mx.array) -> mx.array:
        return mx.sum(mx.checkpoint(lambda x: mx.sin(mx.logsumexp(x) * x))(x))

    assert sum("LogSumExp" in name for name in recorded_operations(mx.grad(loss), x)) >= 1
    both = recorded_operations(mx.value_and_grad(loss), x)
    assert sum("LogSumExp" in name for name in both) == 2
