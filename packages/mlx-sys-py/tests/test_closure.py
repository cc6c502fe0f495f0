"""Python functions inside C: results, exceptions, ownership, nesting, threads."""

from __future__ import annotations

import gc
import threading
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import mlx_sys_py as mx
import pytest
from mlx_sys_py import Closure, array, ops, transforms


class Failure(Exception):
    """An exception that no library raises."""


def failing(_: list[array]) -> list[array]:
    raise Failure("100%s of it")


def test_a_closure_is_a_function() -> None:
    swap = Closure(lambda inputs: [inputs[1], inputs[0] + 1])
    first, second = swap([array(1), array(2)])
    assert (first.item(), second.item()) == (2, 2)
    assert swap((array(3), array(4)))[0].item() == 4


def test_a_closure_wants_a_function() -> None:
    with pytest.raises(TypeError, match="callable"):
        Closure(3)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="again"):
        Closure(lambda x: x).__init__(lambda x: x)  # type: ignore[misc]


RUNS: list[Callable[[Callable[[list[array]], list[array]]], object]] = [
    lambda f: Closure(f)([array(1.0)]),
    lambda f: transforms.value_and_grad(f, [0])([array(1.0)]),
    lambda f: transforms.vjp(f, [array(1.0)], [array(1.0)]),
    lambda f: transforms.jvp(f, [array(1.0)], [array(1.0)]),
    lambda f: transforms.compile(f)([array(1.0)]),
    lambda f: transforms.checkpoint(f)([array(1.0)]),
    lambda f: transforms.vmap_trace(f, [array([1.0, 2.0])], [0]),
]


@pytest.mark.parametrize("run", RUNS)
def test_an_exception_comes_out_as_itself(run: Callable[..., object]) -> None:
    with pytest.raises(Failure, match="100%s of it") as caught:
        run(failing)
    assert "failing" in "".join(traceback.format_tb(caught.value.__traceback__))
    # Nothing of it stays behind.
    assert Closure(lambda x: x)([array(1)])[0].item() == 1
    with pytest.raises(ValueError, match="broadcast"):
        array([1, 2]) + array([1, 2, 3])


@pytest.mark.parametrize("run", RUNS)
def test_wrong_results_are_refused(run: Callable[..., object]) -> None:
    for result in (None, 3, "text", [None]):
        with pytest.raises(TypeError, match=r"result|must be"):
            run(lambda _, result=result: result)


def test_an_exception_in_a_nested_gradient() -> None:
    def outer(inputs: list[array]) -> list[array]:
        return transforms.value_and_grad(failing, [0])(inputs)[1]

    with pytest.raises(Failure):
        transforms.value_and_grad(outer, [0])([array(1.0)])


def test_an_exception_that_the_caller_handles() -> None:
    def careful(inputs: list[array]) -> list[array]:
        try:
            Closure(failing)(inputs)
        except Failure:
            return [inputs[0] * 2]
        return []

    values, grads = transforms.value_and_grad(careful, [0])([array(3.0)])
    assert values[0].item() == 6
    assert grads[0].item() == 2


def test_keyboard_interrupt_passes_through() -> None:
    def interrupted(_: list[array]) -> list[array]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transforms.value_and_grad(interrupted, [0])([array(1.0)])


def test_gradients_of_gradients() -> None:
    def cube(x: list[array]) -> list[array]:
        return [x[0] * x[0] * x[0]]

    def slope(x: list[array]) -> list[array]:
        return transforms.value_and_grad(cube, [0])(x)[1]

    assert slope([array(2.0)])[0].item() == 12
    assert transforms.value_and_grad(slope, [0])([array(2.0)])[1][0].item() == 12


