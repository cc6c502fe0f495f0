"""Closures of every kind, functions with transformations of their own, keys of compilation."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mlx_sys_py import (
    Closure,
    ClosureCustom,
    ClosureCustomJvp,
    ClosureCustomVmap,
    ClosureKwargs,
    ClosureValueAndGrad,
    array,
    ops,
    transforms,
)

X = array([1.0, 2.0])


class Failure(Exception):
    """An exception that no library raises."""


# Each kind of closure, arguments for it, and a function that fits.
KINDS: list[tuple[Any, tuple[Any, ...], Callable[..., Any]]] = [
    (Closure, ([X],), lambda x: x),
    (ClosureKwargs, ([X], {"y": X}), lambda x, y: [x[0] + y["y"]]),
    (ClosureValueAndGrad, ([X],), lambda x: (x, x)),
    (ClosureCustom, ([X], [X], []), lambda x, dy, y: [*x, *dy, *y]),
    (ClosureCustomJvp, ([X], [X], []), lambda x, dx, argnums: [*x, *dx, array(argnums)]),
    (ClosureCustomVmap, ([X], [-1]), lambda x, axes: (x, [axis + 1 for axis in axes])),
]
BY_KIND = pytest.mark.parametrize(
    ("kind", "arguments", "function"), KINDS, ids=[kind.__name__ for kind, _, _ in KINDS]
)


def plain(value: Any) -> Any:
    if isinstance(value, array):
        return value.tolist()
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


@BY_KIND
def test_a_closure_gives_what_its_function_gives(
    kind: Any, arguments: tuple[Any, ...], function: Callable[..., Any]
) -> None:
    assert plain(kind(function)(*arguments)) == plain(function(*arguments))


@BY_KIND
def test_an_exception_comes_out_as_itself(
    kind: Any, arguments: tuple[Any, ...], function: Callable[..., Any]
) -> None:
    def failing(*_: Any) -> Any:
        raise Failure("100%s of it")

    with pytest.raises(Failure, match="100%s of it"):
        kind(failing)(*arguments)
    for result in (None, 3, [None], "text", (X, X, None)):
        with pytest.raises((TypeError, ValueError), match=r"result|pair|must"):
            kind(lambda *_, result=result: result)(*arguments)


@BY_KIND
def test_a_closure_lets_go_of_its_function(
    kind: Any, arguments: tuple[Any, ...], function: Callable[..., Any]
) -> None:
    class Held:
        def __call__(self, *inputs: Any) -> Any:
            return function(*inputs)

    held = Held()
    gone = weakref.ref(held)
    closure = kind(held)
    del held
    closure(*arguments)
    assert gone() is not None
    del closure
    assert gone() is None
    with pytest.raises(TypeError, match="callable"):
        kind(3)
    with pytest.raises(RuntimeError, match="again"):
        kind(function).__init__(function)


def vjp(primals: list[array], cotangents: list[array], outputs: list[array]) -> list[array]:
    return [10 * cotangents[0] * primals[0] + outputs[0]]


def jvp(primals: list[array], tangents: list[array], argnums: list[int]) -> list[array]:
    assert argnums == [0]
    return [20 * tangents[0] * primals[0]]


def vmap(inputs: list[array], axes: list[int]) -> tuple[list[array], list[int]]:
    return [ops.full_like(inputs[0], axes[0])], axes


def square(inputs: list[array]) -> list[array]:
    return [inputs[0] * inputs[0]]


def test_a_function_with_all_transformations_of_its_own() -> None:
    f = transforms.custom_function(square, vjp, jvp, vmap)
    assert f([X])[0].tolist() == [1, 4]
    assert plain(transforms.vjp(f, [X], [X])) == [[[1, 4]], [[11, 44]]]
    assert plain(transforms.jvp(f, [X], [X])) == [[[1, 4]], [[20, 80]]]
    traced = transforms.vmap_trace(f, [array([[1.0, 2.0], [3.0, 4.0]])], [1])
    (result,) = transforms.vmap_replace([array([[1.0, 2.0], [3.0, 4.0]])], *traced, [1], [1])
    assert result.tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("name", ["vjp", "jvp", "vmap"])
def test_the_other_transformations_are_the_functions_own(name: str) -> None:
    f = transforms.custom_function(square, **{name: globals()[name]})
    assert transforms.vjp(f, [X], [X])[1][0].tolist() == ([11, 44] if name == "vjp" else [2, 8])
    assert transforms.jvp(f, [X], [X])[1][0].tolist() == ([20, 80] if name == "jvp" else [2, 8])


def test_custom_vjp() -> None:
    f = transforms.custom_vjp(square, vjp)
    assert transforms.vjp(f, [X], [X])[1][0].tolist() == [11, 44]
    value_and_grad = transforms.value_and_grad(lambda x: [ops.sum(f(x)[0])], [0])
    assert value_and_grad([X])[1][0].tolist() == [11, 24]


@pytest.mark.parametrize("name", ["vjp", "jvp", "vmap"])
def test_wrong_rules(name: str) -> None:
    runs: dict[str, Callable[[Closure], object]] = {
        "vjp": lambda f: transforms.vjp(f, [X], [X]),
        "jvp": lambda f: transforms.jvp(f, [X], [X]),
        "vmap": lambda f: transforms.vmap_replace(
            [X], *transforms.vmap_trace(f, [X], [0]), [0], [0]
        ),
    }

    def failing(*_: Any) -> Any:
        raise Failure(name)

    with pytest.raises(Failure, match=name):
        runs[name](transforms.custom_function(square, **{name: failing}))

    def too_many(*_: Any) -> Any:
        return ([X, X], [0, 0]) if name == "vmap" else [X, X]

    with pytest.raises(ValueError, match="are needed"):
        runs[name](transforms.custom_function(square, **{name: too_many}))
    with pytest.raises(TypeError, match="callable"):
        transforms.custom_function(square, **{name: 3})  # type: ignore[arg-type]


def test_rules_live_as_long_as_the_graph() -> None:
    def build() -> tuple[Closure, weakref.ref[Any]]:
        class Rule:
            def __call__(self, *inputs: list[array]) -> list[array]:
                return vjp(*inputs)

        rule = Rule()
        return transforms.custom_function(square, rule), weakref.ref(rule)

    f, rule = build()
    gc.collect()
    gradients = transforms.vjp(f, [X], [X])[1]
    del f
    gc.collect()
    assert gradients[0].tolist() == [11, 44]
    del gradients
    gc.collect()
    assert rule() is None


@pytest.fixture
def traces() -> Iterator[list[int]]:
    transforms.compile_clear_cache()
    yield []
    transforms.compile_clear_cache()


def counting(traces: list[int]) -> Callable[[list[array]], list[array]]:
    def count(inputs: list[array]) -> list[array]:
        traces.append(1)
        return [inputs[0] + 1]

    return count


def test_compiled_functions_share_what_has_their_key(traces: list[int]) -> None:
    for constants, expected in (([1], 1), ([1], 1), ([2], 2)):
        f = transforms.detail_compile(counting(traces), 77, False, constants)
        assert f([X])[0].tolist() == [2, 3]
        assert len(traces) == expected
    transforms.compile_erase(77)
    transforms.detail_compile(counting(traces), 77, False, [1])([X])
    assert len(traces) == 3


def test_clearing_the_cache_records_anew(traces: list[int]) -> None:
    f = transforms.compile(counting(traces))
    f([X]), f([X])
    assert len(traces) == 1
    transforms.compile_clear_cache()
    f([X])
    assert len(traces) == 2


def test_compile_modes(traces: list[int]) -> None:
    modes = transforms.CompileMode
    try:
        for mode in modes:
            transforms.set_compile_mode(mode)
            assert transforms.compile(counting(traces))([X])[0].tolist() == [2, 3]
        with pytest.raises(TypeError, match="mode"):
            transforms.set_compile_mode(3)  # type: ignore[arg-type]
    finally:
        transforms.set_compile_mode(modes.enabled)


def test_wrong_keys() -> None:
    for key in (-1, 2**64, "1"):
        with pytest.raises((TypeError, ValueError, OverflowError), match="fun_id"):
            transforms.detail_compile(square, key)  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError, OverflowError), match="constants"):
        transforms.detail_compile(square, 1, False, [-1])


def test_a_compiled_function_keeps_its_rules() -> None:
    """A recording does without the node of a custom function, but not what transforms it."""
    calls = []

    def both(x: list[array]) -> list[array]:
        calls.append("function")
        return [x[0] * 2, x[0] + 1]

    def rule(x: list[array], dy: list[array], y: list[array]) -> list[array]:
        assert plain(y) == [(x[0] * 2).tolist(), (x[0] + 1).tolist()]
        return [10 * dy[0] + dy[1]]

    custom = transforms.custom_function(both, vjp=rule, vmap=lambda x, axes: (both(x), [0, 0]))
    # One output twice, and one that another operation uses.
    compiled = transforms.compile(lambda x: [*custom(x), ops.exp(custom(x)[0] * 0), custom(x)[1]])
    for _ in range(2):
        assert plain(compiled([X])) == [[2, 4], [2, 3], [1, 1], [2, 3]]
    assert calls == ["function"] * 3
    ones = ops.ones((2,))
    gradient = transforms.vjp(compiled, [X], [ones, ones, ones, ones])[1]
    assert plain(gradient) == [[12, 12]]

    rows = ops.stack([X, X])
    traced = transforms.vmap_trace(compiled, [rows], [0])
    calls.clear()
    result = transforms.vmap_replace([rows], *traced, [0], [0, 0, 0, 0])
    assert plain(result[0]) == [[2, 4], [2, 4]]
    assert calls == ["function"] * 3


def test_gradients_of_custom_functions_are_compiled() -> None:
    custom = transforms.custom_vjp(
        lambda x: [ops.sum(x[0] * x[0])], lambda x, dy, y: [dy[0] * x[0] * 100]
    )
    inner = transforms.value_and_grad(transforms.checkpoint(custom), [0])
    compiled = transforms.compile(lambda x: inner(x)[1])
    for _ in range(2):
        assert plain(compiled([X])) == [[100, 200]]


def test_compiled_equal_outputs_without_gradients() -> None:
    compiled = transforms.compile(lambda x: [ops.stop_gradient(x[0] + 1) for _ in range(3)])
    assert plain(compiled([X])) == [[2, 3]] * 3
    rows = transforms.vjp(compiled, [X], [X, X, X])[1]
    assert plain(rows) == [[0, 0]]