def test_a_closure_owns_its_function_until_it_goes() -> None:
    class Function:
        def __call__(self, inputs: list[array]) -> list[array]:
            return inputs

    function = Function()
    gone = weakref.ref(function)
    closure = transforms.checkpoint(Closure(function))
    del function
    gc.collect()
    assert gone() is not None
    assert closure([array(1)])[0].item() == 1
    del closure
    gc.collect()
    assert gone() is None


def test_compile_calls_the_function_once_per_shape() -> None:
    calls = []

    def traced(inputs: list[array]) -> list[array]:
        calls.append(inputs[0].shape)
        return [inputs[0] * 2 + 1]

    compiled = transforms.compile(traced)
    for _ in range(3):
        assert compiled([array([1.0, 2.0])])[0].tolist() == [3.0, 5.0]
    assert compiled([array([1.0])])[0].tolist() == [3.0]
    assert calls == [(2,), (1,)]


def test_vmap() -> None:
    inputs = [array([[1.0, 2.0], [3.0, 4.0]]), array([10.0, 20.0])]
    traced = transforms.vmap_trace(lambda x: [(x[0] * x[1]).sum()], inputs, [0, -1])
    (result,) = transforms.vmap_replace(inputs, *traced, [0, -1], [0])
    assert result.tolist() == [50.0, 110.0]


def test_a_jacobian_vector_product() -> None:
    outputs, products = transforms.jvp(lambda x: [x[0] * x[0]], [array(3.0)], [array(2.0)])
    assert (outputs[0].item(), products[0].item()) == (9, 12)
    outputs, products = transforms.vjp(lambda x: [x[0] * x[0]], [array(3.0)], [array(2.0)])
    assert (outputs[0].item(), products[0].item()) == (9, 12)


def derivative(fun: Callable[[list[array]], Any], times: int) -> Callable[[list[array]], Any]:
    for _ in range(times):
        fun = (lambda f: lambda x: transforms.value_and_grad(f, [0])(x)[1])(fun)
    return fun


def test_the_tenth_derivative() -> None:
    """Of exp(2x), at 0: two to the tenth."""
    fun = derivative(lambda x: [ops.exp(x[0] * 2)], 10)
    assert fun([array(0.0)])[0].item() == 1024


@pytest.mark.parametrize("kind", [Failure, KeyboardInterrupt, StopIteration, RecursionError])
def test_an_exception_comes_out_of_the_tenth_derivative(kind: type[BaseException]) -> None:
    def innermost(_: list[array]) -> list[array]:
        raise kind("100%s of it")

    with pytest.raises(kind, match="100%s of it") as caught:
        derivative(transforms.checkpoint(transforms.compile(innermost)), 10)([array(1.0)])
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "innermost"


def test_evaluation_inside_a_gradient() -> None:
    def noisy(x: list[array]) -> list[array]:
        y = x[0] * x[0]
        assert y.item() == 9
        return [y]

    assert transforms.value_and_grad(noisy, [0])([array(3.0)])[1][0].item() == 6


def test_gradients_in_many_threads() -> None:
    wrong = []

    def work(number: int) -> None:
        for _ in range(50):
            _, (slope,) = transforms.value_and_grad(lambda x: [x[0] * x[0]], [0])(
                [array(float(number))]
            )
            if slope.item() != 2 * number:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_containers() -> None:
    vector = mx.VectorArray([array(1), 2])
    vector.append([3, 4])
    assert len(vector) == 3
    assert vector[-1].tolist() == [3, 4]
    with pytest.raises(IndexError, match="out of range"):
        vector[3]
    arrays = mx.MapStringToArray({"a": array(1)})
    arrays["b%s"] = array(2)
    assert {name: value.item() for name, value in arrays.to_dict().items()} == {"a": 1, "b%s": 2}
    assert mx.MapStringToString({"k": "v"}).to_dict() == {"k": "v"}
    with pytest.raises(TypeError, match="key must be a str"):
        arrays[3] = array(1)  # type: ignore[index]
    with pytest.raises(ValueError, match="null character"):
        arrays["a\0"] = array(1)
